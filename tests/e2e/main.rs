//! Scenarios, races and faults, against the real server on real databases. A scenario's name begins
//! with its number; ARCHITECTURE.md has the table.

mod access;
mod access_rules;
mod bookings;
mod catalog;
mod contention;
mod events;
mod expiry;
mod forgery;
mod holds;
mod invariants;
mod kills;
mod late_money;
mod latency;
mod ledger;
mod money;
mod payment;
mod port;
mod refusals;
mod repeats;
mod requests;
mod saga;
mod sale;
mod seat_log;
mod sign_in;
mod start;
mod storm;
mod tidy;
mod tokens;
mod watch_ends;
mod watch_seats;
mod watcher;
mod wire;
