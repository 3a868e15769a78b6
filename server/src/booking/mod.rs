//! Inventory, holds and bookings: whose seat it is.

pub mod domain;
pub mod service;
mod store;
