//! The use cases of identity.

mod accounts;
mod refresh;
mod sign_in;

pub use accounts::{Session, contact_email, fill_contact_email};
pub use sign_in::{GuestSession, IdentityService, SignedIn, TokenPair};

#[cfg(test)]
mod tests;
