//! Access tokens, which anybody can verify, and refresh tokens, which only the server knows.

mod access;
mod refresh;

pub use access::{AccessToken, AccessTokens};
pub use refresh::{RefreshSecret, RefreshTokens};
