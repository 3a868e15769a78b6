//! Who had which seat, and when.
//!
//! A buyer *surely* had a seat from the moment an answer said so until the first call that may have
//! ended it began, or its time passed. Two buyers may never surely have had one seat at the same
//! time. A buyer *possibly* had it from the moment the call began that may have given it. If nobody
//! possibly had a seat, nobody may be told that it is taken.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{booking, hold};
use uuid::Uuid;

use super::{Finding, Promise, Truth, finding};
use crate::history::{Call, Entry, History, Moment, NEVER, Outcome};

/// Declines after which a booking fails and its seats are free.
const DECLINES_MAX: usize = 5;
/// By how much the clocks of a test and of its server may be read apart, in microseconds.
const CLOCK_SLACK: Moment = 100_000;

pub(super) fn judge(history: &History, truth: &Truth) -> Vec<Finding> {
    let spans = spans(history);
    let mut findings = overlaps(&spans);
    findings.extend(oversold(&spans, truth));
    findings.extend(false_taken(history));
    findings
}

/// A time in which somebody surely had places.
struct Span<'a> {
    /// The hold that they were had by first; the organizer has what is blocked.
    owner: Uuid,
    seats: &'a [Uuid],
    standing: i32,
    from: Moment,
    to: Moment,
    entry: &'a Entry,
}

/// What ended holds and bookings, or may have: the earliest call that could.
#[derive(Default)]
struct Ends<'a> {
    holds: HashMap<Uuid, Moment>,
    changes: HashMap<Uuid, Vec<&'a Entry>>,
    bookings: HashMap<Uuid, Moment>,
    payments: HashMap<Uuid, Vec<Moment>>,
    unblocked: Vec<&'a Entry>,
    expiries: HashMap<Uuid, i64>,
}

fn earliest(times: &mut HashMap<Uuid, Moment>, id: Uuid, moment: Moment) {
    times.entry(id).and_modify(|known| *known = moment.min(*known)).or_insert(moment);
}

impl<'a> Ends<'a> {
    fn of(history: &'a History) -> Self {
        let mut ends = Self::default();
        for entry in &history.entries {
            if let Some(seen) = entry.hold().filter(|seen| seen.state == hold::State::Active) {
                let expiry = ends.expiries.entry(seen.id).or_insert(seen.expire_micros);
                *expiry = seen.expire_micros.max(*expiry);
            }
            if entry.is_refused() {
                continue;
            }
            match &entry.call {
                Call::Release(id) | Call::Book(id) => earliest(&mut ends.holds, *id, entry.from),
                Call::Change { hold, .. } => ends.changes.entry(*hold).or_default().push(entry),
                Call::Cancel(id) => earliest(&mut ends.bookings, *id, entry.from),
                Call::Return { booking, .. } => {
                    earliest(&mut ends.bookings, *booking, entry.from);
                }
                Call::Pay(id, _) => ends.payments.entry(*id).or_default().push(entry.from),
                Call::Unblock(_) => ends.unblocked.push(entry),
                _ => {}
            }
        }
        ends
    }

    /// When a hold that was told of by this entry may have ended.
    fn of_hold(&self, history: &History, id: Uuid, entry: &Entry) -> Moment {
        let ended = self.holds.get(&id).copied().unwrap_or(NEVER);
        let expiry = self.expiries.get(&id).map_or(NEVER, |expiry| surely_before(history, *expiry));
        let changes = self.changes.get(&id).into_iter().flatten();
        let changed = changes.filter(|change| change.to >= entry.from && !same(change, entry));
        changed.map(|change| change.from).fold(ended.min(expiry), Moment::min)
    }

    /// When an unpaid booking may have ended.
    fn of_unpaid(&self, history: &History, id: Uuid, pay_by_micros: i64) -> Moment {
        let ended = self.bookings.get(&id).copied().unwrap_or(NEVER);
        let mut payments = self.payments.get(&id).cloned().unwrap_or_default();
        payments.sort_unstable();
        let failed = payments.get(DECLINES_MAX - 1).copied().unwrap_or(NEVER);
        ended.min(failed).min(surely_before(history, pay_by_micros))
    }

    fn of_paid(&self, id: Uuid) -> Moment {
        self.bookings.get(&id).copied().unwrap_or(NEVER)
    }

    /// When seats that were blocked by this entry may have been freed.
    fn of_block(&self, seats: &[Uuid], blocked: &Entry) -> Moment {
        let frees = |entry: &&&Entry| match &entry.call {
            Call::Unblock(freed) => freed.iter().any(|seat| seats.contains(seat)),
            _ => false,
        };
        let later = self.unblocked.iter().filter(|entry| entry.to >= blocked.from);
        later.filter(frees).map(|entry| entry.from).min().unwrap_or(NEVER)
    }
}

/// The last moment at which the server's clock surely does not show this time yet.
fn surely_before(history: &History, server_micros: i64) -> Moment {
    history.reached(server_micros) - CLOCK_SLACK
}

/// Whether two entries are one request.
fn same(one: &Entry, other: &Entry) -> bool {
    one.request.is_some() && (one.caller, one.request) == (other.caller, other.request)
}

