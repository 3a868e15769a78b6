//! The catalog over gRPC: requests in, use cases, responses out.

mod request;
mod response;
mod server;

pub use server::CatalogGrpc;

#[cfg(test)]
mod tests;
