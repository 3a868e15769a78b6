//! The rules of accounts, passwords and refresh tokens, without any I/O.

pub mod account;
pub mod password;
pub mod refresh;
