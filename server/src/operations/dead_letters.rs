//! What operators do about events that a consumer could not take.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::delivery::{Deliveries, Replayed};
use crate::error::{Error, Reason, Result};
use crate::identity::service::audit;
use crate::kernel::caller::Caller;
use crate::kernel::id::DeadLetterId;
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::ports::bus::Consumer;
use crate::ports::clock::Clock;
use crate::store::dead_letter::{
    DeadLetter, DeadLetterFilter, DeadLetterState, aggregates_to_replay, dead_letter, dead_letters,
    lock_deliveries, parked_count, resolve,
};
use crate::store::{Recollection, Remembered, RequestKey, Store, attempt, enter};
use crate::tasks::Tasks;

/// Events that one replay delivers at the most.
const REPLAY_MAX: usize = 500;
/// How long one replay goes on; what is left then is for the next. Shorter than a call may take.
const REPLAY_DURATION_MAX: Duration = Duration::from_secs(20);

/// Which dead letters to replay.
#[derive(Clone, Debug)]
pub enum ReplayScope {
    /// One, with whatever is parked of its aggregate.
    Letter(DeadLetterId),
    /// All of a consumer, or of one aggregate.
    Consumer(String, Option<Uuid>),
}

/// What came of a replay.
#[derive(Clone, Debug)]
pub struct ReplayOutcome {
    /// Events that were delivered.
    pub delivered_count: usize,
    /// Those meant that are still parked.
    pub parked_count: i64,
    /// The letters that failed again.
    pub failed: Vec<DeadLetter>,
}

/// The use cases of dead letters.
#[derive(Clone)]
pub struct DeadLetters {
    store: Store,
    clock: Arc<dyn Clock>,
    deliveries: Deliveries,
    tasks: Tasks,
}

impl DeadLetters {
    /// Of these consumers.
    pub fn new(store: Store, clock: Arc<dyn Clock>, deliveries: Deliveries, tasks: Tasks) -> Self {
        Self { store, clock, deliveries, tasks }
    }

