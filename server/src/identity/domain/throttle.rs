//! How often somebody may be wrong. An attempt is counted before it is told what it came to, and
//! given back if it was right, so that of many at the same time no more than may be are told; late
//! ones, right and wrong alike, learn that they are too late. It is counted three times: for an
//! account from one address, which stops whoever guesses; and, higher, for an address and for an
//! account, which stops whoever spreads the guesses over many accounts or many addresses. An
//! address from which the account was used lately has to do with the first only, so that nobody
//! who guesses, elsewhere or beside its owner, can lock the owner out.

use std::net::IpAddr;
use std::time::Duration;

use crate::kernel::time::Timestamp;

/// How long failures count, from the first on.
pub const FAILURES_KEPT: Duration = Duration::from_secs(15 * 60);
/// Failures for one account from one address.
const PAIR_FAILURES_MAX: i64 = 10;
/// Failures for one account from anywhere.
const ACCOUNT_FAILURES_MAX: i64 = 100;
/// Failures of one kind from one address for any accounts. Many people may share an address.
const ADDRESS_FAILURES_MAX: i64 = 200;
/// How long an address from which an account was used is known.
pub const ADDRESS_KNOWN: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Requests for a new password of one account.
const RESETS_MAX: i64 = 3;
/// How long they count, from the first on.
pub const RESETS_KEPT: Duration = Duration::from_secs(60 * 60);

/// Something that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counter {
    /// Failures for one account from one address.
    Pair,
    /// Failures for one account.
    Account,
    /// Failures from one address.
    Address,
    /// A success for one account from one address.
    Known,
    /// Requests for a new password of one account.
    Resets,
}

impl Counter {
    /// The counters that an attempt looks at.
    pub const OF_ATTEMPT: [Self; 4] = [Self::Pair, Self::Account, Self::Address, Self::Known];
    /// The counters that an attempt raises.
    pub const OF_FAILURE: [Self; 3] = [Self::Pair, Self::Account, Self::Address];

    /// What its key is derived with; another counter has another key.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pair => "pair",
            Self::Account => "account",
            Self::Address => "address",
            Self::Known => "known",
            Self::Resets => "resets",
        }
    }

    /// How high it may be; `None` if it limits nothing.
    const fn limit(self) -> Option<i64> {
        match self {
            Self::Pair => Some(PAIR_FAILURES_MAX),
            Self::Account => Some(ACCOUNT_FAILURES_MAX),
            Self::Address => Some(ADDRESS_FAILURES_MAX),
            Self::Known => None,
            Self::Resets => Some(RESETS_MAX),
        }
    }
}

/// How far a counter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Which.
    pub counter: Counter,
    /// How often it was raised.
    pub attempts: i64,
    /// When it begins anew.
    pub expire_time: Timestamp,
}

/// How long an attempt has to wait by these counts; `None` if it need not.
pub fn wait(counts: &[Count], now: Timestamp) -> Option<Duration> {
    let alive = || counts.iter().filter(|count| now < count.expire_time);
    let known = alive().any(|count| count.counter == Counter::Known);
    alive()
        .filter(|count| !(known && matches!(count.counter, Counter::Account | Counter::Address)))
        .filter(|count| count.counter.limit().is_some_and(|limit| count.attempts >= limit))
        .map(|count| count.expire_time.since(now))
        .max()
}

/// What an address is counted as: one of version 6 by its first 64 bits, because a customer of any
/// provider has as many as there are in these.
pub fn address_key(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        None => String::new(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            address.segments().iter().take(4).map(|part| format!("{part:x}:")).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const LEFT: Duration = Duration::from_secs(60);

    fn count(counter: Counter, attempts: i64) -> Count {
        Count { counter, attempts, expire_time: NOW + LEFT }
    }

    #[test]
    fn whoever_was_wrong_too_often_waits_until_it_no_longer_counts() {
        let limits = [
            (Counter::Pair, PAIR_FAILURES_MAX),
            (Counter::Account, ACCOUNT_FAILURES_MAX),
            (Counter::Address, ADDRESS_FAILURES_MAX),
            (Counter::Resets, RESETS_MAX),
        ];
        for (counter, limit) in limits {
            assert_eq!(wait(&[count(counter, limit - 1)], NOW), None, "{counter:?}");
            assert_eq!(wait(&[count(counter, limit)], NOW), Some(LEFT), "{counter:?}");
            assert_eq!(wait(&[count(counter, limit)], NOW + LEFT), None, "{counter:?}");
        }
        assert_eq!(wait(&[], NOW), None);
    }

    #[test]
    fn what_others_do_holds_up_no_known_address() {
        let account = count(Counter::Account, i64::MAX);
        let known = count(Counter::Known, 1);
        assert_eq!(wait(&[account, known], NOW), None);
        assert_eq!(wait(&[account, known, count(Counter::Pair, 10)], NOW), Some(LEFT));
        let address = count(Counter::Address, i64::MAX);
        assert_eq!(wait(&[account, known, address], NOW), None);
        let forgotten = Count { expire_time: NOW, ..known };
        for limiting in [account, address] {
            assert_eq!(wait(&[limiting, forgotten], NOW), Some(LEFT));
        }
    }

    #[test]
    fn addresses_of_one_customer_are_one() {
        let key = |text: &str| address_key(Some(text.parse().expect("an address")));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("2001:db8:1:2::1"), address_key(None));
    }
}
