//! Payments and refunds: money is taken once, and given back once where it must be.

pub mod consumer;
pub mod domain;
mod events;
pub mod grpc;
pub mod service;
mod store;
