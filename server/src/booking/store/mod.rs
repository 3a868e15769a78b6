//! Booking's tables.

mod inventory;
