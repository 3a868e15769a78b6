//! Lanes: group commit. A lane takes whatever commands arrived while its last commit ran and runs
//! them in one transaction. There is no timer: an idle server answers at once, and a group of one
//! is the normal case.
//!
//! All commands of a group are under way at the same time, so any order among them is a true one;
//! those of one kind keep the order of their arrival.

use std::any::Any;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::driver::{Engine, Store, Tx};
use crate::error::{Error, Reason, Result};
use crate::kernel::id::EventId;
use crate::kernel::limits::{LANE_GROUP_MAX, LANE_QUEUE_MAX};
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::tasks::Tasks;

/// Lanes on PostgreSQL; an event always has the same one.
const POSTGRES_LANES: usize = 4;

/// A command of the sale and how a group of its kind is decided.
#[async_trait]
pub trait UseCase: Send + Sync + Sized + 'static {
    /// What the one who asked gets.
    type Answer: Send + 'static;

    /// Decides the commands in their order and writes what follows, in bulk. Answers each, in the
    /// same order. An error of the whole rolls everything back, and the commands are run again one
    /// by one, so that a bad one never fails its neighbours.
    async fn run(
        tx: &mut Tx,
        commands: &[Self],
        now: Timestamp,
    ) -> Result<Vec<Result<Self::Answer>>>;
}

/// Commands of one kind on their way through a lane.
struct Group<U: UseCase> {
    events: Vec<EventId>,
    commands: Vec<U>,
    replies: Vec<oneshot::Sender<Result<U::Answer>>>,
    outcomes: Vec<Result<U::Answer>>,
}

/// A group whose kind is not known: what a lane handles.
#[async_trait]
trait AnyGroup: Send + Any {
    /// Whether the other has commands of the same kind.
    fn is_like(&self, other: &dyn AnyGroup) -> bool;
    /// Takes the commands of a group of the same kind in.
    fn absorb(&mut self, other: Box<dyn AnyGroup>);
    /// The event of each of its commands.
    fn events(&self) -> &[EventId];
    /// Runs the commands and keeps their outcomes until the commit.
    async fn run(&mut self, tx: &mut Tx, now: Timestamp) -> Result<()>;
    /// Takes the group apart into groups of one.
    fn split(self: Box<Self>) -> Vec<Box<dyn AnyGroup>>;
    /// Answers those who asked: with their outcomes, or all with the error.
    fn answer(self: Box<Self>, committed: Result<()>);
    /// The group as itself, for those of its kind.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<U: UseCase> Group<U> {
    fn of_one(
        event_id: EventId,
        command: U,
        reply: oneshot::Sender<Result<U::Answer>>,
    ) -> Box<dyn AnyGroup> {
        Box::new(Self {
            events: vec![event_id],
            commands: vec![command],
            replies: vec![reply],
            outcomes: Vec::new(),
        })
    }
}

#[async_trait]
impl<U: UseCase> AnyGroup for Group<U> {
    fn is_like(&self, other: &dyn AnyGroup) -> bool {
        let other: &dyn Any = other;
        other.is::<Self>()
    }

    fn absorb(&mut self, other: Box<dyn AnyGroup>) {
        if let Ok(other) = other.into_any().downcast::<Self>() {
            self.events.extend(other.events);
            self.commands.extend(other.commands);
            self.replies.extend(other.replies);
        }
    }

    fn events(&self) -> &[EventId] {
        &self.events
    }

    async fn run(&mut self, tx: &mut Tx, now: Timestamp) -> Result<()> {
        self.outcomes = U::run(tx, &self.commands, now).await?;
        if self.outcomes.len() == self.commands.len() {
            Ok(())
        } else {
            Err(Error::internal("a use case answered another number of commands than it got"))
        }
    }

    fn split(self: Box<Self>) -> Vec<Box<dyn AnyGroup>> {
        let parts = self.events.into_iter().zip(self.commands).zip(self.replies);
        parts.map(|((event, command), reply)| Self::of_one(event, command, reply)).collect()
    }

