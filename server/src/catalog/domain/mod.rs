//! The rules of venues and events, without any I/O.

mod about;
pub mod event;
pub mod event_change;
pub mod event_draft;
pub mod faults;
pub mod offer;
pub mod search;
pub mod terms;
pub mod venue;
pub mod venue_change;
pub mod venue_draft;
