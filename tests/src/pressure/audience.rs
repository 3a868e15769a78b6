//! Those who watch the seats of a sale: some stay, as users of the SDK or by themselves, some read
//! late, and some come back, from where they stood, from the very first cursor, and from one that
//! never was.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_sdk::booking::v1::SeatCursor;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::chance::Chance;
use crate::clock::HandClock;
use crate::database::Database;
use crate::door::Door;
use crate::judge::Finding;
use crate::streams::{
    Breach, Keeper, Recorder, StreamLog, StreamPromise, Tally, channel, held_against, linger,
    narrow_channel,
};

/// How long those who come back stay, and how long they stay away.
const STAY_MIN: Duration = Duration::from_millis(20);
const STAY_MAX: Duration = Duration::from_millis(400);
/// Messages between two pauses of one who reads late, and how long each pause is: more changes pass
/// than are told one by one.
const READ_AT_ONCE: usize = 25;
const PAUSE: Duration = Duration::from_millis(600);
/// Messages after which anybody has enough of a stream.
const ENOUGH: usize = 10_000;
/// How far beyond the newest revision a cursor is that never was.
const BEYOND: i64 = 1_000_000;

/// What a watcher does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Goes on from where a stream ended, if it does.
    Stays,
    /// Leaves that to the SDK.
    LeavesItToTheSdk,
    ReadsLate,
    ComesBack,
    BeginsAtTheFirst,
    BeginsBeyond,
}

/// Watchers who try everything that a stream has to bear.
const EVERY_KIND: [Habit; 5] = [
    Habit::Stays,
    Habit::ReadsLate,
    Habit::ComesBack,
    Habit::BeginsAtTheFirst,
    Habit::BeginsBeyond,
];
/// Watchers who have no reason to begin anew, whatever happens to the server.
const FAITHFUL: [Habit; 5] = [
    Habit::Stays,
    Habit::Stays,
    Habit::LeavesItToTheSdk,
    Habit::LeavesItToTheSdk,
    Habit::ComesBack,
];

/// The watchers of a sale.
pub(super) struct Audience {
    keeper: Keeper,
    /// The revision at which the sale ended; `None` while it goes on.
    closing: watch::Sender<Option<i64>>,
    watching: Vec<(Habit, JoinHandle<Vec<StreamLog>>)>,
}

/// One of them.
struct Watcher {
    habit: Habit,
    chance: Chance,
    door: Door,
    closing: watch::Receiver<Option<i64>>,
}

/// What they were told.
pub(super) struct Told {
    tally: Tally,
    /// How many changes there were.
    revisions: usize,
    /// What is wrong with what they were told.
    pub findings: Vec<Finding>,
}

impl Audience {
    /// Watchers of every kind of an event that nobody has begun to use. They begin at once.
    pub async fn of_every_kind(
        database: &Database,
        door: &Door,
        event_id: &str,
        clock: &Arc<HandClock>,
        seed: u64,
    ) -> Self {
        let doors = std::slice::from_ref(door);
        Self::begin(&EVERY_KIND, database, doors, event_id, clock, seed).await
    }

    /// The same of watchers who go on from where they stand, who come by these doors in turn.
    pub async fn faithful(database: &Database, doors: &[Door], event_id: &str, seed: u64) -> Self {
        Self::begin(&FAITHFUL, database, doors, event_id, &Arc::default(), seed).await
    }

    async fn begin(
        habits: &[Habit],
        database: &Database,
        doors: &[Door],
        event_id: &str,
        clock: &Arc<HandClock>,
        seed: u64,
    ) -> Self {
        let keeper = Keeper::begin(database, event_id).await;
        let closing = watch::Sender::new(None);
        let mut watching = Vec::new();
        for (index, (habit, door)) in habits.iter().zip(doors.iter().cycle()).enumerate() {
            let url = door.url();
            let channel =
                if *habit == Habit::ReadsLate { narrow_channel(&url) } else { channel(&url) };
            let name = format!("{index}, who {habit:?}");
            let recorder = Recorder::new(name, channel, event_id, clock);
            let watcher = Watcher {
                habit: *habit,
                chance: Chance::part(seed, usize::MAX - 16 - index),
                door: door.clone(),
                closing: closing.subscribe(),
            };
            watching.push((*habit, tokio::spawn(watcher.watch(recorder))));
        }
        Self { keeper, closing, watching }
    }

