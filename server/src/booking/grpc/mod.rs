//! The booking service on the wire.

mod map;
mod places;
mod service;
mod watch;

pub use service::BookingGrpc;
