//! The promises of the platform as SQL: every statement finds the rows that break one, so that no
//! row is the only good answer. A row is an id and a few words.

use std::time::{Duration, Instant};

use super::promises;
use crate::error::Result;
use crate::ports::clock::Clock;
use crate::store::Store;

/// When an invariant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At every instant.
    Always,
    /// Of rows that were left alone for a while; `$1` is the instant they must be older than.
    Settled,
}

/// One promise.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its name.
    pub name: &'static str,
    /// What it promises, in a sentence.
    pub description: &'static str,
    /// When it holds.
    pub when: When,
    /// Finds the rows that break it.
    pub broken_by: &'static str,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How many rows break it.
    pub violation_count: i64,
    /// Some of them.
    pub examples: Vec<String>,
}

/// What an invariant came to.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The promise.
    pub invariant: Invariant,
    /// What was found.
    pub finding: Finding,
    /// How long the check took.
    pub duration: Duration,
}

/// Checks every promise at one instant.
pub async fn verify(store: &Store, clock: &dyn Clock, settle: Duration) -> Result<Vec<Verdict>> {
    let mut tx = store.read().await?;
    let settled_before = clock.now() - settle;
    let mut verdicts = Vec::new();
    for invariant in promises::all() {
        let begun = Instant::now();
        let finding = tx.check(invariant, settled_before).await?;
        verdicts.push(Verdict { invariant: *invariant, finding, duration: begun.elapsed() });
    }
    Ok(verdicts)
}

/// The name of every promise.
pub fn names() -> impl Iterator<Item = &'static str> {
    promises::all().map(|invariant| invariant.name)
}
