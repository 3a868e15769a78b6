//! When a place was free. A buyer *possibly* had it from the moment the call began that may have
//! given it, until it was surely known that it was over. Nobody may be told that a seat is taken
//! which nobody possibly had; that there are too few places of general admission, if there would
//! have been enough beside all that were possibly had; or that it is too many for one buyer, if it
//! is not with all that this buyer possibly had.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::ErrorReason;
use uuid::Uuid;

use super::over::Over;
use super::requests::Requests;
use super::{Finding, Promise, Truth, finding};
use crate::history::{Call, Entry, History, Moment, NEVER, Outcome, Taken};

/// Refusals for want of places that were free, or that were too many.
pub(super) fn judge(history: &History, truth: &Truth, requests: &Requests) -> Vec<Finding> {
    let possible = Possible::of(history, truth, requests);
    let mut findings = Vec::new();
    for entry in &history.entries {
        let Outcome::Refused { reason, taken, .. } = &entry.outcome else { continue };
        let wanted = Wanted::by(&entry.call);
        match reason {
            ErrorReason::SeatsTaken => {
                let mut doubt = |what: &str| {
                    findings.push(finding(Promise::NoFalseTaken, what, &[entry]));
                };
                for seat in taken.seats.iter().filter(|seat| !possible.is_had(seat, entry)) {
                    doubt(&format!("{seat} was free all the time"));
                }
                let had = possible.standing.most(entry);
                if taken.standing && had + wanted.standing <= truth.standing {
                    doubt(&format!("{had} of {} were had at the most", truth.standing));
                }
                if *taken == Taken::default() {
                    doubt("nothing stood in the way");
                }
            }
            ErrorReason::TooManyPlaces => {
                let had = possible.buyers.get(&entry.caller).map(|counts| counts.most(entry));
                let most = had.unwrap_or_default() + wanted.all();
                if truth.places_per_buyer_max.is_none_or(|limit| most <= limit) {
                    let what = format!("it would have been {most} places at the most");
                    findings.push(finding(Promise::NoFalseRefusal, &what, &[entry]));
                }
            }
            _ => {}
        }
    }
    findings
}

/// What a call gives to its caller, if it is done.
struct Wanted<'a> {
    seats: &'a [Uuid],
    standing: i64,
}

impl<'a> Wanted<'a> {
    fn by(call: &'a Call) -> Self {
        let (seats, standing) = match call {
            Call::Hold { seats, standing, .. } => (seats.as_slice(), *standing),
            Call::Change { add, standing, .. } => (add.as_slice(), standing.unwrap_or_default()),
            _ => (Default::default(), 0),
        };
        Self { seats, standing: i64::from(standing) }
    }

    fn all(&self) -> i64 {
        self.standing + self.seats.len() as i64
    }
}

/// How many were had, from each of these moments on.
#[derive(Default)]
struct Counts(Vec<(Moment, i64)>);

impl Counts {
    /// So many more from one moment to another, and in it.
    fn add(&mut self, count: i64, from: Moment, to: Moment) {
        if count > 0 {
            self.0.extend([(from, count), (to.max(from).saturating_add(1), -count)]);
        }
    }

    /// Once all are there.
    fn sum_up(&mut self) {
        self.0.sort_unstable();
        let mut had = 0;
        for (_, count) in &mut self.0 {
            had += *count;
            *count = had;
        }
    }

    /// The most that were had during a call.
    fn most(&self, entry: &Entry) -> i64 {
        let before = self.0.partition_point(|(moment, _)| *moment <= entry.from);
        let after = self.0.partition_point(|(moment, _)| *moment <= entry.to);
        let during = self.0.get(before.saturating_sub(1)..after).unwrap_or_default();
        during.iter().map(|(_, had)| *had).max().unwrap_or_default()
    }
}

/// Whether somebody was told of each hold that there is.
fn is_nothing_untold(history: &History, truth: &Truth) -> bool {
    let told = history.entries.iter().filter_map(|entry| entry.hold().map(|seen| seen.id));
    let told: HashSet<Uuid> = told.collect();
    truth.holds.keys().all(|id| told.contains(id))
}

/// What somebody possibly had, and when.
#[derive(Default)]
struct Possible {
    /// The times of each seat.
    seats: HashMap<Uuid, Vec<(Moment, Moment)>>,
    /// Places of general admission.
    standing: Counts,
    /// The places of each buyer.
    buyers: HashMap<usize, Counts>,
}

impl Possible {
    fn of(history: &History, truth: &Truth, requests: &Requests) -> Self {
        let over = Over::of(history, requests);
        let is_nothing_untold = is_nothing_untold(history, truth);
        let mut possible = Self::default();
        let mut counted = HashSet::new();
        for entry in history.entries.iter().filter(|entry| !entry.is_refused()) {
            let is_left = entry.outcome == Outcome::Unknown;
            if is_left && requests.done(entry) != NEVER {
                // The answer that came in the end says more.
                continue;
            }
            if is_left && is_nothing_untold && matches!(entry.call, Call::Hold { .. }) {
                // It would be there, and nobody would have been told of it.
                continue;
            }
            let from = requests.begun(entry);
            if let Call::Block(seats) = &entry.call {
                for seat in seats {
                    let to = over.of_block(*seat, entry, requests);
                    possible.seats.entry(*seat).or_default().push((from, to));
                }
                continue;
            }
            let hold = match &entry.call {
                Call::Change { hold, .. } => Some(*hold),
                _ => entry.hold().map(|seen| seen.id),
            };
            let wanted = Wanted::by(&entry.call);
            for seat in wanted.seats {
                let to = hold.map(|hold| {
                    let removed = over.of_seat(hold, *seat, entry, requests);
                    over.of_hold(history, truth, hold, Some(*seat)).min(removed)
                });
                possible.seats.entry(*seat).or_default().push((from, to.unwrap_or(NEVER)));
            }
            // Whoever asks twice by one id has it once.
            let is_new = entry.request.is_none_or(|id| counted.insert((entry.caller, id)));
            if is_new && wanted.all() > 0 {
                let to = hold.map(|hold| over.of_hold(history, truth, hold, None));
                let to = to.unwrap_or(NEVER);
                possible.standing.add(wanted.standing, from, to);
                let buyer = possible.buyers.entry(entry.caller).or_default();
                buyer.add(wanted.all(), from, to);
            }
        }
        possible.standing.sum_up();
        possible.buyers.values_mut().for_each(Counts::sum_up);
        possible
    }

    /// Whether somebody possibly had a seat at some moment of a call.
    fn is_had(&self, seat: &Uuid, entry: &Entry) -> bool {
        let meets = |(from, to): &(Moment, Moment)| *from <= entry.to && entry.from <= *to;
        self.seats.get(seat).is_some_and(|times| times.iter().any(meets))
    }
}
