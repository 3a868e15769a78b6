//! Accounts, sign-in and guest sessions: who is who.

pub mod domain;
pub mod passwords;
pub mod tokens;

#[cfg(test)]
pub(crate) mod tests;
