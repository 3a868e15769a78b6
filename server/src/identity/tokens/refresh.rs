//! Refresh tokens: random, known to the database by their hash only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::secret::{Key, Secrets, keyed_hash};

/// What every refresh token begins with, so that secret scanners recognise a leaked one.
const PREFIX: &str = "bor_";
/// What the keys are derived for.
const KEY_PURPOSE: &str = "refresh-token";

/// A refresh token. Shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshSecret(String);

impl RefreshSecret {
    /// The first token of a sign-in.
    pub fn random(entropy: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(entropy)))
    }

    /// Reads what a client sent; `None` if no token looks like that.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX).filter(|digits| digits.len() == 43)?;
        let bytes = URL_SAFE_NO_PAD.decode(digits).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// What the database knows it by. A fast hash is enough: there are 2^256 tokens to try.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(&self.0).to_vec()
    }

    /// The token itself, for its holder.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Makes the successors of tokens. A successor follows from its parent, so that the same one can be
/// given again though it is stored nowhere.
#[derive(Clone)]
pub struct RefreshTokens {
    keys: Vec<Key>,
    current: Key,
}

impl RefreshTokens {
    /// With the keys of these secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self { keys: secrets.keys(KEY_PURPOSE), current: secrets.current.key(KEY_PURPOSE) }
    }

    /// The successor that a token gets now.
    pub fn successor(&self, parent: &RefreshSecret) -> RefreshSecret {
        derived(&self.current, parent)
    }

    /// The successor that a token got earlier, perhaps under a previous secret; `None` if that
    /// secret is no longer accepted.
    pub fn given_successor(&self, parent: &RefreshSecret, hash: &[u8]) -> Option<RefreshSecret> {
        let mut candidates = self.keys.iter().map(|key| derived(key, parent));
        candidates.find(|candidate| candidate.hash() == hash)
    }
}

fn derived(key: &Key, parent: &RefreshSecret) -> RefreshSecret {
    RefreshSecret::random(keyed_hash(key, &[parent.0.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn secrets(current: &str, previous: &[&str]) -> Secrets {
        let parse = |text: &str| Secret::parse(text).expect("a strong secret");
        Secrets {
            current: parse(current),
            previous: previous.iter().map(|text| parse(text)).collect(),
        }
    }

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn a_token_reads_back_and_garbage_does_not() {
        let token = RefreshSecret::random([7; 32]);
        assert!(RefreshSecret::parse(&token.clone().into_text()).is_some());
        let text = token.into_text();
        for wrong in ["", "bor_", "bor_x", &text[4..], &text[..46], &format!("{text}A"), "bor_é"] {
            assert!(RefreshSecret::parse(wrong).is_none(), "{wrong}");
        }
        // The last character has bits that say nothing; only one form of a token is accepted.
        assert!(RefreshSecret::parse(&format!("bor_{}A", "A".repeat(42))).is_some());
        assert!(RefreshSecret::parse(&format!("bor_{}B", "A".repeat(42))).is_none());
    }

    #[test]
    fn a_successor_is_always_the_same_and_differs_from_every_other() {
        let tokens = RefreshTokens::new(&secrets(OLD, &[]));
        let first = RefreshSecret::random([1; 32]);
        let second = tokens.successor(&first);
        assert!(tokens.successor(&first) == second);
        assert!(second != first && tokens.successor(&second) != second);
        assert!(tokens.successor(&RefreshSecret::random([2; 32])) != second);
        assert!(RefreshSecret::parse(&second.clone().into_text()).is_some());
    }

    #[test]
    fn a_successor_is_found_again_after_the_secret_was_changed() {
        let first = RefreshSecret::random([1; 32]);
        let second = RefreshTokens::new(&secrets(OLD, &[])).successor(&first);
        let hash = second.hash();
        let changed = RefreshTokens::new(&secrets(NEW, &[OLD]));
        assert!(changed.given_successor(&first, &hash) == Some(second));
        let forgotten = RefreshTokens::new(&secrets(NEW, &[]));
        assert!(forgotten.given_successor(&first, &hash).is_none());
    }
}