    /// Once nothing happens any more, lets everybody read to where the event stands, and go. Judges
    /// what they were told.
    pub async fn close(self, database: &Database) -> Told {
        let (_, (_, revision)) = self.keeper.at_rest(database).await;
        self.closing.send_replace(Some(revision));
        let (mut logs, mut breaches) = (Vec::new(), Vec::new());
        for (habit, watching) in self.watching {
            let watched = watching.await.expect("a watcher");
            let stands_at = watched.last().and_then(StreamLog::last_cursor).map(|at| at.revision);
            if habit.hears_the_last() && stands_at.is_none_or(|at| at < revision) {
                breaches.push(Breach {
                    promise: StreamPromise::Reliable,
                    stream: watched.last().map(|log| log.name.clone()).unwrap_or_default(),
                    message: None,
                    what: format!("it ends at {stands_at:?} of {revision}"),
                });
            }
            logs.extend(watched);
        }
        let (history, more) = held_against(&logs, &self.keeper, database).await;
        let findings = breaches.into_iter().chain(more).map(Finding::from).collect();
        Told { tally: Tally::of(&logs), revisions: history.len(), findings }
    }
}

impl Habit {
    /// Whether it has heard everything in the end.
    fn hears_the_last(self) -> bool {
        !matches!(self, Self::BeginsAtTheFirst | Self::BeginsBeyond)
    }
}

impl Told {
    /// How often what happened.
    pub fn counts(&self) -> impl Iterator<Item = (String, usize)> {
        let tally = &self.tally;
        let counts = [
            ("revisions", self.revisions),
            ("streams", tally.streams),
            ("streams resumed", tally.resumed),
            ("streams outlived", tally.outlived),
            ("streams folded", tally.folded),
            ("streams begun anew", tally.resynchronised),
            ("streams broken", tally.broken),
        ];
        counts.into_iter().map(|(what, count)| (what.to_owned(), count))
    }
}

impl Watcher {
    /// Ends with the revision at which the sale ended.
    fn closed(&self) -> impl Future<Output = Option<i64>> + use<> {
        let mut closing = self.closing.clone();
        async move {
            let closed = closing.wait_for(Option::is_some).await.map(|at| *at);
            closed.unwrap_or_default()
        }
    }

    fn is_open(&self) -> bool {
        self.closing.borrow().is_none()
    }

    /// Watches until the sale is over and the last of it was told.
    async fn watch(mut self, mut recorder: Recorder) -> Vec<StreamLog> {
        if self.habit == Habit::LeavesItToTheSdk {
            recorder.watch_by_sdk(&self.door.anonymous().await, self.closed()).await;
            return recorder.logs;
        }
        loop {
            let first = recorder.logs.first().and_then(|log| log.heard.first());
            let first = first.and_then(|heard| heard.message.cursor);
            let cursor = match (self.habit, recorder.cursor()) {
                (Habit::BeginsAtTheFirst, _) => first,
                (Habit::BeginsBeyond, Some(SeatCursor { epoch, revision })) => {
                    Some(SeatCursor { epoch, revision: revision.saturating_add(BEYOND) })
                }
                (_, cursor) => cursor,
            };
            let stay = match self.habit {
                Habit::Stays | Habit::ReadsLate => None,
                _ => Some(self.chance.between(STAY_MIN, STAY_MAX)),
            };
            if !self.listen(&mut recorder, cursor, stay).await {
                return recorder.logs;
            }
            if stay.is_some() {
                linger(self.chance.between(STAY_MIN, STAY_MAX)).await;
            }
        }
    }

    /// Watches from a cursor until the sale is over and the last of it was told, the stream ends,
    /// or there was enough of it. Says whether to go on with another one.
    async fn listen(
        &self,
        recorder: &mut Recorder,
        cursor: Option<SeatCursor>,
        stay: Option<Duration>,
    ) -> bool {
        let enough = Arc::new(Notify::new());
        let stay = stay.filter(|_| self.is_open());
        let until = {
            let (closed, enough) = (self.closed(), Arc::clone(&enough));
            async move {
                let left = async {
                    match stay {
                        Some(span) => linger(span).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    last = closed => last,
                    () = left => None,
                    () = enough.notified() => None,
                }
            }
        };
        let is_late = self.habit == Habit::ReadsLate;
        // What it gives is its own, so that whoever watches can be spawned.
        let pace = move |count: usize| {
            let enough = Arc::clone(&enough);
            async move {
                if count >= ENOUGH {
                    enough.notify_one();
                } else if is_late && count.is_multiple_of(READ_AT_ONCE) {
                    linger(PAUSE).await;
                }
            }
        };
        let has_ended = recorder.watch_at_pace(cursor, until, pace).await;
        let has_enough = recorder.logs.last().is_some_and(|log| log.heard.len() >= ENOUGH);
        has_ended || stay.is_some() && !has_enough
    }
}
