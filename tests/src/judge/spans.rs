//! When somebody surely had something: from the moment an answer said so until the first call that
//! may have ended it began, or its time passed.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::booking::v1::{booking, hold};
use uuid::Uuid;

use super::owners::Owners;
use super::{DECLINES_MAX, earliest};
use crate::history::{BookingSeen, Call, Entry, History, Moment, NEVER, ORGANIZER, Outcome};

/// A time in which somebody surely had places.
pub(super) struct Span<'a> {
    /// The hold that they were had by first; the organizer has what is blocked.
    pub owner: Uuid,
    /// Who has them.
    pub caller: usize,
    pub seats: &'a [Uuid],
    pub standing: i32,
    pub from: Moment,
    pub to: Moment,
    /// Whether they may have been given up before, so that their buyer could have others as well.
    pub had_lapsed: bool,
    pub entry: &'a Entry,
}

/// What ended holds and bookings, or may have: the earliest call that could.
#[derive(Default)]
struct Ends<'a> {
    holds: HashMap<Uuid, Moment>,
    changes: HashMap<Uuid, Vec<&'a Entry>>,
    bookings: HashMap<Uuid, Moment>,
    payments: HashMap<Uuid, Vec<Moment>>,
    unblocked: HashMap<Uuid, Vec<&'a Entry>>,
    expiries: HashMap<Uuid, i64>,
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
                Call::Unblock(seats) => {
                    for seat in seats {
                        ends.unblocked.entry(*seat).or_default().push(entry);
                    }
                }
                _ => {}
            }
        }
        for begun in ends.payments.values_mut() {
            begun.sort_unstable();
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

    /// When an unpaid booking may have ended by itself.
    fn lapse(&self, history: &History, seen: &BookingSeen) -> Moment {
        let payments = self.payments.get(&seen.id);
        let failed = payments.and_then(|begun| begun.get(DECLINES_MAX - 1)).copied();
        failed.unwrap_or(NEVER).min(surely_before(history, seen.pay_by_micros))
    }

    /// When a booking may have been cancelled, or some of it given back.
    fn of_booking(&self, id: Uuid) -> Moment {
        self.bookings.get(&id).copied().unwrap_or(NEVER)
    }

    /// When seats that were blocked by this entry may have been freed.
    fn of_block(&self, seats: &[Uuid], blocked: &Entry) -> Moment {
        let freed = seats.iter().filter_map(|seat| self.unblocked.get(seat)).flatten();
        let later = freed.filter(|entry| entry.to >= blocked.from);
        later.map(|entry| entry.from).min().unwrap_or(NEVER)
    }
}

/// The last moment at which the server's clock surely does not show this time yet.
fn surely_before(history: &History, server_micros: i64) -> Moment {
    history.reached(server_micros) - history.clock_slack
}

/// Whether two entries are one request.
fn same(one: &Entry, other: &Entry) -> bool {
    one.request.is_some() && (one.caller, one.request) == (other.caller, other.request)
}

/// Bookings that were surely paid before they could have lapsed.
fn paid_in_time(history: &History, ends: &Ends) -> HashSet<Uuid> {
    let seen = history.entries.iter().filter_map(|entry| Some((entry, entry.booking()?)));
    let in_time = seen.filter(|(entry, seen)| {
        seen.state == booking::State::Confirmed && entry.to < ends.lapse(history, seen)
    });
    in_time.map(|(_, seen)| seen.id).collect()
}

/// All times in which somebody surely had something.
pub(super) fn spans<'a>(history: &'a History, owners: &Owners) -> Vec<Span<'a>> {
    let ends = Ends::of(history);
    let in_time = paid_in_time(history, &ends);
    let mut spans = Vec::new();
    for entry in &history.entries {
        let mut had_lapsed = false;
        let (owner, seats, standing, to) = if let Some(seen) = entry.hold() {
            if seen.state != hold::State::Active {
                continue;
            }
            (seen.id, &seen.seats, seen.standing, ends.of_hold(history, seen.id, entry))
        } else if let Some(seen) = entry.booking() {
            let to = match seen.state {
                booking::State::Confirmed => {
                    had_lapsed = !in_time.contains(&seen.id);
                    ends.of_booking(seen.id)
                }
                booking::State::Pending | booking::State::AwaitingPayment => {
                    ends.of_booking(seen.id).min(ends.lapse(history, seen))
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
            let caller = owners.of_hold(owner).unwrap_or(ORGANIZER);
            let from = entry.to;
            spans.push(Span { owner, caller, seats, standing, from, to, had_lapsed, entry });
        }
    }
    spans
}
