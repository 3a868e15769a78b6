//! The rules of accounts, passwords, tokens and attempts at them, without any I/O.

pub mod account;
pub mod audit;
pub mod password;
pub mod refresh;
pub mod reset;
pub mod service_account;
pub mod throttle;
