//! A sale under way, watched by watchers of every kind, over two restarts: every stream is judged.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boxoffice_sdk::Code;
use boxoffice_sdk::booking::v1::SeatCursor;
use boxoffice_tests::streams::{
    History, Keeper, Recorder, StreamEnd, StreamLog, Tally, assert_kept, channel, linger,
    narrow_channel,
};
use boxoffice_tests::{
    Backend, Chance, HandClock, Person, Stage, StagePlan, World, eventually, eventually_within,
    free_port, look_until,
};
use futures::future::{BoxFuture, FutureExt, join_all};
use tokio::sync::watch;

use crate::traders::{Deeds, block_and_unblock, trade};

/// How long each part of the sale lasts.
const PART: Duration = Duration::from_millis(2_500);
/// How long holds last.
const HOLD_TTL: Duration = Duration::from_secs(60);
/// How much the clock is turned on so that a fresh token has two or three seconds left.
const NEARLY_A_TOKEN: Duration = Duration::from_secs(15 * 60 - 3);
/// Longer than changes are kept.
const FORGOTTEN: Duration = Duration::from_secs(11 * 60);
/// Changes that somebody who reads late lets pass: more than are sent one by one, and than a
/// connection takes by itself.
const LATE: usize = 150;
/// Changes of each part of the sale, at the least.
const CHANGES_A_PART: usize = 250;
/// How soon every watcher knows what was true in the end.
const KNOWN_MAX: Duration = Duration::from_secs(1);
/// Messages between two of his pauses.
const READ_AT_ONCE: usize = 100;

/// The revision at which the sale ended; `None` while it goes on.
type Closing = watch::Receiver<Option<i64>>;

/// What all watchers need.
struct Audience {
    url: String,
    event_id: String,
    clock: Arc<HandClock>,
    closing: Closing,
    /// Messages that a steady watcher has got.
    told: Arc<AtomicUsize>,
}

/// What one watcher gives in the end.
type Watching = BoxFuture<'static, Vec<StreamLog>>;

async fn closed(mut closing: Closing) -> Option<i64> {
    *closing.wait_for(Option::is_some).await.expect("the test is not over")
}

/// How long the next part of the sale may take on a machine that does other things as well.
const PASSED_MAX: Duration = Duration::from_secs(90);

/// Waits until both steady watchers have got so many messages, or the sale is over.
async fn passed(told: Arc<AtomicUsize>, until: usize, open: Closing) {
    eventually_within(PASSED_MAX, move || {
        let now = told.load(Ordering::SeqCst);
        let is_over = now >= until || open.borrow().is_some();
        ready(if is_over { Ok(()) } else { Err(format!("{now} messages of {until}")) })
    })
    .await;
}

/// Another token, unless the server is away just now.
async fn renewed(person: Person) -> Result<(), boxoffice_sdk::Error> {
    person.refresh().await
}

impl Audience {
    fn recorder(&self, name: &str) -> Recorder {
        Recorder::new(name, channel(&self.url), &self.event_id, &self.clock)
    }

    /// Watches all the time, and goes on whenever a stream ends.
    fn steady(&self, mut recorder: Recorder) -> Watching {
        let (closing, told) = (self.closing.clone(), Arc::clone(&self.told));
        async move {
            loop {
                let (until, told) = (closed(closing.clone()), Arc::clone(&told));
                let pace = move |_| {
                    told.fetch_add(1, Ordering::SeqCst);
                    ready(())
                };
                if !recorder.watch_at_pace(recorder.cursor(), until, pace).await {
                    return recorder.logs;
                }
            }
        }
        .boxed()
    }

    /// Watches all the time with a token that is over soon, and gets the next.
    fn with_token(&self, person: &Person, index: usize) -> Watching {
        let mut recorder = self.recorder(&format!("token {index}")).signed_in(person);
        let (closing, person) = (self.closing.clone(), person.clone());
        async move {
            while recorder.watch(recorder.cursor(), closed(closing.clone())).await {
                let ended = recorder.logs.last().map(|log| &log.end);
                if matches!(ended, Some(StreamEnd::Told { code: Code::Unauthenticated, .. })) {
                    let person = person.clone();
                    eventually(move || renewed(person.clone())).await;
                }
            }
            recorder.logs
        }
        .boxed()
    }

    /// Watches as users of the SDK do.
    async fn by_sdk(&self, world: &World, index: usize) -> Watching {
        let (mut recorder, closing) =
            (self.recorder(&format!("user {index}")), self.closing.clone());
        let person = world.anonymous().await;
        async move {
            recorder.watch_by_sdk(&person, closed(closing)).await;
            recorder.logs
        }
        .boxed()
    }

