//! Inventory, holds and bookings: whose seat it is.

pub mod consumer;
pub mod domain;
pub mod events;
pub mod feed;
pub mod grpc;
pub mod service;
mod store;
