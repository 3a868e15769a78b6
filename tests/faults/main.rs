//! Servers with faults of our own, which have to be found or survived; and faults of everything
//! around servers, which want the machine for themselves.

mod bugs;
mod clocks;
mod crashes;
mod databases;
mod disks;
mod disks_postgres;
mod lost_answers;
mod migrations;
mod network;
mod released;
mod replicas;
mod sale;
mod scenes;
mod silences;
mod verdict;
