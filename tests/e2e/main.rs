//! Scenarios, races and faults, against the real server on real databases. A scenario's name begins
//! with its number; ARCHITECTURE.md has the table.

mod bookings;
mod contention;
mod events;
mod expiry;
mod forgery;
mod holds;
mod kills;
mod late_money;
mod latency;
mod ledger;
mod money;
mod payment;
mod refusals;
mod repeats;
mod saga;
mod sale;
mod seat_log;
mod storm;
mod tidy;
