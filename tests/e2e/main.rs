//! Scenarios, races and faults, against the real server on real databases.

mod tidy;
