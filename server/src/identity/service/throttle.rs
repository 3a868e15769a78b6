//! Counting failures, as `domain/throttle.rs` says. The counts are in the database, so that all
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

    fn key(&self, key: &Key, counter: Counter) -> Key {
        let account = self.account.as_deref().unwrap_or_default();
        let (kind, account, address) = match counter {
            Counter::Pair | Counter::Known => (self.kind, account, self.address.as_str()),
            Counter::Account | Counter::Resets => (self.kind, account, ""),
            Counter::Address => ("", "", self.address.as_str()),
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

    /// Counts a failure, in a transaction of its own: what it was part of changes nothing.
    pub(super) async fn note_failure(&self, attempt: &Attempt) -> Result<()> {
        let counters = Counter::OF_FAILURE.into_iter().filter(|c| attempt.concerns(*c));
        let mut keys: Vec<Key> =
            counters.map(|counter| attempt.key(&self.throttle_key, counter)).collect();
        // In one order, so that nobody waits for anybody in a ring.
        keys.sort_unstable();
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        for key in &keys {
            tx.count_attempt(key, now, now + FAILURES_KEPT).await?;
        }
        tx.commit().await
    }

    /// Forgets what failed before for this account, and remembers that it was used from here. What
    /// others did from the same address still counts.
    pub(super) async fn note_success(
        &self,
        tx: &mut Tx,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<()> {
        let counters = [Counter::Pair, Counter::Account, Counter::Known];
        let counters = counters.into_iter().filter(|c| attempt.concerns(*c));
        let mut keys: Vec<(Key, Counter)> =
            counters.map(|counter| (attempt.key(&self.throttle_key, counter), counter)).collect();
        keys.sort_unstable_by_key(|(key, _)| *key);
        for (key, counter) in &keys {
            match counter {
                Counter::Known => tx.remember_success(key, now + ADDRESS_KNOWN).await?,
                _ => tx.forget_attempts(key).await?,
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
        let attempts = tx.count_attempt(&key, now, expire_time).await? - 1;
        Ok(wait(&[Count { counter: Counter::Resets, attempts, expire_time }], now).is_none())
    }
}
