//! Tokens that are sent by mail. They follow from what they are for, by a keyed hash, so that they
//! are in no table and no event, and whoever sends them makes them anew.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::identity::domain::account::email_key;
use crate::kernel::id::{ResetId, UserId};
use crate::kernel::time::Timestamp;
use crate::secret::{Key, Secrets, is_keyed_hash, keyed_hash};

/// What tokens that verify an address begin with.
const VERIFICATION_PREFIX: &str = "bov_";
/// What tokens that reset a password begin with.
const RESET_PREFIX: &str = "bop_";
/// What the keys of either are derived for.
const VERIFICATION_PURPOSE: &str = "email-verification";
const RESET_PURPOSE: &str = "password-reset";
/// Bytes of an id, of a day and of a keyed hash.
const ID_BYTES: usize = 16;
const DAY_BYTES: usize = 4;
const HASH_BYTES: usize = 32;
/// A day of Unix time.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Days after the one it was made on that a verification token works.
const VERIFICATION_DAYS: i64 = 7;

/// Makes and checks tokens of mails.
#[derive(Clone)]
pub struct MailTokens {
    /// Those of every accepted secret, that of the current one first.
    verification_keys: Vec<Key>,
    reset_keys: Vec<Key>,
    verification_key: Key,
    reset_key: Key,
}

/// What a verification token claims, before the address it was made for is known.
#[derive(Clone, Copy)]
pub struct VerificationClaim {
    /// Whose address it is about.
    pub user_id: UserId,
    day: [u8; DAY_BYTES],
    hash: [u8; HASH_BYTES],
}

impl MailTokens {
    /// With the keys of these secrets.
    pub fn new(secrets: &Secrets) -> Self {
        Self {
            verification_keys: secrets.keys(VERIFICATION_PURPOSE),
            reset_keys: secrets.keys(RESET_PURPOSE),
            verification_key: secrets.current.key(VERIFICATION_PURPOSE),
            reset_key: secrets.current.key(RESET_PURPOSE),
        }
    }