    /// Who consumes events in this process.
    pub fn consumers(&self) -> impl Iterator<Item = &'static str> {
        self.deliveries.consumers().iter().map(|consumer| consumer.name())
    }

    /// One page of dead letters, the first parked first.
    pub async fn list(
        &self,
        filter: &DeadLetterFilter,
        page: &PageRequest,
    ) -> Result<Page<DeadLetter>> {
        let rows = dead_letters(&mut self.store.read().await?, filter, page).await?;
        Ok(Page::new(rows, page, |letter| Cursor {
            position: letter.park_time.micros(),
            id: letter.dead_letter_id.uuid(),
        }))
    }

    /// Delivers parked events once more: those of an aggregate in order, up to the first that
    /// fails. Each is a transaction of its own, so that a replay that breaks off has done what it
    /// had delivered, and the next goes on from there. It runs to its end even if its caller
    /// leaves, and is recorded before it does anything.
    pub async fn replay(
        &self,
        caller: &Caller,
        key: &RequestKey,
        scope: ReplayScope,
    ) -> Result<ReplayOutcome> {
        let recollection = Recollection::load(&mut self.store.read().await?, [key]).await?;
        let remembered = recollection.check(key)?;
        let by = caller.session.to_string();
        let (name, only) = match scope {
            ReplayScope::Consumer(name, only) => (name, only),
            ReplayScope::Letter(id) => {
                let letter = self.find(id).await?;
                if remembered == Remembered::New {
                    require_replayable(&letter, &by)?;
                }
                (letter.consumer, Some(letter.event.aggregate_id))
            }
        };
        let consumer = self.deliveries.consumer(&name);
        let consumer = consumer.ok_or_else(|| Error::not_found("consumer"))?;
        let (mut delivered_count, mut failed) = (0, Vec::new());
        if remembered == Remembered::New {
            let (replays, key) = (self.clone(), key.clone());
            let work = async move { replays.replay_whole(&*consumer, only, &by, &key).await };
            let done = self.tasks.spawn(work).await.map_err(Error::internal)?;
            (delivered_count, failed) = done?;
        }
        let mut tx = self.store.read().await?;
        let parked_count = parked_count(&mut tx, &name, only).await?;
        let mut letters = Vec::with_capacity(failed.len());
        for id in failed {
            letters.extend(dead_letter(&mut tx, id).await?);
        }
        Ok(ReplayOutcome { delivered_count, parked_count, failed: letters })
    }

    /// Records a replay, does it, and remembers that it was done: the same request that finds it
    /// broken off goes on with it.
    async fn replay_whole(
        &self,
        consumer: &dyn Consumer,
        only: Option<Uuid>,
        by: &str,
        key: &RequestKey,
    ) -> Result<(usize, Vec<DeadLetterId>)> {
        let mut tx = self.store.begin().await?;
        let (subject, now) = (consumer.name(), self.clock.now());
        audit(&mut tx, key.session, "ReplayDeadLetters", subject, now).await?;
        tx.commit().await?;
        let replayed = self.replay_all(consumer, only, by).await?;
        attempt(|| self.remember(key, only.unwrap_or_default())).await?;
        Ok(replayed)
    }

    async fn replay_all(
        &self,
        consumer: &dyn Consumer,
        only: Option<Uuid>,
        by: &str,
    ) -> Result<(usize, Vec<DeadLetterId>)> {
        let begun = Instant::now();
        let limit = i64::try_from(REPLAY_MAX).unwrap_or(i64::MAX);
        let mut tx = self.store.read().await?;
        let aggregates = aggregates_to_replay(&mut tx, consumer.name(), only, limit).await?;
        drop(tx);
        let (mut delivered_count, mut failed) = (0, Vec::new());
        for aggregate_id in aggregates {
            loop {
                if self.tasks.stop().is_cancelled() {
                    return Err(Error::Unavailable("the server is stopping".into()));
                }
                if delivered_count >= REPLAY_MAX || begun.elapsed() > REPLAY_DURATION_MAX {
                    return Ok((delivered_count, failed));
                }
                match self.deliveries.replay_next(consumer, aggregate_id, by).await? {
                    Replayed::Delivered => delivered_count += 1,
                    Replayed::Nothing => break,
                    Replayed::Failed(id) => {
                        failed.push(id);
                        break;
                    }
                }
            }
        }
        Ok((delivered_count, failed))
    }

    /// Lets a consumer do without a parked event, for a reason.
    pub async fn discard(
        &self,
        caller: &Caller,
        key: &RequestKey,
        dead_letter_id: DeadLetterId,
        reason: &str,
    ) -> Result<DeadLetter> {
        attempt(|| self.try_to_discard(caller, key, dead_letter_id, reason)).await?;
        self.find(dead_letter_id).await
    }

    async fn try_to_discard(
        &self,
        caller: &Caller,
        key: &RequestKey,
        dead_letter_id: DeadLetterId,
        reason: &str,
    ) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let (by, now) = (caller.session.to_string(), self.clock.now());
        if enter(&mut tx, key, dead_letter_id.uuid(), now).await?.is_some() {
            return Ok(());
        }
        let letter = dead_letter(&mut tx, dead_letter_id).await?;
        let letter = letter.ok_or_else(|| Error::not_found("dead letter"))?;
        // A replay of it may be under way; whatever comes of it comes first.
        let aggregates = BTreeSet::from([letter.event.aggregate_id]);
        lock_deliveries(&mut tx, &letter.consumer, &aggregates).await?;
        let discarded = DeadLetterState::Discarded;
        if !resolve(&mut tx, dead_letter_id, discarded, (&by, reason), now).await? {
            let letter = dead_letter(&mut tx, dead_letter_id).await?;
            let letter = letter.ok_or_else(|| Error::not_found("dead letter"))?;
            return Err(resolved(&letter));
        }
        let subject = dead_letter_id.to_string();
        audit(&mut tx, key.session, "DiscardDeadLetter", &subject, now).await?;
        tx.commit().await
    }

    async fn find(&self, dead_letter_id: DeadLetterId) -> Result<DeadLetter> {
        let found = dead_letter(&mut self.store.read().await?, dead_letter_id).await?;
        found.ok_or_else(|| Error::not_found("dead letter"))
    }

    async fn remember(&self, key: &RequestKey, resource: Uuid) -> Result<()> {
        let mut tx = self.store.begin().await?;
        enter(&mut tx, key, resource, self.clock.now()).await?;
        tx.commit().await
    }
}

/// Refuses a letter that is not parked, unless its caller has had it replayed: an equal request may
/// be under way, or have broken off behind it.
fn require_replayable(letter: &DeadLetter, by: &str) -> Result<()> {
    match letter.state {
        DeadLetterState::Parked => Ok(()),
        DeadLetterState::Replayed if letter.resolved_by == by => Ok(()),
        DeadLetterState::Replayed | DeadLetterState::Discarded => Err(resolved(letter)),
    }
}

fn resolved(letter: &DeadLetter) -> Error {
    Reason::DeadLetterResolved.with("state", letter.state.name())
}
