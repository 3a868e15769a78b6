//! The gateway's ledger against payments, and what it kept against what bookings cost.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::booking::v1::booking;
use boxoffice_sdk::payment::v1::payment;
use uuid::Uuid;

use super::{Finding, Promise, Truth, finding, said};
use crate::history::{Call, History};

/// The token of a card whose gateway may change its mind: nobody can ask it.
const UNREACHABLE: &str = "tok_unreachable";
/// The ledger's word for money that was taken.
const CAPTURED: &str = "CAPTURED";

pub(super) fn judge(history: &History, truth: &Truth) -> Vec<Finding> {
    let mut findings = denied(history, truth);
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
        let had = booking.places.iter().filter(|place| !place.is_returned);
        let due = match booking.state {
            booking::State::Confirmed => had.map(|place| place.price).sum(),
            _ => 0,
        };
        let kept = kept.remove(id).unwrap_or_default();
        if kept != due {
            let text = format!("{id} is to cost {due}, and {kept} was kept: {booking:?}");
            findings.push(said(Promise::MoneyAgrees, text));
        }
    }
    let homeless = kept.into_iter().filter(|(_, kept)| *kept != 0);
    findings.extend(homeless.map(|(id, kept)| {
        said(Promise::MoneyAgrees, format!("{kept} was kept for {id}, which is not there"))
    }));
    findings
}

/// Those who were told that nothing was taken, although the gateway has it.
fn denied(history: &History, truth: &Truth) -> Vec<Finding> {
    let captured = truth.ledger.iter().filter(|line| line.state == CAPTURED);
    let mut captured: HashSet<Uuid> = captured.map(|line| line.payment_id).collect();
    for entry in &history.entries {
        if let (Call::Pay(_, UNREACHABLE), Some(seen)) = (&entry.call, entry.payment()) {
            captured.remove(&seen.id);
        }
    }
    let told = history.entries.iter().filter(|entry| {
        entry.payment().is_some_and(|seen| {
            let is_denied = matches!(seen.state, payment::State::Failed | payment::State::Canceled);
            is_denied && captured.contains(&seen.id)
        })
    });
    let what = "the money was taken, and is said not to be";
    told.map(|entry| finding(Promise::MoneyAgrees, what, &[entry])).collect()
}
