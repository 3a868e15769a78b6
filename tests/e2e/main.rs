//! Scenarios, races and faults, against the real server on real databases. A scenario's name begins
//! with its number; ARCHITECTURE.md has the table.

mod sale;
mod tidy;

mod access;
mod access_rules;
mod catalog;
mod invariants;
mod port;
mod requests;
mod sign_in;
mod start;
mod tokens;
mod watch_ends;
mod watch_seats;
mod watcher;
mod wire;
