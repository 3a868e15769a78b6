//! When a seat was free. A buyer *possibly* had it from the moment the call began that may have
//! given it, until it was surely known that it was over. If nobody possibly had a seat, nobody may
//! be told that it is taken.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use uuid::Uuid;

use super::requests::Requests;
use super::{CLOCK_SLACK, Finding, Promise, Truth, finding};
use crate::history::{BookingSeen, Call, Entry, History, Moment, NEVER, Outcome};

/// Refusals that name seats which nobody possibly had.
pub(super) fn judge(history: &History, truth: &Truth, requests: &Requests) -> Vec<Finding> {
    let possible = possible(history, truth, requests);
    let mut findings = Vec::new();
    for entry in &history.entries {
        let Outcome::Refused { reason: ErrorReason::SeatsTaken, seats, .. } = &entry.outcome else {
            continue;
        };
        for seat in seats {
            let meets = |(from, to): &(Moment, Moment)| *from <= entry.to && entry.from <= *to;
            if !possible.get(seat).is_some_and(|times| times.iter().any(meets)) {
                let what = format!("{seat} was free all the time");
                findings.push(finding(Promise::NoFalseTaken, &what, &[entry]));
            }
        }
    }
    findings
}

/// By when what was had was surely over.
#[derive(Default)]
struct Over<'a> {
    /// Holds that ended without a booking.
    holds: HashMap<Uuid, Moment>,
    /// When holds end by themselves at the latest, by the server's clock.
    expiries: HashMap<Uuid, i64>,
    /// Holds that may last longer than anybody was told.
    endless: HashSet<Uuid>,
    /// The booking of each hold that may have been booked, if it was told of.
    booked: HashMap<Uuid, Option<Uuid>>,
    /// The looks at each booking.
    looks: HashMap<Uuid, Vec<(&'a Entry, &'a BookingSeen)>>,
    /// When the outcome of each payment of a booking was known.
    payments: HashMap<Uuid, HashMap<Uuid, Moment>>,
    /// Bookings with a payment that nobody was told of.
    unpayable: HashSet<Uuid>,
    /// Seats that were given back by changes of holds.
    removed: HashMap<(Uuid, Uuid), Vec<&'a Entry>>,
    unblocked: HashMap<Uuid, Vec<&'a Entry>>,
}

fn earliest<K: Eq + std::hash::Hash>(times: &mut HashMap<K, Moment>, key: K, moment: Moment) {
    times.entry(key).and_modify(|known| *known = moment.min(*known)).or_insert(moment);
}

impl<'a> Over<'a> {
    fn of(history: &'a History, requests: &Requests) -> Self {
        let mut over = Self::default();
        for entry in &history.entries {
            over.note_answer(entry);
            if entry.is_refused() {
                continue;
            }
            let is_open = requests.done(entry) == NEVER;
            match &entry.call {
                Call::Book(hold) => drop(over.booked.entry(*hold).or_default()),
                Call::Extend(hold) if is_open => drop(over.endless.insert(*hold)),
                Call::Pay(booking, _) if is_open => drop(over.unpayable.insert(*booking)),
                Call::Change { hold, remove, .. } => {
                    for seat in remove {
                        over.removed.entry((*hold, *seat)).or_default().push(entry);
                    }
                }
                Call::Unblock(seats) => {
                    for seat in seats {
                        over.unblocked.entry(*seat).or_default().push(entry);
                    }
                }
                _ => {}
            }
        }
        over
    }

    fn note_answer(&mut self, entry: &'a Entry) {
        if let Some(seen) = entry.hold() {
            let expiry = self.expiries.entry(seen.id).or_insert(seen.expire_micros);
            *expiry = seen.expire_micros.max(*expiry);
            if matches!(seen.state, hold::State::Released | hold::State::Expired) {
                earliest(&mut self.holds, seen.id, entry.to);
            }
        } else if let Some(seen) = entry.booking() {
            self.booked.insert(seen.hold, Some(seen.id));
            self.looks.entry(seen.id).or_default().push((entry, seen));
        } else if let Some(seen) = entry.payment() {
            use payment::State::{Canceled, Failed, Succeeded};
            let is_over = matches!(seen.state, Canceled | Failed | Succeeded);
            let known = if is_over { entry.to } else { NEVER };
            earliest(self.payments.entry(seen.booking).or_default(), seen.id, known);
        }
    }

