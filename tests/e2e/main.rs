//! Scenarios, races and faults, against the real server on real databases. A scenario's name begins
//! with its number; ARCHITECTURE.md has the table.

mod bookings;
mod contention;
mod expiry;
mod forgery;
mod holds;
mod money;
mod refusals;
mod repeats;
mod sale;
mod seat_log;
mod tidy;