    fn answer(self: Box<Self>, committed: Result<()>) {
        let outcomes: Vec<Result<U::Answer>> = match committed {
            Ok(()) if self.outcomes.len() > 1 && planted!(NeighboursAnswer) => {
                self.outcomes.into_iter().rev().collect()
            }
            Ok(()) => self.outcomes,
            Err(error) => self.replies.iter().map(|_| Err(error.clone())).collect(),
        };
        for (reply, outcome) in self.replies.into_iter().zip(outcomes) {
            // Whoever asked may have gone; what was done stays done.
            drop(reply.send(outcome));
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The lanes of a server. Cheap to clone.
#[derive(Clone)]
pub struct Lanes {
    senders: Arc<[mpsc::Sender<Box<dyn AnyGroup>>]>,
}

impl Lanes {
    /// Starts the lanes: one on SQLite, which has one writer, and several on PostgreSQL. They end
    /// once the tasks are told to stop and everything that waited is answered.
    pub fn start(store: &Store, clock: &Arc<dyn Clock>, tasks: &Tasks) -> Self {
        let count = match store.engine() {
            Engine::Sqlite => 1,
            Engine::Postgres => POSTGRES_LANES,
        };
        let senders = (0..count).map(|_| {
            let (sender, receiver) = mpsc::channel(LANE_QUEUE_MAX);
            let stop = tasks.stop_lanes().clone();
            tasks.spawn_lane(run_lane(store.clone(), Arc::clone(clock), receiver, stop));
            sender
        });
        Self { senders: senders.collect() }
    }

    /// Sends a command through the lane of its event and waits for what becomes of it. The command
    /// runs even if the caller stops waiting.
    pub async fn run<U: UseCase>(&self, event_id: EventId, command: U) -> Result<U::Answer> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(event_id);
        let lane = usize::try_from(hash % self.senders.len().max(1) as u64).unwrap_or(0);
        let sender = self.senders.get(lane).ok_or_else(|| Error::internal("there is no lane"))?;
        let (reply, answer) = oneshot::channel();
        sender.try_send(Group::of_one(event_id, command, reply)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Unavailable("the lane is full".into()),
            mpsc::error::TrySendError::Closed(_) => Error::Unavailable("the lane has ended".into()),
        })?;
        answer.await.map_err(|_| Error::Unavailable("the lane has ended".into()))?
    }
}

async fn run_lane(
    store: Store,
    clock: Arc<dyn Clock>,
    mut receiver: mpsc::Receiver<Box<dyn AnyGroup>>,
    stop: CancellationToken,
) {
    let mut waiting = Vec::new();
    loop {
        let received = tokio::select! {
            biased;
            received = receiver.recv_many(&mut waiting, LANE_GROUP_MAX) => received,
            () = stop.cancelled(), if !receiver.is_closed() => {
                // Nothing more comes in; what waits is still answered.
                receiver.close();
                continue;
            }
        };
        if received == 0 {
            return;
        }
        let groups = merge(waiting.drain(..));
        match run_groups(&store, &*clock, groups).await {
            Ok(()) => {}
            Err((groups, error)) if is_worth_another_run(&groups, &error) => {
                run_one_by_one(&store, &*clock, groups).await;
            }
            Err((groups, error)) => answer_all(groups, &Err(error)),
        }
    }
}

async fn run_one_by_one(store: &Store, clock: &dyn Clock, groups: Vec<Box<dyn AnyGroup>>) {
    let mut gone = None;
    for group in groups.into_iter().flat_map(AnyGroup::split) {
        if let Some(error) = &gone {
            // The database went away meanwhile: nobody has to wait for that again.
            group.answer(Err(Error::clone(error)));
            continue;
        }
        if let Err((alone, error)) = run_groups(store, clock, vec![group]).await {
            answer_all(alone, &Err(error.clone()));
            gone = Some(error).filter(|error| matches!(error, Error::Unavailable(_)));
        }
    }
}

/// A database that is not there fails the commands one by one just as well. Somebody else's change
/// in between, such as the same request id used for another event, is known to the next run, which
/// then decides by it.
fn is_worth_another_run(groups: &[Box<dyn AnyGroup>], error: &Error) -> bool {
    let commands: usize = groups.iter().map(|group| group.events().len()).sum();
    match error {
        Error::Unavailable(_) => false,
        Error::Duplicate(_) => true,
        Error::Rejected(rejection) if rejection.reason == Reason::ChangedMeanwhile => true,
        Error::Rejected(_) | Error::Internal(_) => commands > 1,
    }
}

fn merge(waiting: impl Iterator<Item = Box<dyn AnyGroup>>) -> Vec<Box<dyn AnyGroup>> {
    let mut groups: Vec<Box<dyn AnyGroup>> = Vec::new();
    for next in waiting {
        match groups.iter_mut().find(|group| group.is_like(&*next)) {
            Some(group) => group.absorb(next),
            None => groups.push(next),
        }
    }
    groups
}

type Failed = (Vec<Box<dyn AnyGroup>>, Error);

async fn run_groups(
    store: &Store,
    clock: &dyn Clock,
    mut groups: Vec<Box<dyn AnyGroup>>,
) -> Result<(), Failed> {
    let done = async {
        let mut tx = store.begin().await?;
        let events: BTreeSet<EventId> =
            groups.iter().flat_map(|group| group.events().iter().copied()).collect();
        tx.lock_events(&events).await?;
        // The time is read once the events are ours: it is the time of the decisions.
        let now = clock.now();
        for group in &mut groups {
            group.run(&mut tx, now).await?;
        }
        if planted!(AcknowledgedBeforeCommit) {
            answer_all(std::mem::take(&mut groups), &Ok(()));
        }
        crash_point!(BeforeSaleCommit);
        tx.commit().await
    };
    match done.await {
        Ok(()) => {
            crash_point!(BeforeAnswer);
            answer_all(groups, &Ok(()));
            Ok(())
        }
        Err(error) => Err((groups, error)),
    }
}

fn answer_all(groups: Vec<Box<dyn AnyGroup>>, outcome: &Result<()>) {
    for group in groups {
        group.answer(outcome.clone());
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
