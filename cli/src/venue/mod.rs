//! Venues.

mod change;
mod commands;
mod import;

pub use commands::Venues;
