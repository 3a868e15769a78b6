//! The seat feed: every change of an event's seats, in order, to whoever watches. The database
//! keeps the changes; one ring an event shares them among the watchers of this replica, so that
//! nobody's slowness costs anybody else anything.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::domain::inventory::FeedCursor;
use super::store::Revision;
use crate::error::{Error, Result};
use crate::kernel::id::{EventId, OfferId, SeatId};
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;
use crate::store::{Signal, Store};

/// Revisions a ring keeps; who is further behind reads from the database.
const RING_MAX: usize = 1_024;
/// Revisions that are sent one by one; of more, only the newest state of each seat.
const SINGLE_MAX: usize = 64;
/// Rows read at once.
const ROWS_MAX: i64 = 5_000;
/// How often feeds look for themselves, should a signal have been lost.
const LOOK_SPAN: Duration = Duration::from_millis(500);

/// What a watcher gets.
#[derive(Clone, Debug)]
pub enum SeatUpdate {
    /// Every seat.
    Snapshot {
        /// Where the stream stands.
        cursor: FeedCursor,
        /// All seats with their states.
        seats: Vec<(SeatId, SeatState)>,
        /// All GA offers with how many of their places are available.
        offers: Vec<(OfferId, i64)>,
        /// Whether what was known before is to be forgotten.
        resynchronised: bool,
    },
    /// The seats that changed.
    Changes {
        /// Where the stream stands after them.
        cursor: FeedCursor,
        /// The revision just before them.
        from_revision: i64,
        /// The seats with their newest states, each once.
        seats: Vec<(SeatId, SeatState)>,
        /// The GA offers with how many of their places are available now, each once.
        offers: Vec<(OfferId, i64)>,
        /// When the newest of them was committed.
        change_time: Timestamp,
    },
}

/// The feeds of the events that are watched on this replica.
#[derive(Clone)]
pub struct SeatFeeds {
    store: Store,
    feeds: Arc<Mutex<HashMap<EventId, Weak<EventFeed>>>>,
}

/// The newest changes of one event.
struct EventFeed {
    event_id: EventId,
    ring: Mutex<Ring>,
    newest: watch::Sender<FeedCursor>,
    refreshing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Ring {
    revisions: VecDeque<Arc<Revision>>,
}

const UNREAD: FeedCursor = FeedCursor { epoch: -1, revision: -1 };

impl SeatFeeds {
    /// Of this database.
    pub fn new(store: Store) -> Self {
        Self { store, feeds: Arc::default() }
    }

    /// Follows the database until `stop`: refreshes the feeds that are watched whenever their seats
    /// change, here or on another replica.
    pub async fn follow(&self, stop: CancellationToken) {
        let mut signals = self.store.signals().listen();
        let mut look = tokio::time::interval(LOOK_SPAN);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let signal = tokio::select! {
                () = stop.cancelled() => return,
                // However much is heard, every feed is looked at from time to time.
                _ = look.tick() => None,
                signal = signals.recv() => Some(signal),
            };
            let changed = match signal {
                Some(Ok(Signal::Seats(event_id))) => Some(event_id),
                Some(Ok(_)) => continue,
                None | Some(Err(RecvError::Lagged(_))) => None,
                Some(Err(RecvError::Closed)) => return,
            };
            for feed in self.watched(changed) {
                if let Err(error) = self.refresh(&feed).await {
                    tracing::warn!(%error, event_id = %feed.event_id, "a seat feed is behind");
                }
            }
        }
    }

    /// A watcher's place in the stream of an event: after `cursor`, or at the beginning.
    pub async fn watch(&self, event_id: EventId, cursor: Option<FeedCursor>) -> Result<SeatWatch> {
        if !self.store.read().await?.has_inventory(event_id).await? {
            return Err(Error::not_found("event"));
        }
        let feed = self.feed(event_id);
        self.refresh(&feed).await?;
        let newest = feed.newest.subscribe();
        // No cursor that was ever given out is beyond what is committed.
        let committed = *newest.borrow();
        let known = cursor.filter(|cursor| *cursor <= committed);
        let resynchronised = known != cursor;
        let known = known.map(|at| match planted!(CursorOffByOne) {
            true => FeedCursor { revision: at.revision + 1, ..at },
            false => at,
        });
        Ok(SeatWatch {
            feeds: self.clone(),
            feed,
            newest,
            cursor: known,
            resynchronised,
            pending: VecDeque::new(),
        })
    }

