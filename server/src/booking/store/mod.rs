//! Booking's tables.

mod availability;
mod board;
mod booking;
mod feed;
mod general_admission;
mod hold;
mod inventory;
mod takeover;

pub(crate) use board::BoardWanted;
pub(crate) use feed::Revision;
pub(crate) use takeover::Takeover;
