//! The rules of the sale, without any I/O.

pub mod availability;
pub mod board;
#[cfg(test)]
mod board_tests;
pub mod booking;
#[cfg(test)]
mod booking_tests;
pub mod hold;
pub mod inventory;
pub mod place;
pub mod saga;
#[cfg(test)]
mod saga_table;
mod shift;
