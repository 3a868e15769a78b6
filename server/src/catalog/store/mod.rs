//! The tables of the catalog.

mod blocked;
mod event;
mod inventory;
mod listing;
mod offer;
mod venue;
mod venue_change;
