//! What operators need: the platform's promises, checked over the real tables, how it is, and what
//! waits for somebody to decide.

pub mod dead_letters;
pub mod grpc;
pub mod invariants;
mod promises;
pub mod status;
mod store;
