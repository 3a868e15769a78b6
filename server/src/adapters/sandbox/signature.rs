//! Signatures of webhooks: `t=<unix seconds>,v1=<hex of HMAC-SHA256 over "t.body">`, the scheme of
//! Stripe. The body is signed as it travels, so it is verified before anybody parses it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::kernel::limits::WEBHOOK_AGE_MAX;
use crate::kernel::time::Timestamp;
use crate::ports::gateway::NoticeFault;

/// The header of the signature.
pub const SIGNATURE_HEADER: &str = "boxoffice-signature";
/// Signatures of one header that are tried; more are not looked at.
const SIGNATURES_MAX: usize = 8;

/// What webhooks are signed with. Shows nothing of itself.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl WebhookSecret {
    /// The secret of these characters.
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// The header of a body that is sent now.
    pub fn sign(&self, body: &[u8], now: Timestamp) -> String {
        let seconds = now.micros().div_euclid(1_000_000);
        let mac = self.mac(&seconds.to_string(), body).finalize().into_bytes();
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={seconds},v1={hex}")
    }

    fn mac(&self, time: &str, body: &[u8]) -> Hmac<Sha256> {
        // HMAC hashes keys that are longer than its block, as this does.
        let mut block = [0; 64];
        let hashed;
        let key: &[u8] = if self.0.len() > block.len() {
            hashed = <Sha256 as sha2::Digest>::digest(&self.0);
            &hashed
        } else {
            &self.0
        };
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        let mut mac = Hmac::<Sha256>::new(&block.into());
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

/// Whether one of the secrets signed this body, and lately: no more than [`WEBHOOK_AGE_MAX`] ago,
/// nor ahead of our time by more.
pub fn verify(
    secrets: &[WebhookSecret],
    header: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<(), NoticeFault> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let time = parts().find(|(name, _)| *name == "t").map(|(_, value)| value);
    let time = time.ok_or(NoticeFault::Forged)?;
    let digits = !time.is_empty() && time.len() <= 12 && time.bytes().all(|b| b.is_ascii_digit());
    let seconds: i64 = time.parse().ok().filter(|_| digits).ok_or(NoticeFault::Forged)?;
    let given = parts().filter(|(name, _)| *name == "v1").take(SIGNATURES_MAX);
    let genuine = given.filter_map(|(_, value)| bytes_of_hex(value)).any(|given| {
        // Compares in constant time.
        secrets.iter().any(|secret| secret.mac(time, body).verify_slice(&given).is_ok())
    });
    if !genuine {
        return Err(NoticeFault::Forged);
    }
    let age = now.micros().div_euclid(1_000_000).abs_diff(seconds);
    if age <= WEBHOOK_AGE_MAX.as_secs() { Ok(()) } else { Err(NoticeFault::Stale) }
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_500_000);
    // printf '1800000000.{"id":1}' | openssl dgst -sha256 -hmac 'whsec_test'
    const KNOWN: &str =
        "t=1800000000,v1=7495c40cde012282a92344d8fb4be1ab35233b78ec3445b87d96078f53374ee5";

    fn check(header: &str, body: &[u8], now: Timestamp) -> Result<(), NoticeFault> {
        verify(
            &[WebhookSecret::new("another"), WebhookSecret::new("whsec_test")],
            header,
            body,
            now,
        )
    }

    #[test]
    fn it_is_hmac_sha256_over_time_and_body() {
        assert_eq!(WebhookSecret::new("whsec_test").sign(b"{\"id\":1}", NOW), KNOWN);
        assert_eq!(check(KNOWN, b"{\"id\":1}", NOW), Ok(()));
        // Any of several signatures will do; schemes that are not known are passed over.
        let several = format!("{},v1=00,v0=11", KNOWN);
        assert_eq!(check(&several, b"{\"id\":1}", NOW), Ok(()));
    }

    #[test]
    fn what_was_changed_or_is_malformed_is_forged() {
        assert_eq!(check(KNOWN, b"{\"id\":2}", NOW), Err(NoticeFault::Forged));
        assert_eq!(check(&KNOWN.replace("t=18", "t=17"), b"{}", NOW), Err(NoticeFault::Forged));
        assert_eq!(check(&KNOWN.replace("v1", "v0"), b"{\"id\":1}", NOW), Err(NoticeFault::Forged));
        for header in
            ["", "t=", "v1=", "t=1800000000", "t=x,v1=00", "t=1800000000,v1=zz", "t=-1,v1="]
        {
            assert_eq!(check(header, b"{\"id\":1}", NOW), Err(NoticeFault::Forged), "{header}");
        }
    }

    #[test]
    fn what_is_too_old_or_from_the_future_is_stale() {
        let secret = WebhookSecret::new("whsec_test");
        for (seconds, fresh) in [(299, true), (301, false), (-299, true), (-301, false)] {
            let signed = Timestamp::from_micros(NOW.micros() - seconds * 1_000_000);
            let verdict = check(&secret.sign(b"x", signed), b"x", NOW);
            let expected = if fresh { Ok(()) } else { Err(NoticeFault::Stale) };
            assert_eq!(verdict, expected, "{seconds}");
        }
    }

    #[test]
    fn long_secrets_are_hashed_first_as_hmac_says() {
        let long = WebhookSecret::new(&"k".repeat(100));
        assert_eq!(
            long.sign(b"x", NOW),
            "t=1800000000,v1=7c53d508e5d31fb98abad81c4d0daf467cdfc194df5abe7b9f86d556f629a932"
        );
    }
}
