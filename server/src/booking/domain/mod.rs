//! The rules of the sale, without any I/O.

pub mod board;
pub mod booking;

pub mod hold;
pub mod inventory;
