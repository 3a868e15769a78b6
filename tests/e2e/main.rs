//! Scenarios, races and faults, against the real server on real databases. A scenario's name begins
//! with its number; ARCHITECTURE.md has the table.

mod sale;
mod tidy;

mod events;
mod kills;
mod late_money;
mod latency;
mod money;
mod payment;
mod saga;
mod storm;
