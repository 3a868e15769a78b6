//! A consumer of events that can be told what not to take.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use boxoffice_sdk::booking::v1::Booking;
use boxoffice_server::error::{Error, Reason, Result};
use boxoffice_server::kernel::id::BookingId;
use boxoffice_server::ports::bus::Consumer;
use boxoffice_server::store::{Event, Tx};
use boxoffice_tests::{Backend, World, eventually};
use tokio::sync::Notify;
use uuid::Uuid;

/// Failures after which these tests have an event parked.
pub const FAILURES_MAX: u32 = 3;
/// The sieve's name.
pub const SIEVE: &str = "tests.sieve";

/// How a consumer fails.
#[derive(Clone, Copy, PartialEq)]
pub enum Poison {
    /// It cannot take the event.
    Refused,
    /// It panics.
    Panic,
    /// The database is not there for a while.
    Passing,
    /// Somebody else's change comes first.
    Raced,
    /// It takes the event, but not before it is healed.
    Slow,
}

/// Takes the events of bookings, except what it is told not to. Its effect is an event of its own.
#[derive(Default)]
pub struct Sieve {
    refused: Mutex<Option<(Uuid, &'static str, Poison)>>,
    /// How often it has refused.
    pub refusals: AtomicUsize,
    /// Told when a slow event has come, and when it is healed.
    slow: Notify,
    healed: Notify,
    taken: Mutex<Vec<Event>>,
}

#[async_trait]
impl Consumer for Sieve {
    fn name(&self) -> &'static str {
        SIEVE
    }

    async fn consume(&self, tx: &mut Tx, event: &Event) -> Result<()> {
        if event.context != "booking" {
            return Ok(());
        }
        let refused = *self.refused.lock().expect("a lock");
        if let Some((aggregate_id, kind, poison)) = refused
            && (event.aggregate_id, event.kind.as_str()) == (aggregate_id, kind)
        {
            self.refusals.fetch_add(1, Ordering::SeqCst);
            match poison {
                Poison::Refused => return Err(Error::internal("it tastes bad")),
                Poison::Passing => return Err(Error::Unavailable("not hungry".into())),
                Poison::Raced => return Err(Reason::ChangedMeanwhile.into()),
                Poison::Panic => panic!("it is poisonous"),
                Poison::Slow => {
                    let mut healed = std::pin::pin!(self.healed.notified());
                    // It hears of it from now on, however soon that is.
                    healed.as_mut().enable();
                    self.slow.notify_one();
                    healed.await;
                }
            }
        }
        {
            // An attempt that was rolled back left no effect: only the last one counts.
            let mut taken = self.taken.lock().expect("a lock");
            taken.retain(|earlier| earlier.message_id != event.message_id);
            taken.push(event.clone());
        }
        // Its id follows from the event's, so that a second effect could not be committed.
        let aggregate = (event.message_id.uuid(), 1);
        tx.emit(Event::new("tests", "Taken", aggregate, Vec::new(), event.occur_time));
        Ok(())
    }
}

impl Sieve {
    /// From now on it does not take these events of a booking.
    pub fn refuse(&self, booking: &Booking, kind: &'static str, poison: Poison) {
        *self.refused.lock().expect("a lock") = Some((uuid(booking), kind, poison));
    }

    /// From now on it takes everything.
    pub fn heal(&self) {
        *self.refused.lock().expect("a lock") = None;
        self.healed.notify_waiters();
    }

    /// Waits until a slow event has come.
    pub async fn wait_until_slow(&self) {
        self.slow.notified().await;
    }

    /// What it took of a booking, in the order it did: versions and ids.
    pub fn taken_of(&self, booking: &Booking) -> Vec<(i64, String)> {
        let taken = self.taken.lock().expect("a lock");
        let its = taken.iter().filter(|event| event.aggregate_id == uuid(booking));
        its.map(|event| (event.aggregate_version, event.message_id.to_string())).collect()
    }

    /// Waits until it has taken exactly these versions of a booking.
    pub async fn wait_for(&self, booking: &Booking, versions: &[i64]) {
        eventually(async || {
            let taken: Vec<i64> = self.taken_of(booking).into_iter().map(|taken| taken.0).collect();
            let difference = format!("it took {taken:?}, not {versions:?}");
            if taken == versions { Ok(()) } else { Err(difference) }
        })
        .await;
    }

    /// Its effect happened once for each event that it took, and for no other.
    pub async fn assert_once_each(&self, world: &World) {
        let effects = "select count(*) from store_event_log where kind = 'Taken'";
        let taken = self.taken.lock().expect("a lock").len();
        let taken = i64::try_from(taken).expect("a number");
        world.database.wait_by_hand(effects, |count| count == taken).await;
    }
}

/// The aggregate that a booking is.
pub fn uuid(booking: &Booking) -> Uuid {
    BookingId::parse(&booking.booking_id).expect("an id").uuid()
}

/// A server whose events go through a sieve, too.
pub async fn world(backend: Backend, sieve: &Arc<Sieve>) -> World {
    let sieve: Arc<dyn Consumer> = sieve.clone();
    World::start_with(backend, |parts, _| {
        parts.consumers.push(sieve);
        parts.delivery_failures_max = FAILURES_MAX;
    })
    .await
}

/// Runs a scenario with a sieve on both databases: its effect happened once for each event.
macro_rules! with_sieve {
    ($(async fn $name:ident($world:ident: &World, $sieve:ident: &Arc<Sieve>) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn scenario($world: &World, $sieve: &Arc<Sieve>) $body

            async fn run(backend: Backend) {
                let sieve = Arc::new(Sieve::default());
                let world = $crate::sieve::world(backend, &sieve).await;
                scenario(&world, &sieve).await;
                sieve.assert_once_each(&world).await;
                world.finish().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                run(Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                run(Backend::Postgres).await;
            }
        }
    )*};
}

pub(crate) use with_sieve;
