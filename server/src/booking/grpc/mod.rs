//! The booking service on the wire.

mod map;
mod service;
mod watch;

pub use map::cursor;
pub use service::BookingGrpc;
