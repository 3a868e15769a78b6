//! What the tests of identity, and of whoever needs callers, begin with.

use crate::identity::tokens::AccessTokens;
use crate::secret::{Secret, Secrets};

pub(crate) fn secret(text: &str) -> Secret {
    Secret::parse(&text.repeat(4)).expect("a strong secret")
}

pub(crate) fn secrets() -> Secrets {
    Secrets { current: secret("0123456789abcdef"), previous: Vec::new() }
}

pub(crate) fn tokens() -> AccessTokens {
    AccessTokens::new(&secrets(), "https://boxoffice.test", "boxoffice")
}
