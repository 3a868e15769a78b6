//! Tickets: the right of entry, with a signed code each.

pub mod code;
pub mod domain;
mod events;
pub mod grpc;
pub mod render;
pub mod service;
mod store;
