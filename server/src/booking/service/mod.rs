//! The use cases of the sale.

mod inventory;

pub use inventory::{open_inventory, seat_map};
