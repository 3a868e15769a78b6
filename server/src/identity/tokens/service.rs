//! Secrets of service accounts: random, known to the database by their hash only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// What every secret begins with, so that secret scanners recognise a leaked one.
const PREFIX: &str = "bos_";

/// The secret of a service account. Shows nothing of itself.
#[derive(Clone)]
pub struct ServiceSecret(String);

impl ServiceSecret {
    /// A new secret.
    pub fn random(entropy: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(entropy)))
    }

    /// What the database knows a secret by, or what somebody took for one. A fast hash is enough:
    /// there are 2^256 secrets to try.
    pub fn hash_of(text: &str) -> Vec<u8> {
        Sha256::digest(text).to_vec()
    }

    /// What the database knows it by.
    pub fn hash(&self) -> Vec<u8> {
        Self::hash_of(&self.0)
    }

    /// The secret itself, for its holder.
    pub fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_text() {
        let secret = ServiceSecret::random([7; 32]);
        assert_eq!(secret.hash(), ServiceSecret::hash_of(&secret.clone().into_text()));
        assert_ne!(secret.hash(), ServiceSecret::random([8; 32]).hash());
        assert!(secret.into_text().starts_with(PREFIX));
    }
}
