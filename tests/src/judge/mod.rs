//! Judges a sale by what its clients were told: whether any of it contradicts what is promised,
//! wherever in time it happened. It knows nothing of the server but its answers and, at the end,
//! its books and the gateway's.

mod books;
mod clarity;
mod ownership;
mod repeats;
mod stories;
mod truth;

use std::fmt;

use boxoffice_sdk::operations::v1::InvariantResult;

use crate::history::{Entry, History};

pub use truth::{BookedPlace, TrueBooking, TruePayment, Truth};

/// A promise that a history breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// At no time two buyers had the same seat.
    OneOwner,
    /// At no time more places of an offer were had than there are.
    NeverOversold,
    /// Nobody was told that a seat is taken which nobody could have had.
    NoFalseTaken,
    /// A repeated request has one effect and names it.
    OneEffect,
    /// What was acknowledged is there, and what is there was asked for.
    Acknowledged,
    /// The gateway's ledger, our payments and our bookings agree to the cent.
    MoneyAgrees,
    /// States only go the ways that they may go.
    OneStory,
    /// Every call has a clear answer in the end.
    ClearAnswers,
    /// What `ops verify` checks in the database.
    Invariant,
}

/// How a history breaks a promise.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The promise.
    pub promise: Promise,
    /// What happened.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.promise, self.text)
    }
}

impl From<InvariantResult> for Finding {
    fn from(broken: InvariantResult) -> Self {
        Self { promise: Promise::Invariant, text: format!("{broken:?}") }
    }
}

/// Holds a history against what is promised, and against how things are at its end.
pub fn judge(history: &History, truth: &Truth) -> Vec<Finding> {
    let mut findings = ownership::judge(history, truth);
    findings.extend(repeats::judge(history));
    findings.extend(stories::judge(history));
    findings.extend(books::judge(history, truth));
    findings.extend(clarity::judge(history));
    findings
}

/// A finding about some calls.
fn finding(promise: Promise, what: &str, entries: &[&Entry]) -> Finding {
    let mut text = what.to_owned();
    for entry in entries {
        text.push_str(&format!("\n    {entry:?}"));
    }
    Finding { promise, text }
}
