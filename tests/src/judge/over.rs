//! By when what a buyer had was surely over: what became of it in the end is known, and when
//! somebody was first told so.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use uuid::Uuid;

use super::requests::Requests;
use super::{Truth, earliest};
use crate::history::{BookingSeen, Call, Entry, History, Moment, NEVER};

/// By when what was had was surely over.
#[derive(Default)]
pub(super) struct Over<'a> {
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

impl<'a> Over<'a> {
    pub(super) fn of(history: &'a History, requests: &Requests) -> Self {
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

    /// By when a seat that was had by this hold, or its places of general admission if none is
    /// named, were surely free.
    pub(super) fn of_hold(
        &self,
        history: &History,
        truth: &Truth,
        id: Uuid,
        seat: Option<Uuid>,
    ) -> Moment {
        match self.booked.get(&id) {
            Some(Some(booking)) => self.of_booking(truth, *booking, seat),
            Some(None) => NEVER,
            None if self.endless.contains(&id) => self.holds.get(&id).copied().unwrap_or(NEVER),
            None => {
                let expiry = self.expiries.get(&id).map(|end| history.surely_reached(*end));
                let expiry =
                    expiry.map_or(NEVER, |moment| moment.saturating_add(history.clock_slack));
                self.holds.get(&id).copied().unwrap_or(NEVER).min(expiry)
            }
        }
    }

    /// By when a seat of this booking was surely free: what became of it in the end is known, and
    /// when somebody first saw that.
    fn of_booking(&self, truth: &Truth, id: Uuid, seat: Option<Uuid>) -> Moment {
        let (Some(kept), Some(looks)) = (truth.bookings.get(&id), self.looks.get(&id)) else {
            return NEVER;
        };
        let first = |is_over: &dyn Fn(&BookingSeen) -> bool| {
            let over = looks.iter().filter(|(_, seen)| is_over(seen));
            over.map(|(entry, _)| entry.to).min().unwrap_or(NEVER)
        };
        if let Some(seat) = seat {
            let mut place = kept.places.iter().filter(|place| place.seat == Some(seat));
            if place.any(|place| place.is_returned) {
                // It is free from the moment on at which it was given back.
                return first(&|seen| !seen.seats.contains(&seat));
            }
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

    /// By when a seat was surely given back again that this entry gave to a hold.
    pub(super) fn of_seat(
        &self,
        hold: Uuid,
        seat: Uuid,
        given: &Entry,
        requests: &Requests,
    ) -> Moment {
        given_up(given, self.removed.get(&(hold, seat)), requests)
    }

    /// By when a seat was surely no longer blocked that this entry blocked.
    pub(super) fn of_block(&self, seat: Uuid, blocked: &Entry, requests: &Requests) -> Moment {
        given_up(blocked, self.unblocked.get(&seat), requests)
    }
}

/// By when a seat was surely given up again that this entry gave: by the first of these that surely
/// came after it.
fn given_up(given: &Entry, later: Option<&Vec<&Entry>>, requests: &Requests) -> Moment {
    let later = later.into_iter().flatten();
    let later = later.filter(|entry| requests.begun(entry) > requests.done(given));
    later.map(|entry| requests.done(entry)).min().unwrap_or(NEVER)
}
