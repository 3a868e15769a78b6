//! A clock that tests turn by hand.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use boxoffice_server::kernel::time::Timestamp;
use boxoffice_server::ports::clock::Clock;

/// Runs with the machine's clock, plus whatever it was turned on by.
#[derive(Debug, Default)]
pub struct HandClock {
    ahead_micros: AtomicI64,
}

impl HandClock {
    /// Turns the clock on.
    pub fn advance(&self, span: Duration) {
        self.ahead_micros.fetch_add(micros(span), Ordering::SeqCst);
    }

    /// Turns the clock back.
    pub fn turn_back(&self, span: Duration) {
        self.ahead_micros.fetch_sub(micros(span), Ordering::SeqCst);
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).expect("a span that fits")
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        let real = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let real = i64::try_from(real.as_micros()).expect("a time that fits");
        Timestamp::from_micros(real + self.ahead_micros.load(Ordering::SeqCst))
    }
}
