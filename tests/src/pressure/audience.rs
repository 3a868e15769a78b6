//! Those who watch the seats of a sale: some stay, some read late, and some come back, from where
//! they stood, from the very first cursor, and from one that never was.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_sdk::booking::v1::SeatCursor;
use futures::future::join_all;
use tokio::sync::{Notify, watch};

use crate::chance::Chance;
use crate::clock::HandClock;
use crate::database::Database;
use crate::judge::Finding;
use crate::streams::{self, Keeper, StreamLog, channel, held_against, linger, narrow_channel};

/// How long those who come back stay, and how long they stay away.
const STAY_MIN: Duration = Duration::from_millis(20);
const STAY_MAX: Duration = Duration::from_millis(400);
/// Messages between two pauses of one who reads late, and how long each pause is: more changes pass
/// than are told one by one.
const READ_AT_ONCE: usize = 25;
const PAUSE: Duration = Duration::from_millis(600);
/// Messages after which anybody has enough of a stream.
const ENOUGH: usize = 4_000;
/// How far beyond the newest revision a cursor is that never was.
const BEYOND: i64 = 1_000_000;

/// What a watcher does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    Stays,
    ReadsLate,
    ComesBack,
    BeginsAtTheFirst,
    BeginsBeyond,
}

const HABITS: [Habit; 5] = [
    Habit::Stays,
    Habit::ReadsLate,
    Habit::ComesBack,
    Habit::BeginsAtTheFirst,
    Habit::BeginsBeyond,
];

/// The watchers of a sale.
pub struct Audience {
    keeper: Keeper,
    url: String,
    event_id: String,
    clock: Arc<HandClock>,
    /// The revision at which the sale ended; `None` while it goes on.
    closing: watch::Sender<Option<i64>>,
}

impl Audience {
    /// Watchers of an event that nobody has begun to use.
    pub async fn begin(
        database: &Database,
        url: &str,
        event_id: &str,
        clock: &Arc<HandClock>,
    ) -> Self {
        Self {
            keeper: Keeper::begin(database, event_id).await,
            url: url.to_owned(),
            event_id: event_id.to_owned(),
            clock: Arc::clone(clock),
            closing: watch::Sender::new(None),
        }
    }

    /// Lets everybody watch until the sale is over and they have heard the last of it.
    pub async fn watch(&self, seed: u64) -> Vec<StreamLog> {
        let watching = HABITS.iter().enumerate().map(async |(index, habit)| {
            self.watch_as(*habit, Chance::part(seed, usize::MAX - 16 - index)).await
        });
        join_all(watching).await.concat()
    }

    /// Lets everybody read to where the event stands now, and go.
    pub async fn close(&self, database: &Database) {
        let (_, (_, revision)) = self.keeper.at_rest(database).await;
        self.closing.send_replace(Some(revision));
    }

    /// What is wrong with what they were told of a sale that is over.
    pub async fn judge(&self, logs: &[StreamLog], database: &Database) -> Vec<Finding> {
        let (_, breaches) = held_against(logs, &self.keeper, database).await;
        breaches.into_iter().map(Finding::from).collect()
    }

    async fn closed(&self) -> Option<i64> {
        let closed = self.closing.subscribe().wait_for(Option::is_some).await.map(|at| *at);
        closed.unwrap_or_default()
    }

    fn is_open(&self) -> bool {
        self.closing.borrow().is_none()
    }

    async fn watch_as(&self, habit: Habit, mut chance: Chance) -> Vec<StreamLog> {
        let is_late = habit == Habit::ReadsLate;
        let channel = if is_late { narrow_channel(&self.url) } else { channel(&self.url) };
        let name = format!("{habit:?}");
        let mut recorder = streams::Recorder::new(name, channel, &self.event_id, &self.clock);
        loop {
            let first = recorder.logs.first().and_then(|log| log.heard.first());
            let first = first.and_then(|heard| heard.message.cursor);
            let cursor = match (habit, recorder.cursor()) {
                (Habit::BeginsAtTheFirst, _) => first,
                (Habit::BeginsBeyond, Some(SeatCursor { epoch, revision })) => {
                    Some(SeatCursor { epoch, revision: revision.saturating_add(BEYOND) })
                }
                (_, cursor) => cursor,
            };
            let stay = match habit {
                Habit::Stays | Habit::ReadsLate => None,
                _ => Some(chance.between(STAY_MIN, STAY_MAX)),
            };
            if !self.listen(&mut recorder, cursor, is_late, stay).await {
                break;
            }
            if stay.is_some() {
                linger(chance.between(STAY_MIN, STAY_MAX)).await;
            }
        }
        recorder.logs
    }

    /// Watches from a cursor until the sale is over and the last of it was told, the stream ends,
    /// or there was enough of it. Says whether to go on with another one.
    async fn listen(
        &self,
        recorder: &mut streams::Recorder,
        cursor: Option<SeatCursor>,
        is_late: bool,
        stay: Option<Duration>,
    ) -> bool {
        let enough = Notify::new();
        let left = async {
            match stay.filter(|_| self.is_open()) {
                Some(span) => linger(span).await,
                None => std::future::pending().await,
            }
        };
        let until = async {
            tokio::select! {
                last = self.closed() => last,
                () = left => None,
                () = enough.notified() => None,
            }
        };
        let pace = async |count: usize| {
            if count >= ENOUGH {
                enough.notify_one();
            } else if is_late && count.is_multiple_of(READ_AT_ONCE) {
                linger(PAUSE).await;
            }
        };
        let was_open = self.is_open();
        let has_ended = recorder.watch_at_pace(cursor, until, pace).await;
        let has_enough = recorder.logs.last().is_some_and(|log| log.heard.len() >= ENOUGH);
        has_ended || was_open && stay.is_some() && !has_enough
    }
}