    /// The token by which a user shows that an address is hers: the same all day, good for seven
    /// days after it.
    pub fn verification(&self, user_id: UserId, email: &str, now: Timestamp) -> String {
        let day = u32::try_from(unix_day(now)).unwrap_or(0).to_be_bytes();
        let (id, email) = (user_id.uuid(), email_key(email));
        let parts = [id.as_bytes(), day.as_slice(), email.as_bytes()];
        let hash = keyed_hash(&self.verification_key, &parts);
        let bytes = [id.as_bytes(), day.as_slice(), &hash].concat();
        format!("{VERIFICATION_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a verification token; `None` if none looks like that or its time is over. Whether it
    /// is ours, [`MailTokens::verifies`] tells.
    pub fn verification_claim(text: &str, now: Timestamp) -> Option<VerificationClaim> {
        let bytes = decoded(text, VERIFICATION_PREFIX, ID_BYTES + DAY_BYTES + HASH_BYTES)?;
        let (id, rest) = bytes.split_first_chunk::<ID_BYTES>()?;
        let (day, rest) = rest.split_first_chunk::<DAY_BYTES>()?;
        let (hash, _) = rest.split_first_chunk::<HASH_BYTES>()?;
        let made = i64::from(u32::from_be_bytes(*day));
        let in_time = made <= unix_day(now) && unix_day(now) <= made + VERIFICATION_DAYS;
        let user_id = Uuid::from_bytes(*id).into();
        in_time.then_some(VerificationClaim { user_id, day: *day, hash: *hash })
    }

    /// Whether a token was made by us for this address.
    pub fn verifies(&self, claim: &VerificationClaim, email: &str) -> bool {
        let (id, email) = (claim.user_id.uuid(), email_key(email));
        let parts = [id.as_bytes(), claim.day.as_slice(), email.as_bytes()];
        self.verification_keys.iter().any(|key| is_keyed_hash(key, &parts, &claim.hash))
    }

    /// The token of a request for a new password.
    pub fn reset(&self, reset_id: ResetId) -> String {
        let id = reset_id.uuid();
        let hash = keyed_hash(&self.reset_key, &[id.as_bytes()]);
        format!("{RESET_PREFIX}{}", URL_SAFE_NO_PAD.encode([id.as_bytes(), &hash[..]].concat()))
    }

    /// Which request a token is of; `None` if it is not ours.
    pub fn reset_id(&self, text: &str) -> Option<ResetId> {
        let bytes = decoded(text, RESET_PREFIX, ID_BYTES + HASH_BYTES)?;
        let (id, hash) = bytes.split_first_chunk::<ID_BYTES>()?;
        let ours = self.reset_keys.iter().any(|key| is_keyed_hash(key, &[id], hash));
        ours.then(|| Uuid::from_bytes(*id).into())
    }
}

fn unix_day(time: Timestamp) -> i64 {
    time.unix_seconds().div_euclid(i64::try_from(DAY.as_secs()).unwrap_or(i64::MAX))
}

fn decoded(text: &str, prefix: &str, length: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(prefix).filter(|digits| digits.len() <= 2 * length)?;
    URL_SAFE_NO_PAD.decode(digits).ok().filter(|bytes| bytes.len() == length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::tests::fixture::{secret, secrets};

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const EMAIL: &str = "ada@example.com";

    fn user() -> UserId {
        UserId::new(NOW, [1; 10])
    }

    fn verified(tokens: &MailTokens, text: &str, email: &str, now: Timestamp) -> bool {
        let claim = MailTokens::verification_claim(text, now);
        claim.is_some_and(|claim| claim.user_id == user() && tokens.verifies(&claim, email))
    }

    #[test]
    fn a_verification_token_is_good_for_its_address_and_for_a_week() {
        let tokens = MailTokens::new(&secrets());
        let text = tokens.verification(user(), EMAIL, NOW);
        assert!(verified(&tokens, &text, "Ada@Example.com", NOW + 7 * DAY));
        assert!(!verified(&tokens, &text, EMAIL, NOW + 8 * DAY));
        assert!(!verified(&tokens, &text, EMAIL, NOW - DAY));
        assert!(!verified(&tokens, &text, "eve@example.com", NOW));
    }

    #[test]
    fn a_reset_token_tells_its_request() {
        let tokens = MailTokens::new(&secrets());
        let reset_id = ResetId::new(NOW, [2; 10]);
        assert_eq!(tokens.reset_id(&tokens.reset(reset_id)), Some(reset_id));
    }

    #[test]
    fn what_was_edited_made_elsewhere_or_for_another_purpose_is_not_ours() {
        let tokens = MailTokens::new(&secrets());
        let verification = tokens.verification(user(), EMAIL, NOW);
        let reset = tokens.reset(ResetId::new(NOW, [2; 10]));
        for (text, is_verification) in [(&verification, true), (&reset, false)] {
            for at in 0..text.len() {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
                let edited = String::from_utf8(bytes).expect("ASCII");
                let passes = match is_verification {
                    true => verified(&tokens, &edited, EMAIL, NOW),
                    false => tokens.reset_id(&edited).is_some(),
                };
                assert!(!passes, "byte {at}");
            }
        }
        let other = verification.replace(VERIFICATION_PREFIX, RESET_PREFIX);
        let garbage = ["", "bop_", "bov_", "bop_🎫", &verification, &other, &reset[..60]];
        assert!(garbage.iter().all(|text| tokens.reset_id(text).is_none()));
        assert!(!verified(&tokens, &reset, EMAIL, NOW) && !verified(&tokens, "bov_", EMAIL, NOW));
        let huge = format!("bop_{}", "A".repeat(1 << 20));
        assert!(tokens.reset_id(&huge).is_none());
    }

    #[test]
    fn tokens_outlive_a_change_of_the_secret() {
        let old = MailTokens::new(&secrets());
        let (verification, reset_id) =
            (old.verification(user(), EMAIL, NOW), ResetId::new(NOW, [2; 10]));
        let changed =
            Secrets { current: secret("fedcba9876543210"), previous: vec![secrets().current] };
        let tokens = MailTokens::new(&changed);
        assert!(verified(&tokens, &verification, EMAIL, NOW));
        assert_eq!(tokens.reset_id(&old.reset(reset_id)), Some(reset_id));
        let dropped = MailTokens::new(&Secrets { previous: Vec::new(), ..changed });
        assert!(!verified(&dropped, &verification, EMAIL, NOW));
        assert_eq!(dropped.reset_id(&old.reset(reset_id)), None);
    }
}
