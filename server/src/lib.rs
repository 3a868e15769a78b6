//! The Boxoffice server: catalog, identity, booking, payment and tickets on one gRPC port.
//! ARCHITECTURE.md at the top of the repository is the map.

pub mod adapters;
pub mod booking;
pub mod catalog;
pub mod error;
pub mod identity;
pub mod kernel;
pub mod ports;
pub mod secret;
pub mod store;
pub mod transport;
