//! Venues and events as organizers describe them. What can be bought of them is booking's.

pub mod domain;
mod events;
pub mod grpc;
pub mod service;
mod store;
#[cfg(test)]
mod tests;
