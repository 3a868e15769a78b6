//! What was acknowledged is there, what is there was asked for, and the money agrees.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::booking;
use uuid::Uuid;

use super::stories::booking_may_become;
use super::{Finding, Promise, TrueBooking, Truth, finding};
use crate::history::{BookingSeen, Call, Entry, History, Outcome};

/// The ledger's word for money that was taken.
const CAPTURED: &str = "CAPTURED";

pub(super) fn judge(history: &History, truth: &Truth) -> Vec<Finding> {
    let mut findings = acknowledged(history, truth);
    findings.extend(denied(history));
    findings.extend(money(truth));
    findings
}

fn said(promise: Promise, text: String) -> Finding {
    Finding { promise, text }
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
            .map(|id| said(Promise::Acknowledged, format!("nobody was told of {id}"))),
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

/// Calls that were told that something is not there, although its id had been answered before.
fn denied(history: &History) -> Vec<Finding> {
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
    let denials = history.entries.iter().filter(is_denied);
    let denials = denials.filter_map(|entry| {
        let id = match &entry.call {
            Call::Change { hold, .. } => hold,
            Call::Return { payment, .. } => payment,
            Call::Extend(id) | Call::Release(id) | Call::LookAtHold(id) | Call::Book(id) => id,
            Call::Cancel(id) | Call::LookAtBooking(id) | Call::Pay(id, _) => id,
            Call::Act(id, _) | Call::LookAtPayment(id) => id,
            Call::Hold { .. } | Call::Block(_) | Call::Unblock(_) | Call::Admit(_) => return None,
        };
        let told = known.get(id).filter(|told| told.to < entry.from)?;
        let what = "it was there, and is said not to be";
        Some(finding(Promise::Acknowledged, what, &[told, entry]))
    });
    denials.collect()
}

/// The gateway's ledger against payments, and what it kept against what bookings cost.
fn money(truth: &Truth) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut kept: HashMap<Uuid, i64> = HashMap::new();
    let mut charged = HashSet::new();
    for line in &truth.ledger {
        let is_captured = line.state == CAPTURED;
        let Some(payment) = truth.payments.get(&line.payment_id) else {
            findings.push(said(Promise::MoneyAgrees, format!("nobody's charge: {line:?}")));
            continue;
        };
        charged.insert(line.payment_id);
        let ours = (payment.state == "SUCCEEDED", payment.amount, payment.refunded);
        if ours != (is_captured, line.amount_minor, line.refunded_minor) {
            let text = format!("the books differ: {line:?} and {payment:?}");
            findings.push(said(Promise::MoneyAgrees, text));
        }
        if is_captured {
            *kept.entry(payment.booking).or_default() += line.amount_minor - line.refunded_minor;
        }
    }
    for (id, payment) in &truth.payments {
        if payment.state == "SUCCEEDED" && !charged.contains(id) {
            let text = format!("{id} is paid and was never charged: {payment:?}");
            findings.push(said(Promise::MoneyAgrees, text));
        }
    }
    for (id, booking) in &truth.bookings {
        let had: Vec<_> = booking.places.iter().filter(|place| !place.is_returned).collect();
        let (due, tickets) = match booking.state {
            booking::State::Confirmed => (had.iter().map(|place| place.price).sum(), had.len()),
            _ => (0, 0),
        };
        let kept = kept.remove(id).unwrap_or_default();
        if kept != due {
            let text = format!("{id} is to cost {due}, and {kept} was kept: {booking:?}");
            findings.push(said(Promise::MoneyAgrees, text));
        }
        if usize::try_from(booking.live_tickets) != Ok(tickets) {
            let text = format!("{id} should have {tickets} tickets: {booking:?}");
            findings.push(said(Promise::Acknowledged, text));
        }
    }
    let homeless = kept.into_iter().filter(|(_, kept)| *kept != 0);
    findings.extend(homeless.map(|(id, kept)| {
        said(Promise::MoneyAgrees, format!("{kept} was kept for {id}, which is not there"))
    }));
    findings
}