    fn feed(&self, event_id: EventId) -> Arc<EventFeed> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(&event_id).and_then(Weak::upgrade) {
            return feed;
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = Arc::new(EventFeed {
            event_id,
            ring: Mutex::default(),
            newest: watch::Sender::new(UNREAD),
            refreshing: tokio::sync::Mutex::default(),
        });
        feeds.insert(event_id, Arc::downgrade(&feed));
        feed
    }

    fn watched(&self, event_id: Option<EventId>) -> Vec<Arc<EventFeed>> {
        let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        match event_id {
            Some(event_id) => feeds.get(&event_id).and_then(Weak::upgrade).into_iter().collect(),
            None => feeds.values().filter_map(Weak::upgrade).collect(),
        }
    }

    /// Brings a feed up to what is committed.
    async fn refresh(&self, feed: &EventFeed) -> Result<()> {
        let _turn = feed.refreshing.lock().await;
        let mut tx = self.store.read().await?;
        let committed = tx.feed_cursor(feed.event_id).await?;
        let committed = committed.ok_or_else(|| Error::not_found("event"))?;
        let mut known = *feed.newest.borrow();
        if known.epoch != committed.epoch {
            feed.ring().revisions.clear();
            known = committed;
        }
        while known.revision < committed.revision {
            let new = tx.revisions_after(feed.event_id, known.revision, ROWS_MAX).await?;
            let whole = follow(&new, known.revision);
            known.revision = new.last().map_or(committed.revision, |last| last.revision);
            let mut ring = feed.ring();
            if !whole {
                // Some were forgotten before they were read: whoever is behind begins anew.
                ring.revisions.clear();
                continue;
            }
            ring.revisions.extend(new.into_iter().map(Arc::new));
            let surplus = ring.revisions.len().saturating_sub(RING_MAX);
            ring.revisions.drain(..surplus);
        }
        feed.newest.send_if_modified(|newest| {
            let modified = *newest != known;
            *newest = known;
            modified
        });
        Ok(())
    }
}

impl EventFeed {
    fn ring(&self) -> std::sync::MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The revisions after this one, if the ring still has all of them.
    fn after(&self, revision: i64) -> Option<Vec<Arc<Revision>>> {
        let ring = self.ring();
        let first = ring.revisions.front()?.revision;
        let covered = first <= revision.saturating_add(1);
        covered.then(|| ring.revisions.iter().filter(|r| r.revision > revision).cloned().collect())
    }
}

/// A watcher's place in the stream of an event. It keeps no queue: a watcher that does not read
/// finds the newest states when it reads again.
pub struct SeatWatch {
    feeds: SeatFeeds,
    feed: Arc<EventFeed>,
    newest: watch::Receiver<FeedCursor>,
    cursor: Option<FeedCursor>,
    /// Whether a first snapshot replaces what the watcher knew.
    resynchronised: bool,
    pending: VecDeque<SeatUpdate>,
}

impl SeatWatch {
    /// What comes next; waits until there is something. Cancelling it loses nothing.
    pub async fn next(&mut self) -> Result<SeatUpdate> {
        loop {
            if let Some(update) = self.pending.pop_front() {
                let (SeatUpdate::Snapshot { cursor, .. } | SeatUpdate::Changes { cursor, .. }) =
                    &update;
                self.cursor = Some(*cursor);
                return Ok(update);
            }
            let newest = *self.newest.borrow_and_update();
            match self.cursor {
                None => self.take_snapshot(self.resynchronised).await?,
                Some(cursor) if cursor.epoch < newest.epoch => self.take_snapshot(true).await?,
                Some(cursor) if cursor < newest => {
                    self.take_changes(cursor, newest.revision).await?;
                }
                // It has seen everything, or a snapshot that was newer than the ring.
                Some(_) => {
                    let changed = self.newest.changed().await;
                    changed.map_err(|_| Error::Unavailable("the seat feed has ended".into()))?;
                }
            }
        }
    }