    /// By when a seat that was had by this hold was surely free.
    fn of_hold(&self, history: &History, truth: &Truth, id: Uuid, seat: Uuid) -> Moment {
        match self.booked.get(&id) {
            Some(Some(booking)) => self.of_booking(truth, *booking, seat),
            Some(None) => NEVER,
            None if self.endless.contains(&id) => self.holds.get(&id).copied().unwrap_or(NEVER),
            None => {
                let expiry = self.expiries.get(&id).map(|end| history.surely_reached(*end));
                let expiry = expiry.map_or(NEVER, |moment| moment.saturating_add(CLOCK_SLACK));
                self.holds.get(&id).copied().unwrap_or(NEVER).min(expiry)
            }
        }
    }

    /// By when a seat of this booking was surely free: what became of it in the end is known, and
    /// when somebody first saw that.
    fn of_booking(&self, truth: &Truth, id: Uuid, seat: Uuid) -> Moment {
        let (Some(kept), Some(looks)) = (truth.bookings.get(&id), self.looks.get(&id)) else {
            return NEVER;
        };
        let first = |is_over: &dyn Fn(&BookingSeen) -> bool| {
            let over = looks.iter().filter(|(_, seen)| is_over(seen));
            over.map(|(entry, _)| entry.to).min().unwrap_or(NEVER)
        };
        let mut place = kept.places.iter().filter(|place| place.seat == Some(seat));
        if place.any(|place| place.is_returned) {
            // It is free from the moment on at which it was given back.
            return first(&|seen| !seen.seats.contains(&seat));
        }
        match kept.state {
            booking::State::Failed | booking::State::Expired => {
                first(&|seen| seen.state == kept.state)
            }
            booking::State::Cancelled => {
                // Its places stay its own until the outcome of its payment is known.
                let paid = self.payments.get(&id).into_iter().flatten();
                let known = paid.map(|(_, known)| *known).max().unwrap_or(Moment::MIN);
                let known = if self.unpayable.contains(&id) { NEVER } else { known };
                first(&|seen| seen.state == booking::State::Cancelled).max(known)
            }
            _ => NEVER,
        }
    }
}

/// By when a seat was surely given up again that this entry gave: by the first of these that surely
/// came after it.
fn given_up(given: &Entry, later: Option<&Vec<&Entry>>, requests: &Requests) -> Moment {
    let later = later.into_iter().flatten();
    let later = later.filter(|entry| requests.begun(entry) > requests.done(given));
    later.map(|entry| requests.done(entry)).min().unwrap_or(NEVER)
}

/// The times in which somebody possibly had each seat.
fn possible(
    history: &History,
    truth: &Truth,
    requests: &Requests,
) -> HashMap<Uuid, Vec<(Moment, Moment)>> {
    let over = Over::of(history, requests);
    let mut possible: HashMap<Uuid, Vec<(Moment, Moment)>> = HashMap::new();
    for entry in history.entries.iter().filter(|entry| !entry.is_refused()) {
        let (seats, is_block) = match &entry.call {
            Call::Hold { seats, .. } => (seats, false),
            Call::Change { add, .. } => (add, false),
            Call::Block(seats) => (seats, true),
            _ => continue,
        };
        if entry.outcome == Outcome::Unknown && requests.done(entry) != NEVER {
            // The answer that came in the end says more.
            continue;
        }
        let from = requests.begun(entry);
        for seat in seats {
            let to = match entry.hold() {
                _ if is_block => given_up(entry, over.unblocked.get(seat), requests),
                Some(seen) => {
                    let removed = over.removed.get(&(seen.id, *seat));
                    let removed = given_up(entry, removed, requests);
                    over.of_hold(history, truth, seen.id, *seat).min(removed)
                }
                None => NEVER,
            };
            possible.entry(*seat).or_default().push((from, to));
        }
    }
    possible
}