    /// Comes and goes, and goes on from where it was, or from nothing.
    fn wandering(&self, index: usize, mut chance: Chance) -> Watching {
        let mut recorder = self.recorder(&format!("wanderer {index}"));
        let closing = self.closing.clone();
        async move {
            while closing.borrow().is_none() {
                let cursor = recorder.cursor().filter(|_| chance.percent(80));
                let stay = Duration::from_millis(20 + chance.below(400));
                recorder.watch(cursor, linger(stay).map(|()| None)).await;
                linger(Duration::from_millis(chance.below(200))).await;
            }
            recorder.watch(recorder.cursor(), closed(closing)).await;
            recorder.logs
        }
        .boxed()
    }

    /// Watches from cursors of any kind, of which some were never given out.
    fn guessing(&self, index: usize, mut chance: Chance) -> Watching {
        let mut recorder = self.recorder(&format!("guesser {index}"));
        let closing = self.closing.clone();
        async move {
            while closing.borrow().is_none() {
                let known = recorder.cursor().unwrap_or(SeatCursor { epoch: 1, revision: 0 });
                let revision = known.revision.max(0).unsigned_abs();
                let earlier = i64::try_from(chance.below(revision + 1)).expect("it fits");
                let cursor = match chance.below(8) {
                    0 => None,
                    1 => Some(SeatCursor { revision: i64::MAX, ..known }),
                    2 => Some(SeatCursor { epoch: known.epoch - 1, ..known }),
                    _ => Some(SeatCursor { revision: earlier, ..known }),
                };
                let stay = Duration::from_millis(20 + chance.below(200));
                recorder.watch(cursor, linger(stay).map(|()| None)).await;
            }
            recorder.logs
        }
        .boxed()
    }

    /// Reads a part at once and then nothing for a while, over a connection that takes little.
    fn late(&self, index: usize) -> Watching {
        let narrow = narrow_channel(&self.url);
        let mut recorder =
            Recorder::new(format!("late {index}"), narrow, &self.event_id, &self.clock);
        let (closing, told) = (self.closing.clone(), Arc::clone(&self.told));
        async move {
            loop {
                let (open, told) = (closing.clone(), Arc::clone(&told));
                let pace = move |read: usize| {
                    let is_late = read % READ_AT_ONCE == 10 && open.borrow().is_none();
                    let many = if is_late { 2 * LATE } else { 0 };
                    let until = told.load(Ordering::SeqCst) + many;
                    passed(Arc::clone(&told), until, open.clone())
                };
                let until = closed(closing.clone());
                if !recorder.watch_at_pace(recorder.cursor(), until, pace).await {
                    return recorder.logs;
                }
            }
        }
        .boxed()
    }

    /// All of them.
    async fn gather(
        &self,
        world: &World,
        soon_over: &[Person],
        chance: &mut Chance,
    ) -> Vec<Watching> {
        let mut all = Vec::new();
        for index in 0..2 {
            all.push(self.steady(self.recorder(&format!("steady {index}"))));
            all.push(self.by_sdk(world, index).await);
            all.push(self.late(index));
            all.push(self.guessing(index, chance.another()));
        }
        all.extend((0..4).map(|index| self.wandering(index, chance.another())));
        let signed_in = soon_over.iter().enumerate();
        all.extend(signed_in.map(|(index, person)| self.with_token(person, index)));
        all
    }
}

/// Sells for a while, and until enough has changed for those who read late, with the clock turned
/// on in the middle, so that holds expire.
async fn sell_a_part(clock: &HandClock, told: &Arc<AtomicUsize>, closing: &Closing) {
    let enough = told.load(Ordering::SeqCst) + 2 * CHANGES_A_PART;
    for _ in 0..2 {
        linger(PART / 2).await;
        clock.advance(HOLD_TTL + Duration::from_secs(1));
    }
    passed(Arc::clone(told), enough, closing.clone()).await;
}

/// How many changes of a seat or offer lead to which state, from the history's own table.
async fn assert_all_happened(world: &World, deeds: &Deeds) {
    assert!(deeds.all_happened(), "something never happened: {deeds:?}");
    let expired = "select count(*) from booking_hold where state = 'EXPIRED'";
    assert!(world.database.count_by_hand(expired).await > 0, "no hold has expired: {deeds:?}");
}