    /// Where the stream stands; `None` before the first message.
    pub fn cursor(&self) -> Option<FeedCursor> {
        self.cursor
    }

    async fn take_snapshot(&mut self, resynchronised: bool) -> Result<()> {
        let map = self.feeds.store.read().await?.seat_map(self.feed.event_id).await?;
        let map = map.ok_or_else(|| Error::not_found("event"))?;
        let seats = map.seats.iter().map(|seat| (seat.seat_id, seat.state)).collect();
        let offers = map.ga_offers.iter().map(|(offer, left)| (offer.offer_id, *left)).collect();
        let cursor = map.cursor;
        let resynchronised = resynchronised && !planted!(NewBeginningUnmarked);
        self.pending.push_back(SeatUpdate::Snapshot { cursor, seats, offers, resynchronised });
        Ok(())
    }

    async fn take_changes(&mut self, cursor: FeedCursor, newest: i64) -> Result<()> {
        let revisions = match self.feed.after(cursor.revision) {
            Some(mut revisions) => {
                revisions.retain(|revision| revision.revision <= newest);
                revisions
            }
            None => {
                let mut tx = self.feeds.store.read().await?;
                let kept =
                    tx.revisions_after(self.feed.event_id, cursor.revision, ROWS_MAX).await?;
                kept.into_iter().map(Arc::new).filter(|r| r.revision <= newest).collect()
            }
        };
        if !follow(revisions.iter().map(Arc::as_ref), cursor.revision) {
            // They are no longer kept.
            return self.take_snapshot(true).await;
        }
        if revisions.len() > SINGLE_MAX {
            self.pending.extend(folded(cursor, &revisions));
            return Ok(());
        }
        for revision in revisions {
            self.pending.push_back(SeatUpdate::Changes {
                cursor: FeedCursor { epoch: cursor.epoch, revision: revision.revision },
                from_revision: revision.revision - 1,
                seats: revision.seats.clone(),
                offers: revision.offers.clone(),
                change_time: revision.change_time,
            });
            if planted!(ChangeToldTwice) {
                self.pending.extend(self.pending.back().cloned());
            }
        }
        if self.pending.len() > 1 && planted!(ChangesOutOfOrder) {
            self.pending.make_contiguous().reverse();
        }
        Ok(())
    }
}

/// Whether there are revisions and they follow this one, and each other, without a gap.
fn follow<'a>(revisions: impl IntoIterator<Item = &'a Revision>, revision: i64) -> bool {
    let mut newest = revision;
    for next in revisions {
        if newest.checked_add(1) != Some(next.revision) {
            return false;
        }
        newest = next.revision;
    }
    newest > revision
}

/// Many revisions as one change: the newest state of each seat.
fn folded(cursor: FeedCursor, revisions: &[Arc<Revision>]) -> Option<SeatUpdate> {
    let last = revisions.last()?;
    let mut newest: BTreeMap<SeatId, SeatState> = BTreeMap::new();
    let mut left: BTreeMap<OfferId, i64> = BTreeMap::new();
    for revision in revisions {
        for (seat_id, state) in revision.seats.iter().copied() {
            let known = newest.entry(seat_id).or_insert(state);
            if !planted!(FoldKeepsOldest) {
                *known = state;
            }
        }
        left.extend(revision.offers.iter().copied());
    }
    Some(SeatUpdate::Changes {
        cursor: FeedCursor { epoch: cursor.epoch, revision: last.revision },
        from_revision: cursor.revision,
        seats: newest.into_iter().collect(),
        offers: left.into_iter().collect(),
        change_time: last.change_time,
    })
}
