//! What is to be said of a sale: what broke a promise, and how often what happened.

use std::collections::BTreeMap;

use super::audience::Told;
use crate::history::{History, Outcome};
use crate::judge::{Finding, Truth, judge};
use crate::summary::tell;

/// What bookings count as that were paid at some time.
const SOLD: &str = "sold";

/// What became of a sale.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What broke a promise, and where.
    pub findings: Vec<Finding>,
    /// How often each kind of call came to what.
    pub counts: BTreeMap<String, usize>,
}

/// Counts, in a line.
pub fn shown(counts: &BTreeMap<String, usize>) -> String {
    let counts: Vec<String> =
        counts.iter().map(|(what, count)| format!("{what} {count}")).collect();
    counts.join(", ")
}

impl Verdict {
    /// Judges a history.
    pub fn of(history: &History, truth: &Truth) -> Self {
        let findings = judge(history, truth);
        let mut counts = BTreeMap::new();
        for entry in &history.entries {
            let kind = entry.call.kind();
            let came_to = match &entry.outcome {
                Outcome::Done(_) => "done".to_owned(),
                Outcome::Refused { reason, .. } => format!("{reason:?}"),
                Outcome::Unknown => "unknown".to_owned(),
            };
            *counts.entry(format!("{kind} {came_to}")).or_default() += 1;
        }
        for booking in truth.bookings.values() {
            *counts.entry(format!("booking {:?}", booking.state)).or_default() += 1;
        }
        Self { findings, counts }
    }

    /// The counts, in a line.
    pub fn shown(&self) -> String {
        shown(&self.counts)
    }

    /// Adds what watchers of it were told.
    pub(super) fn add_told(&mut self, told: Told) {
        self.counts.extend(told.counts());
        self.findings.extend(told.findings);
    }

    /// Nothing broke a promise.
    pub fn assert_clean(&self, seed: u64) {
        let list: Vec<String> = self.findings.iter().take(5).map(Finding::to_string).collect();
        assert!(
            list.is_empty(),
            "seed {seed}: {} findings:\n{}",
            self.findings.len(),
            list.join("\n")
        );
    }

    /// Each of these happened at least so often: what never happened was not tried.
    pub fn assert_lively(&self, seed: u64, wanted: &[(&str, usize)]) {
        let rare = self.rare(wanted);
        assert!(rare.is_empty(), "seed {seed}: too rare: {rare:?} in {:#?}", self.counts);
    }

    /// Which of these have not happened so often.
    pub fn rare<'a>(&self, wanted: &[(&'a str, usize)]) -> Vec<(&'a str, usize)> {
        wanted.iter().copied().filter(|(what, least)| self.count(what) < *least).collect()
    }

    /// Adds what became of another sale.
    pub fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    /// How often that happened.
    pub fn count(&self, what: &str) -> usize {
        self.counts.get(what).copied().unwrap_or_default()
    }

    /// Notes how many bookings were paid, whatever became of them.
    pub(super) fn note_sold(&mut self, sold: usize) {
        self.counts.insert(SOLD.into(), sold);
    }

    /// How many bookings were paid, whatever became of them.
    pub fn sold(&self) -> usize {
        self.count(SOLD)
    }

    /// Tells what became of a sale. At least so many calls got no answer, or else nobody noticed
    /// that something went wrong.
    pub fn assert_noticed(&self, least: usize) {
        let unanswered = self.unanswered();
        tell(&format!("{} sold, {unanswered} calls unanswered; {}", self.sold(), self.shown()));
        assert!(unanswered >= least, "nobody noticed");
    }

    /// How many calls got no answer, and had to be made again.
    pub fn unanswered(&self) -> usize {
        self.count_ending("unanswered")
    }

    /// How many calls came to that, whatever they were.
    pub fn count_ending(&self, outcome: &str) -> usize {
        let counts = self.counts.iter().filter(|(what, _)| what.ends_with(outcome));
        counts.map(|(_, count)| count).sum()
    }
}
