//! What a request's body is known by when it comes again.

/// A keyed hash of a request's body, under every secret that is accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyHash {
    /// Under the secret in use: the one that is stored.
    pub current: Vec<u8>,
    /// Under those before it: a request that was stored with one of these is known all the same.
    pub previous: Vec<Vec<u8>>,
}

impl BodyHash {
    /// Whether a stored hash is that of this body.
    pub fn is(&self, stored: &[u8]) -> bool {
        self.current == stored || self.previous.iter().any(|hash| hash == stored)
    }
}

impl From<Vec<u8>> for BodyHash {
    fn from(current: Vec<u8>) -> Self {
        Self { current, previous: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_under_any_accepted_secret_is_that_of_the_body() {
        let hash = BodyHash { current: vec![1], previous: vec![vec![2], vec![3]] };
        for (stored, same) in [(1, true), (2, true), (3, true), (4, false)] {
            assert_eq!(hash.is(&[stored]), same, "{stored}");
        }
        assert!(!hash.is(&[]));
    }
}
