//! When a failed try is repeated, and after how long.

use std::time::Duration;

/// Tries of one call, the first included.
pub(crate) const CALL_TRIES_MAX: u32 = 5;

const FIRST_DELAY_MAX: Duration = Duration::from_millis(50);
const DELAY_MAX: Duration = Duration::from_secs(2);

/// Counts the failures in a row of one call or stream and spaces its tries.
///
/// Without a word from the server the delay is "full jitter": anywhere between nothing and a bound
/// that doubles with every failure, so that clients that failed together do not return together.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    tries_max: u32,
}

impl Backoff {
    pub(crate) fn new(tries_max: u32) -> Backoff {
        Backoff { failures: 0, tries_max }
    }

    /// Counts a failure. Gives the delay before the next try, or `None` when the last was the last.
    /// A delay that the server asked for is a lower bound: jitter comes on top of it.
    pub(crate) fn after_failure(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.tries_max {
            return None;
        }
        let jitter = rand::random_range(Duration::ZERO..=delay_bound(self.failures));
        Some(asked.unwrap_or_default().saturating_add(jitter))
    }

    /// Forgets the failures so far, because there was progress since.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The longest delay after this many failures in a row.
fn delay_bound(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST_DELAY_MAX.saturating_mul(1 << doublings).min(DELAY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_from_50_milliseconds_to_2_seconds() {
        let bounds: Vec<u128> = (1..=8).map(|n| delay_bound(n).as_millis()).collect();
        assert_eq!(bounds, [50, 100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(delay_bound(u32::MAX), DELAY_MAX);
    }

    #[test]
    fn five_tries_have_four_delays_within_their_bounds() {
        for _ in 0..200 {
            let mut backoff = Backoff::new(CALL_TRIES_MAX);
            for failures in 1..CALL_TRIES_MAX {
                let delay = backoff.after_failure(None).expect("there is a next try");
                assert!(delay <= delay_bound(failures));
            }
            assert_eq!(backoff.after_failure(None), None);
        }
    }

    #[test]
    fn a_delay_that_the_server_asked_for_is_never_cut_short() {
        let asked = Duration::from_secs(3);
        let mut backoff = Backoff::new(CALL_TRIES_MAX);
        let delay = backoff.after_failure(Some(asked)).expect("there is a next try");
        assert!(delay >= asked && delay <= asked + FIRST_DELAY_MAX);
    }

    #[test]
    fn progress_gives_all_tries_back() {
        let mut backoff = Backoff::new(2);
        assert!(backoff.after_failure(None).is_some());
        backoff.reset();
        assert!(backoff.after_failure(None).is_some());
        assert!(backoff.after_failure(None).is_none());
    }
}
