//! The one secret of an installation, and the keys that follow from it. A key that leaks tells
//! nothing of the secret or of the other keys.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// Characters a secret has at the least.
pub const SECRET_LENGTH_MIN: usize = 32;

/// A symmetric key, or the seed of a key pair.
pub type Key = [u8; KEY_BYTES];

/// The secret of an installation. Shows nothing of itself.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret of at least [`SECRET_LENGTH_MIN`] characters that are not all alike.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut distinct: Vec<char> = text.chars().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let strong = text.chars().count() >= SECRET_LENGTH_MIN && distinct.len() >= 8;
        strong.then(|| Self(text.to_owned()))
    }

    /// The key for one purpose; another purpose has another key.
    pub fn key(&self, purpose: &str) -> Key {
        // Extract, then expand, as HKDF does (RFC 5869).
        let extracted = keyed_hash(&[0; KEY_BYTES], &[self.0.as_bytes()]);
        keyed_hash(&extracted, &[purpose.as_bytes(), &[1]])
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secret in use and those before it. A new secret is first accepted by every replica, as if it
/// were an earlier one, then put in use, and the old one is dropped once its tokens have expired.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// Signs and derives.
    pub current: Secret,
    /// What they signed and derived is still accepted.
    pub previous: Vec<Secret>,
}

impl Secrets {
    /// The keys for one purpose, that of the current secret first.
    pub fn keys(&self, purpose: &str) -> Vec<Key> {
        let all = std::iter::once(&self.current).chain(&self.previous);
        all.map(|secret| secret.key(purpose)).collect()
    }
}

/// HMAC-SHA256 of the parts, one after the other.
pub fn keyed_hash(key: &Key, parts: &[&[u8]]) -> Key {
    mac(key, parts).finalize().into_bytes().into()
}

/// Whether `claimed` is the [`keyed_hash`] of the parts. Takes as long for every wrong one.
pub fn is_keyed_hash(key: &Key, parts: &[&[u8]], claimed: &[u8]) -> bool {
    mac(key, parts).verify_slice(claimed).is_ok()
}

fn mac(key: &Key, parts: &[&[u8]]) -> Hmac<Sha256> {
    // HMAC pads a key that is shorter than its block with zeros; so does this.
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut hash = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        hash.update(part);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_secrets_are_refused() {
        assert!(Secret::parse("short").is_none());
        assert!(Secret::parse(&"a".repeat(64)).is_none());
        assert!(Secret::parse("0123456789abcdef0123456789abcdef").is_some());
    }

    #[test]
    fn the_hash_is_hmac_sha256() {
        // RFC 4231, test case 2, with its key padded to our length.
        let mut key = [0; KEY_BYTES];
        key[..4].copy_from_slice(b"Jefe");
        let hash = keyed_hash(&key, &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hash[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert!(is_keyed_hash(&key, &[b"what do ya want for nothing?"], &hash));
        for wrong in [&hash[..31], &[0; 32], &[]] {
            assert!(!is_keyed_hash(&key, &[b"what do ya want for nothing?"], wrong));
        }
    }
}
