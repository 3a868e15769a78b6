//! The use cases of the sale. Those that change seats run in groups: a slice of commands, one
//! transaction, an outcome each.

mod advance;
mod cancel;
mod create;
mod hold;
mod inventory;
mod organizer;
mod read;
mod rounds;
mod takeover;

pub use advance::{Advance, Advanced, advance};
pub use cancel::{CallOffBooking, CancelBooking, LapseBooking, Returned, return_places};
pub use create::CreateBooking;
pub use hold::{
    CallOffHold, ChangeHold, ExpireHold, ExtendHold, HoldSeats, ReleaseHold, active_holds,
    active_holds_at, find_hold, holds_over,
};
pub use inventory::{
    BlockSeats, availability, call_off, describe_event, move_start, open_inventory, seat_map,
    withdraw,
};
pub use organizer::organizer_of;
pub use read::{BookingService, HeldPlaces, find_booking};
pub use takeover::{TakeOverGuest, request_takeover};
