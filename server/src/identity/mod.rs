//! Accounts, sign-in and guest sessions: who is who.

pub mod domain;
mod events;
pub mod grpc;
pub mod passwords;
pub mod service;
mod store;
pub mod tokens;

#[cfg(test)]
pub(crate) mod tests;
