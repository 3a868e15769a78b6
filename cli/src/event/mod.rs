//! Events and what is on sale for them.

mod availability;
mod block;
mod change;
mod commands;
mod create;
mod details;
mod list;
mod report;

pub use commands::Events;
pub use details::proto_duration;
pub use list::event_table;
