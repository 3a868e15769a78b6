//! Access tokens, which anybody can verify; refresh tokens, secrets of services and tokens of
//! mails, which only the server knows.

mod access;
mod mail;
mod refresh;
mod service;

pub use access::{AccessToken, AccessTokens, TokenRead};
pub use mail::{MailTokens, VerificationClaim};
pub use refresh::{RefreshSecret, RefreshTokens};
pub use service::ServiceSecret;
