//! Views that are built from events.

pub mod domain;
pub mod events;
pub mod grpc;
pub mod service;
mod store;
