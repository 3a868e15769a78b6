//! The machine's clock, corrected by what the database server says.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::store::Store;

/// A round trip that is longer tells little of the time.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(500);

/// The machine's clock plus its distance from the database server's.
#[derive(Debug, Default)]
pub struct SystemClock {
    offset_micros: AtomicI64,
    is_following: AtomicBool,
}

fn machine_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let offset = self.offset_micros.load(Ordering::Relaxed);
        Timestamp::from_micros(machine_micros().saturating_add(offset))
    }
}

impl SystemClock {
    /// Asks the database server for its time and follows it from now on. An answer that took long
    /// counts only if there is no other: nobody knows which half of its way was the long one.
    pub async fn follow(&self, store: &Store) -> Result<()> {
        if let Some((server_micros, took)) = store.server_micros().await? {
            let is_first = !self.is_following.swap(true, Ordering::Relaxed);
            if is_first || took <= ROUND_TRIP_MAX {
                let offset = server_micros.saturating_sub(machine_micros());
                self.offset_micros.store(offset, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}
