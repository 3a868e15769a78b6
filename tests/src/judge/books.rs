//! What was acknowledged is there, and what is there was asked for.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::payment::v1::payment;
use uuid::Uuid;

use super::owners::Owners;
use super::stories::{booking_may_become, payment_may_become};
use super::{Finding, Promise, TrueBooking, Truth, UNTOLD, finding, said};
use crate::history::{BookingSeen, Call, Entry, History, NEVER, ORGANIZER, Outcome};

pub(super) fn judge(history: &History, truth: &Truth, owners: &Owners) -> Vec<Finding> {
    let mut findings = acknowledged(history, truth);
    findings.extend(denied(history, owners));
    findings.extend(blocked(history, truth));
    findings
}

/// What somebody was told is there, as it was told; and nothing else is.
fn acknowledged(history: &History, truth: &Truth) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut known = HashSet::new();
    for entry in &history.entries {
        let is_right = if let Some(seen) = entry.booking() {
            known.insert(seen.id);
            truth.bookings.get(&seen.id).is_some_and(|kept| is_the_same(seen, kept))
        } else if let Some(seen) = entry.payment() {
            known.insert(seen.id);
            truth.payments.get(&seen.id).is_some_and(|kept| {
                (kept.booking, kept.amount) == (seen.booking, seen.amount)
                    && kept.refunded >= seen.refunded
                    && payment::State::from_str_name(&format!("STATE_{}", kept.state))
                        .is_some_and(|state| payment_may_become(seen.state, state))
            })
        } else {
            true
        };
        if !is_right {
            let what = "it is not there as it was told";
            findings.push(finding(Promise::Acknowledged, what, &[entry]));
        }
    }
    let there = truth.bookings.keys().chain(truth.payments.keys());
    findings.extend(
        there
            .filter(|id| !known.contains(id))
            .map(|id| said(Promise::Acknowledged, format!("{UNTOLD} {id}"))),
    );
    findings
}

/// Whether a booking can be what an answer told of before: places, price, and a state that may have
/// become of it.
fn is_the_same(seen: &BookingSeen, kept: &TrueBooking) -> bool {
    let all: HashSet<Uuid> = kept.places.iter().filter_map(|place| place.seat).collect();
    let standing = kept.places.len() - all.len();
    let total: i64 = kept.places.iter().map(|place| place.price).sum();
    total == seen.total
        && seen.seats.iter().all(|seat| all.contains(seat))
        && usize::try_from(seen.standing).is_ok_and(|seen| seen <= standing)
        && booking_may_become(seen.state, kept.state)
}

/// Calls that were told that something is not there, although its id had been answered before, and
/// it is its caller's.
fn denied(history: &History, owners: &Owners) -> Vec<Finding> {
    let mut known: HashMap<Uuid, &Entry> = HashMap::new();
    for entry in &history.entries {
        if let Some(id) = entry.resource() {
            let first = known.entry(id).or_insert(entry);
            if entry.to < first.to {
                *first = entry;
            }
        }
    }
    let is_denied = |entry: &&Entry| {
        matches!(entry.outcome, Outcome::Refused { reason: ErrorReason::NotFound, .. })
    };
    let denials = history.entries.iter().filter(is_denied).filter_map(|entry| {
        let subject = entry.call.subject()?;
        let owner = owners.of_subject(subject);
        let told = known.get(&subject.id()).filter(|told| told.to < entry.from)?;
        let may_see = entry.caller == ORGANIZER || owner.is_none_or(|owner| owner == entry.caller);
        let what = "it was there, and is said not to be";
        may_see.then(|| finding(Promise::Acknowledged, what, &[told, entry]))
    });
    denials.collect()
}

/// Seats that are off sale or not, otherwise than the organizer was told last.
fn blocked(history: &History, truth: &Truth) -> Vec<Finding> {
    // The calls that may have changed each seat, in the order of their beginning.
    let mut changes: HashMap<Uuid, Vec<&Entry>> = HashMap::new();
    for entry in history.entries.iter().filter(|entry| !entry.is_refused()) {
        if let Call::Block(seats) | Call::Unblock(seats) = &entry.call {
            for seat in seats {
                changes.entry(*seat).or_default().push(entry);
            }
        }
    }
    let mut findings = Vec::new();
    for seat in truth.blocked.iter().filter(|seat| !changes.contains_key(seat)) {
        let text = format!("{seat} is off sale, and nobody took it off");
        findings.push(said(Promise::Acknowledged, text));
    }
    for (seat, mut changes) in changes {
        changes.sort_by_key(|entry| entry.from);
        let Some((last, earlier)) = changes.split_last() else { continue };
        // Only what began after all others had ended surely came last.
        if earlier.iter().any(|entry| entry.to >= last.from) || last.to == NEVER {
            continue;
        }
        let is_blocked = matches!(last.call, Call::Block(_));
        if truth.blocked.contains(&seat) != is_blocked {
            let what = format!("{seat} is not off sale, or is, as it was told last");
            findings.push(finding(Promise::Acknowledged, &what, &[last]));
        }
    }
    findings
}
