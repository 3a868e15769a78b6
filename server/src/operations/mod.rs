//! What operators need: the platform's promises, checked over the real tables.

pub mod grpc;
pub mod invariants;
mod store;
