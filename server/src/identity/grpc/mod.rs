//! Identity over gRPC: requests in, use cases, responses out.

mod request;
mod response;
mod server;

pub use server::IdentityGrpc;

#[cfg(test)]
mod tests;
