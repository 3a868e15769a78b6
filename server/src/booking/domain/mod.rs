//! The rules of the sale, without any I/O.

pub mod inventory;
