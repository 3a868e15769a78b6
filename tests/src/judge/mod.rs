//! Judges a sale by what its clients were told: whether any of it contradicts what is promised,
//! wherever in time it happened. It knows nothing of the server but its answers and, at the end,
//! its books and the gateway's.

mod asked;
mod books;
mod clarity;
mod freedom;
mod holds;
mod money;
mod over;
mod owners;
mod ownership;
mod refusals;
mod repeats;
mod requests;
mod spans;
mod stories;
mod strangers;
mod tickets;
mod truth;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use boxoffice_sdk::operations::v1::InvariantResult;

use crate::history::{Entry, History, Moment};
use crate::streams::Breach;
use owners::Owners;
use requests::Requests;

pub use clarity::SIGNED_OUT;
pub use truth::{BookedPlace, TrueBooking, TrueHold, TruePayment, TrueTicket, Truth};

/// Declines after which a booking fails and its seats are free.
const DECLINES_MAX: usize = 5;

/// What is said of something that is there and was never answered with.
pub const UNTOLD: &str = "nobody was told of";

/// A promise that a history breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// At no time two buyers had the same seat.
    OneOwner,
    /// At no time more places of an offer were had than there are.
    NeverOversold,
    /// Nobody was told that a place is taken which nobody could have had.
    NoFalseTaken,
    /// Nobody was refused for what is not so: a time that is over, too many places, a used ticket.
    NoFalseRefusal,
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
    /// Nobody has to do with what is somebody else's, or learns that it is there.
    NoStranger,
    /// No buyer had more places at a time than a buyer may.
    WithinLimit,
    /// No hold lasts longer than its event lets it.
    HoldsEnd,
    /// Each place that is paid and kept has one ticket that is good for one entry, and no other
    /// place has any.
    OneEntry,
    /// Watchers are told everything, in order, once, and where they stand.
    StreamsTell,
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

impl From<Breach> for Finding {
    fn from(breach: Breach) -> Self {
        Self { promise: Promise::StreamsTell, text: breach.to_string() }
    }
}

/// Holds a history against what is promised, and against how things are at its end.
pub fn judge(history: &History, truth: &Truth) -> Vec<Finding> {
    let owners = Owners::of(history);
    let requests = Requests::of(history);
    let mut findings = ownership::judge(&spans::spans(history, &owners), truth);
    findings.extend(freedom::judge(history, truth, &requests));
    findings.extend(refusals::judge(history, truth, &requests));
    findings.extend(repeats::judge(history));
    findings.extend(asked::judge(history, truth));
    findings.extend(strangers::judge(history, &owners));
    findings.extend(stories::judge(history));
    findings.extend(holds::judge(history, truth, &owners, &requests));
    findings.extend(books::judge(history, truth, &owners));
    findings.extend(tickets::judge(history, truth, &requests));
    findings.extend(money::judge(history, truth));
    findings.extend(clarity::judge(history));
    findings
}

/// Notes a moment at which something was, unless an earlier one is known.
fn earliest<K: Eq + Hash>(times: &mut HashMap<K, Moment>, key: K, moment: Moment) {
    times.entry(key).and_modify(|known| *known = moment.min(*known)).or_insert(moment);
}

/// A finding about some calls.
fn finding(promise: Promise, what: &str, entries: &[&Entry]) -> Finding {
    let mut text = what.to_owned();
    for entry in entries {
        text.push_str(&format!("\n    {entry:?}"));
    }
    Finding { promise, text }
}

/// A finding about none in particular.
fn said(promise: Promise, text: String) -> Finding {
    Finding { promise, text }
}
