//! The rules of the sale, without any I/O.

pub mod board;
pub mod booking;
#[cfg(test)]
mod booking_tests;
pub mod hold;
pub mod inventory;
