//! The use cases of the sale. Those that change seats run in groups: a slice of commands, one
//! transaction, an outcome each.

mod advance;
mod create;
mod hold;
mod inventory;
mod read;

pub use advance::{Advance, Advanced, CancelBooking, LapseBooking, advance};
pub use create::CreateBooking;
pub use hold::{ExpireHold, ExtendHold, HoldSeats, ReleaseHold, find_hold, holds_over};
pub use inventory::{open_inventory, seat_map};
pub use read::{BookingService, HeldPlaces, find_booking};
