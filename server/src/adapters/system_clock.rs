//! The machine's clock, corrected by what the database server says.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::error::Result;
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::store::Store;

/// The machine's clock plus its distance from the database server's.
#[derive(Debug, Default)]
pub struct SystemClock {
    offset_micros: AtomicI64,
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
    /// Asks the database server for its time and follows it from now on. Half of the round trip is
    /// taken to be the way back.
    pub async fn follow(&self, store: &Store) -> Result<()> {
        let asked = Instant::now();
        if let Some(server_micros) = store.server_micros().await? {
            let back = i64::try_from(asked.elapsed().as_micros() / 2).unwrap_or(0);
            let offset = server_micros.saturating_add(back).saturating_sub(machine_micros());
            self.offset_micros.store(offset, Ordering::Relaxed);
        }
        Ok(())
    }
}