/// Every kind of watcher has shown what it is there for.
fn assert_it_bit(logs: &[StreamLog]) {
    let of = |kind: &str| Tally::of(logs.iter().filter(|log| log.name.starts_with(kind)));
    let kinds = ["steady", "user", "late", "guesser", "wanderer", "token"];
    for kind in kinds {
        println!("{kind:8} {}", of(kind));
    }
    let ends = |kind: &str, reason: &str| of(kind).ended.get(reason).copied().unwrap_or(0);
    assert!(of("late").folded > 0, "nobody read so late that changes were folded");
    assert!(of("guesser").resynchronised > 0, "no cursor was refused");
    assert!(of("guesser").resumed > 0, "no cursor was served");
    assert!(of("wanderer").resumed >= 4, "nobody came back");
    assert!(of("steady").resumed > 0, "nobody went on after the restart");
    assert!(ends("steady", "ERROR_REASON_UNAVAILABLE") >= 4, "two restarts end two streams each");
    assert!(ends("token", "ERROR_REASON_TOKEN_EXPIRED") >= 2, "no token was over");
}

async fn rush(backend: Backend) {
    let listen = format!("127.0.0.1:{}", free_port());
    let world = World::start_configured(backend, |config| config.listen = listen).await;
    let mut chance = Chance::of_test();
    let soon_over = [world.customer().await, world.customer().await];
    world.clock.advance(NEARLY_A_TOKEN);
    let plan = StagePlan {
        rows: 6,
        seats_a_row: 10,
        standing: 200,
        hold_ttl: Some(HOLD_TTL),
        places_per_buyer_max: 100,
        ..Default::default()
    };
    let organizer = world.organizer().await;
    let stage = Arc::new(Stage::publish(&organizer, &plan).await);
    let keeper = Keeper::begin(&world.database, &stage.event_id).await;
    let (close, closing) = watch::channel(None);
    let (stop, stopped) = watch::channel(false);
    let audience = Audience {
        url: world.url(),
        event_id: stage.event_id.clone(),
        clock: Arc::clone(&world.clock),
        closing,
        told: Arc::default(),
    };
    let watching = audience.gather(&world, &soon_over, &mut chance).await;
    let watching: Vec<_> = watching.into_iter().map(tokio::spawn).collect();
    let mut trading = vec![tokio::spawn(block_and_unblock(
        organizer,
        Arc::clone(&stage),
        chance.another(),
        stopped.clone(),
    ))];
    for _ in 0..4 {
        let buyer = world.guest().await;
        let (stage, stopped) = (Arc::clone(&stage), stopped.clone());
        trading.push(tokio::spawn(trade(buyer, stage, chance.another(), stopped)));
    }
    sell_a_part(&world.clock, &audience.told, &audience.closing).await;
    let world = world.restart().await;
    sell_a_part(&world.clock, &audience.told, &audience.closing).await;
    let world = world.while_stopped(async |_, clock| clock.advance(FORGOTTEN)).await;
    sell_a_part(&world.clock, &audience.told, &audience.closing).await;
    stop.send_replace(true);
    let mut deeds = Deeds::default();
    for done in join_all(trading).await {
        deeds.add(&done.expect("it went well"));
    }
    let newest = at_rest(&world, &keeper).await;
    close.send_replace(Some(newest));
    let mut logs = Vec::new();
    for log in join_all(watching).await {
        logs.extend(log.expect("it went well"));
    }
    let history = assert_kept(&logs, &keeper, &world.database).await;
    assert_quick(&logs, &history, newest);
    boxoffice_tests::tell!("{} revisions; {deeds:?}", history.len());
    assert_it_bit(&logs);
    assert_all_happened(&world, &deeds).await;
    world.finish().await;
}

/// Waits until nothing expires or settles any more, and says at which revision that is.
async fn at_rest(world: &World, keeper: &Keeper) -> i64 {
    world.clock.advance(FORGOTTEN);
    world.assert_sound().await;
    let now = async || keeper.at_rest(&world.database).await.1;
    let last = now().await;
    look_until(now, |at| *at == last).await.1
}

/// Whoever was there to the end knows all of it, and had the last change within a second.
fn assert_quick(logs: &[StreamLog], history: &History, newest: i64) {
    assert_eq!(history.newest().1, newest, "nothing has happened since");
    let to_the_end = |log: &&StreamLog| log.last_cursor().is_some_and(|at| at.revision == newest);
    let there = logs.iter().filter(to_the_end).count();
    assert!(there >= 12, "only {there} were there in the end");
    let readers = logs.iter().filter(|log| log.name.starts_with("steady"));
    let mut delays: Vec<i64> = readers.flat_map(StreamLog::delays_micros).collect();
    delays.sort_unstable();
    let median = Duration::from_micros(delays[delays.len() / 2].unsigned_abs());
    boxoffice_tests::tell!("half of all changes were there within {median:.1?}");
    assert!(median < KNOWN_MAX, "changes take {median:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_80_watchers_of_every_kind_see_a_rush_as_it_was_over_two_restarts_on_sqlite() {
    rush(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_80_watchers_of_every_kind_see_a_rush_as_it_was_over_two_restarts_on_postgres() {
    rush(Backend::Postgres).await;
}
