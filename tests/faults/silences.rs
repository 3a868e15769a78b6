//! A PostgreSQL that falls silent just when the server waits for it, and one that is far away, met
//! by the store itself.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use boxoffice_server::adapters::system_clock::SystemClock;
use boxoffice_server::ports::clock::Clock;
use boxoffice_server::store::Store;
use boxoffice_tests::{Backend, Database, Proxy, eventually, look_until};
use tempfile::TempDir;

/// How soon a server notices that nobody tells it whether it is heard.
const NOTICED_MAX: Duration = Duration::from_secs(15);
/// How far a clock may be from another on the same machine.
const APART_MAX: Duration = Duration::from_millis(120);
/// Tries at showing that.
const TRIES_MAX: usize = 5;

/// A store with a network between it and its database.
struct Far {
    _folder: TempDir,
    database: Database,
    network: Proxy,
    store: Store,
}

impl Far {
    async fn open() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let database = Database::create(Backend::Postgres, folder.path()).await;
        let (network, url) = Proxy::before_url(&database.url).await;
        let store = Store::open(&url).await.expect("it opens");
        Self { _folder: folder, database, network, store }
    }

    async fn finish(self) {
        self.store.close().await;
        self.database.discard().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_gets_no_answer_when_it_wants_to_hear_the_others_asks_again() {
    let far = Far::open().await;
    far.network.turn_deaf_at("LISTEN ");
    let store = far.store.clone();
    let hearing = tokio::spawn(async move { store.hear_replicas().await });
    look_until(async || far.network.is_deaf(), |is_deaf| *is_deaf).await;
    // That connection is silent for ever, as when the other end has lost its power.
    far.network.forget();
    far.network.heal();
    let heard = tokio::time::timeout(NOTICED_MAX, hearing).await.expect("it is deaf for ever");
    heard.expect("no panic").expect_err("it has noticed that it is deaf");
    // Whoever asks again hears.
    let store = far.store.clone();
    let mut signals = far.store.signals().listen();
    let hearing = tokio::spawn(async move { store.hear_replicas().await });
    eventually(async || {
        far.database.by_hand("select pg_notify('boxoffice', 'outbox')").await;
        signals.try_recv().map(drop)
    })
    .await;
    hearing.abort();
    far.finish().await;
}

/// How far a clock is from this machine's, which is the database's as well.
fn apart(clock: &SystemClock) -> Duration {
    let machine = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later");
    let machine = i64::try_from(machine.as_micros()).expect("it fits");
    Duration::from_micros(clock.now().micros().abs_diff(machine))
}

/// Lets a clock follow the database, and says how far it then is from this machine's.
async fn follow(clock: &SystemClock, store: &Store) -> Duration {
    clock.follow(store).await.expect("it is told");
    let apart = apart(clock);
    println!("{apart:?} apart");
    apart
}

/// A clock that has begun to follow the database and is right. A machine may hold its breath as one
/// begins, so that there are a few tries.
async fn right_clock(store: &Store) -> SystemClock {
    for _ in 0..TRIES_MAX {
        let clock = SystemClock::default();
        if follow(&clock, store).await < APART_MAX {
            return clock;
        }
    }
    panic!("the time was told wrong {TRIES_MAX} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_time_of_a_database_that_is_far_away_is_told_right() {
    let far = Far::open().await;
    far.network.set(|toxics| toxics.latency = Duration::from_millis(300));
    right_clock(&far.store).await;
    far.network.heal();
    far.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_that_was_long_on_its_way_changes_no_clock() {
    let far = Far::open().await;
    let clock = right_clock(&far.store).await;
    far.network.set(|toxics| toxics.way_back = Duration::from_millis(700));
    assert!(follow(&clock, &far.store).await < APART_MAX);
    far.network.heal();
    far.finish().await;
}
