//! The use cases of identity.

mod accounts;
mod audit;
mod passwords;
mod refresh;
mod service_accounts;
mod sign_in;
mod take_over;
mod throttle;
mod verification;

pub use accounts::{Session, UserKey, contact_email, fill_contact_email};
pub use audit::audit;
pub use refresh::SWEEP_FULL;
pub use sign_in::{Arrival, GuestSession, IdentityService, SignedIn, TokenPair};
pub use take_over::takeover;
pub use verification::MailToken;

#[cfg(test)]
mod tests;
