//! The Boxoffice server: catalog, identity, booking, payment and tickets on one gRPC port.
//! ARCHITECTURE.md at the top of the repository is the map.

// First, because its macros are used by what follows.
#[macro_use]
pub mod faults;

pub mod adapters;
pub mod app;
pub mod booking;
pub mod catalog;
pub mod config;
mod cores;
pub mod delivery;
mod demo;
pub mod error;
mod gateways;
pub mod identity;
pub mod kernel;
pub mod notification;
pub mod operations;
pub mod parts;
pub mod payment;
pub mod ports;
pub mod program;
pub mod reporting;
pub mod sandbox_config;
pub mod secret;
pub mod store;
pub mod tasks;
pub mod ticket;
pub mod transport;
pub mod welcome;
mod workers;
