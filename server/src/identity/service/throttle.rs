//! Counting attempts, as `domain/throttle.rs` says. The counts are in the database, so that all
//! replicas share them, under keyed hashes, so that the table tells nobody who tried what.

use std::net::IpAddr;

use super::sign_in::IdentityService;
use crate::error::{Error, Reason, Result};
use crate::identity::domain::account::email_key;
use crate::identity::domain::throttle::{
    ADDRESS_KNOWN, Count, Counter, FAILURES_KEPT, RESETS_KEPT, address_key, wait,
};
use crate::kernel::id::ServiceAccountId;
use crate::kernel::time::Timestamp;
use crate::secret::{Key, keyed_hash};
use crate::store::Tx;

/// An attempt to prove who one is.
pub(super) struct Attempt {
    kind: &'static str,
    /// Who one says to be; `None` if that is part of what is to be proved.
    account: Option<String>,
    /// Where the attempt comes from, as [`address_key`] has it.
    address: String,
}

impl Attempt {
    /// To know the password of an account. It need not exist.
    pub(super) fn to_sign_in(email: &str, address: Option<IpAddr>) -> Self {
        Self { kind: "sign-in", account: Some(email_key(email)), address: address_key(address) }
    }

    /// To know the secret of a service account.
    pub(super) fn to_serve(id: ServiceAccountId, address: Option<IpAddr>) -> Self {
        Self { kind: "service", account: Some(id.to_string()), address: address_key(address) }
    }

    /// To have the token of a mail.
    pub(super) fn to_reset(address: Option<IpAddr>) -> Self {
        Self { kind: "reset", account: None, address: address_key(address) }
    }

    /// Whether there is anything that a counter could count.
    fn concerns(&self, counter: Counter) -> bool {
        self.account.is_some() || !matches!(counter, Counter::Account | Counter::Known)
    }

    /// The keys of these counters, in one order, so that nobody waits for anybody in a ring.
    fn keys<const N: usize>(&self, key: &Key, counters: [Counter; N]) -> Vec<(Key, Counter)> {
        let counters = counters.into_iter().filter(|counter| self.concerns(*counter));
        let mut keys: Vec<_> = counters.map(|c| (self.key(key, c), c)).collect();
        keys.sort_unstable_by_key(|(key, _)| *key);
        keys
    }

    fn key(&self, key: &Key, counter: Counter) -> Key {
        let account = self.account.as_deref().unwrap_or_default();
        let (kind, account, address) = match counter {
            Counter::Pair | Counter::Known => (self.kind, account, self.address.as_str()),
            Counter::Account | Counter::Resets => (self.kind, account, ""),
            Counter::Address => (self.kind, "", self.address.as_str()),
        };
        // The account comes last: it may have line breaks of its own.
        let text = format!("{}\n{kind}\n{address}\n{account}", counter.name());
        keyed_hash(key, &[text.as_bytes()])
    }
}

/// LOGIN_THROTTLED, and until when.
fn throttled(wait: std::time::Duration) -> Error {
    let mut rejection = Reason::LoginThrottled.rejection();
    rejection.retry_after = Some(wait);
    rejection.into()
}

impl IdentityService {
    /// Refuses an attempt with LOGIN_THROTTLED if too many before it have failed. Costs four
    /// look-ups and no hashing.
    pub(super) async fn admit(&self, tx: &mut Tx, attempt: &Attempt, now: Timestamp) -> Result<()> {
        let mut counts = Vec::new();
        for counter in Counter::OF_ATTEMPT.into_iter().filter(|c| attempt.concerns(*c)) {
            let key = attempt.key(&self.throttle_key, counter);
            if let Some((attempts, expire_time)) = tx.counted_attempts(&key).await? {
                counts.push(Count { counter, attempts, expire_time });
            }
        }
        match wait(&counts, now) {
            None => Ok(()),
            Some(wait) => Err(throttled(wait)),
        }
    }

    /// Counts an attempt whose outcome is known and was told to nobody, and refuses it as `admit`
    /// does, because of many at the same time a late one may be right. A refusal, which is not to
    /// be committed, takes the same work either way. Whoever was wrong commits; whoever was right
    /// goes on to `note_success`.
    pub(super) async fn count(&self, tx: &mut Tx, attempt: &Attempt) -> Result<()> {
        let now = self.clock.now();
        let mut counts = Vec::new();
        for (key, counter) in attempt.keys(&self.throttle_key, Counter::OF_FAILURE) {
            let (counted, expire_time) = tx.count_attempt(&key, now, now + FAILURES_KEPT).await?;
            counts.push(Count { counter, attempts: counted - 1, expire_time });
        }
        for (key, counter) in attempt.keys(&self.throttle_key, [Counter::Known]) {
            if let Some((attempts, expire_time)) = tx.counted_attempts(&key).await? {
                counts.push(Count { counter, attempts, expire_time });
            }
        }
        wait(&counts, now).map_or(Ok(()), |wait| Err(throttled(wait)))
    }

    /// Gives a counted attempt back that was right: forgets what failed before for this account,
    /// and remembers that it was used from here. What others did from the same address counts on.
    pub(super) async fn note_success(
        &self,
        tx: &mut Tx,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<()> {
        for (key, counter) in attempt.keys(&self.throttle_key, Counter::OF_ATTEMPT) {
            match counter {
                Counter::Known => tx.remember_success(&key, now + ADDRESS_KNOWN).await?,
                Counter::Pair | Counter::Account if attempt.account.is_some() => {
                    tx.forget_attempts(&key).await?;
                }
                Counter::Pair | Counter::Account | Counter::Address | Counter::Resets => {
                    tx.uncount_attempt(&key).await?;
                }
            }
        }
        Ok(())
    }

    /// Counts a request for a new password of an account, which need not exist; whether there were
    /// not too many before it.
    pub(super) async fn may_request_reset(
        &self,
        tx: &mut Tx,
        email: &str,
        now: Timestamp,
    ) -> Result<bool> {
        let key = Attempt::to_sign_in(email, None).key(&self.throttle_key, Counter::Resets);
        let expire_time = now + RESETS_KEPT;
        let (counted, expire_time) = tx.count_attempt(&key, now, expire_time).await?;
        let count = Count { counter: Counter::Resets, attempts: counted - 1, expire_time };
        Ok(wait(&[count], now).is_none())
    }
}
