//! The tables of the catalog.

mod event;
mod inventory;
mod listing;
mod venue;