/// All times in which somebody surely had something.
fn spans(history: &History) -> Vec<Span<'_>> {
    let ends = Ends::of(history);
    let mut spans = Vec::new();
    for entry in &history.entries {
        let (owner, seats, standing, to) = if let Some(seen) = entry.hold() {
            if seen.state != hold::State::Active {
                continue;
            }
            (seen.id, &seen.seats, seen.standing, ends.of_hold(history, seen.id, entry))
        } else if let Some(seen) = entry.booking() {
            let to = match seen.state {
                booking::State::Confirmed => ends.of_paid(seen.id),
                booking::State::Pending | booking::State::AwaitingPayment => {
                    ends.of_unpaid(history, seen.id, seen.pay_by_micros)
                }
                _ => continue,
            };
            (seen.hold, &seen.seats, seen.standing, to)
        } else if let (Call::Block(seats), Outcome::Done(_)) = (&entry.call, &entry.outcome) {
            (Uuid::nil(), seats, 0, ends.of_block(seats, entry))
        } else {
            continue;
        };
        if entry.to < to {
            spans.push(Span { owner, seats, standing, from: entry.to, to, entry });
        }
    }
    spans
}

fn overlaps(spans: &[Span]) -> Vec<Finding> {
    let mut had: Vec<(Uuid, Moment, usize)> = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        had.extend(span.seats.iter().map(|seat| (*seat, span.from, index)));
    }
    had.sort_unstable();
    let mut findings = Vec::new();
    let mut longest: Option<(Uuid, &Span)> = None;
    for (seat, from, index) in had {
        let Some(span) = spans.get(index) else { continue };
        if let Some((last_seat, last)) = longest
            && last_seat == seat
            && from < last.to
        {
            if last.owner != span.owner {
                let what = format!("{seat} had two owners");
                findings.push(finding(Promise::OneOwner, &what, &[last.entry, span.entry]));
            }
            if last.to >= span.to {
                continue;
            }
        }
        longest = Some((seat, span));
    }
    findings
}

/// Whether at some time more places of general admission were surely had than there are.
fn oversold(spans: &[Span], truth: &Truth) -> Vec<Finding> {
    // An owner who is seen several times at once counts once.
    let mut by_owner: HashMap<Uuid, Vec<&Span>> = HashMap::new();
    for span in spans.iter().filter(|span| span.standing > 0) {
        by_owner.entry(span.owner).or_default().push(span);
    }
    let mut steps = Vec::new();
    for (_, mut spans) in by_owner {
        spans.sort_by_key(|span| span.from);
        let mut until = Moment::MIN;
        for span in spans {
            let from = span.from.max(until);
            if from < span.to {
                steps.push((span.to, -i64::from(span.standing)));
                steps.push((from, i64::from(span.standing)));
                until = span.to;
            }
        }
    }
    steps.sort_unstable();
    let mut had = 0;
    for (moment, change) in steps {
        had += change;
        if had > truth.standing {
            let text = format!("{had} of {} places were had at {moment}", truth.standing);
            return vec![Finding { promise: Promise::NeverOversold, text }];
        }
    }
    Vec::new()
}

/// Refusals that name seats which nobody possibly had.
fn false_taken(history: &History) -> Vec<Finding> {
    let possible = possible(history);
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

/// The times in which somebody possibly had each seat.
fn possible(history: &History) -> HashMap<Uuid, Vec<(Moment, Moment)>> {
    // A request that was repeated may have had its effect at the first try.
    let mut begun: HashMap<(usize, Uuid), Moment> = HashMap::new();
    // Holds of which it is known that they ended without a booking, and when at the latest.
    let mut over: HashMap<Uuid, Moment> = HashMap::new();
    let mut expiries: HashMap<Uuid, i64> = HashMap::new();
    let mut booked = HashSet::new();
    for entry in &history.entries {
        if let Some(request) = entry.request {
            let first = begun.entry((entry.caller, request)).or_insert(entry.from);
            *first = entry.from.min(*first);
        }
        if let Some(seen) = entry.hold() {
            let expiry = expiries.entry(seen.id).or_insert(seen.expire_micros);
            *expiry = seen.expire_micros.max(*expiry);
            if seen.state != hold::State::Active && seen.state != hold::State::Used {
                earliest(&mut over, seen.id, entry.to);
            }
        }
        match &entry.call {
            Call::Book(hold) if !entry.is_refused() => {
                booked.insert(*hold);
            }
            // It may be longer than anybody was told.
            Call::Extend(hold) if entry.outcome == Outcome::Unknown => {
                booked.insert(*hold);
            }
            _ => {}
        }
    }
    let mut possible: HashMap<Uuid, Vec<(Moment, Moment)>> = HashMap::new();
    for entry in &history.entries {
        let seats = match (&entry.call, entry.hold()) {
            _ if entry.is_refused() => continue,
            (Call::Hold { seats, .. } | Call::Block(seats), _) => seats,
            (Call::Change { add, .. }, _) => add,
            _ => continue,
        };
        let begun = entry.request.and_then(|request| begun.get(&(entry.caller, request)));
        let from = begun.copied().unwrap_or(entry.from);
        let to = match entry.hold() {
            Some(seen) if !booked.contains(&seen.id) => {
                let expiry = expiries.get(&seen.id).map(|expiry| history.reached(*expiry));
                let expiry = expiry.map_or(NEVER, |moment| moment.saturating_add(CLOCK_SLACK));
                over.get(&seen.id).copied().unwrap_or(NEVER).min(expiry)
            }
            _ => NEVER,
        };
        for seat in seats {
            possible.entry(*seat).or_default().push((from, to));
        }
    }
    possible
}
