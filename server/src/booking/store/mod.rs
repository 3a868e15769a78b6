//! Booking's tables.

mod board;
mod booking;
mod feed;
mod hold;
mod inventory;

pub(crate) use board::BoardWanted;
pub(crate) use feed::Revision;
