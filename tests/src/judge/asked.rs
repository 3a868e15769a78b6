//! An answer gives what was asked for, and nothing else.

use std::collections::HashSet;

use boxoffice_sdk::booking::v1::{booking, hold};
use uuid::Uuid;

use super::{Finding, Promise, Truth, finding};
use crate::history::{Answer, BookingSeen, Call, Entry, History, Outcome};

pub(super) fn judge(history: &History, truth: &Truth) -> Vec<Finding> {
    let changed = history.entries.iter().filter(|entry| !entry.is_refused());
    let changed: HashSet<Uuid> = changed
        .filter_map(|entry| match &entry.call {
            Call::Change { hold, .. } => Some(*hold),
            _ => None,
        })
        .collect();
    let is_wrong = |entry: &&Entry| !gives_what_was_asked(entry, truth, &changed);
    let wrong = history.entries.iter().filter(is_wrong);
    let what = "the answer is not what was asked for";
    wrong.map(|entry| finding(Promise::Acknowledged, what, &[entry])).collect()
}

/// Whether an answer can be one to its call. Holds that were `changed` may have other places by the
/// time a repeat is answered.
fn gives_what_was_asked(entry: &Entry, truth: &Truth, changed: &HashSet<Uuid>) -> bool {
    let Outcome::Done(answer) = &entry.outcome else { return true };
    match (&entry.call, answer) {
        (Call::Hold { seats, standing, .. }, Answer::Hold(seen)) => {
            changed.contains(&seen.id)
                || (same_seats(&seen.seats, seats) && seen.standing == *standing)
        }
        (Call::Change { add, remove, .. }, Answer::Hold(seen)) => {
            seen.state != hold::State::Active
                || (add.iter().all(|seat| seen.seats.contains(seat))
                    && !remove.iter().any(|seat| seen.seats.contains(seat)))
        }
        (Call::Release(_), Answer::Hold(seen)) => seen.state != hold::State::Active,
        (Call::Book(_), Answer::Booking(seen)) => has_what_was_held(seen, truth),
        (Call::Cancel(_), Answer::Booking(seen)) => seen.state == booking::State::Cancelled,
        (Call::Return { booking, places, .. }, Answer::Payment(_)) => {
            truth.bookings.get(booking).is_some_and(|kept| {
                let kept_back = kept.places.iter().filter(|place| !place.is_returned);
                kept.state != booking::State::Confirmed
                    || !kept_back.into_iter().any(|place| places.contains(&place.id))
            })
        }
        _ => true,
    }
}

fn same_seats(ones: &[Uuid], others: &[Uuid]) -> bool {
    ones.iter().collect::<HashSet<_>>() == others.iter().collect()
}

/// A booking has all places of its hold and no other.
fn has_what_was_held(seen: &BookingSeen, truth: &Truth) -> bool {
    let (Some(kept), Some(held)) = (truth.bookings.get(&seen.id), truth.holds.get(&seen.hold))
    else {
        // What is not there is found elsewhere.
        return true;
    };
    let seats: HashSet<Uuid> = kept.places.iter().filter_map(|place| place.seat).collect();
    let standing = kept.places.len() - seats.len();
    seats == held.seats && i64::try_from(standing) == Ok(held.standing)
}
