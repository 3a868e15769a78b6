//! The rules of venues and events, without any I/O.

pub mod event;
pub mod event_draft;
pub mod faults;
pub mod search;
pub mod venue;
pub mod venue_draft;
