//! Pure values that every context shares: no I/O, no clock, no randomness.

pub mod body_hash;
pub mod caller;
pub mod event_facts;
pub mod id;
pub mod limits;
pub mod local_time;
pub mod money;
pub mod page;
pub mod seat_state;
pub mod text;
pub mod time;
