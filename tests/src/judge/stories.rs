//! States only go the ways that they may go: whatever was surely seen before a look began cannot be
//! behind what that look saw.

use std::collections::HashMap;

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use uuid::Uuid;

use super::{Finding, Promise, finding};
use crate::history::{Entry, History};

/// A state that an answer told: which, and a number that never falls.
struct Seen<'a, S> {
    entry: &'a Entry,
    state: S,
    rising: i64,
}

pub(super) fn judge(history: &History) -> Vec<Finding> {
    let (mut holds, mut bookings, mut payments) = (Group::new(), Group::new(), Group::new());
    for entry in &history.entries {
        if let Some(hold) = entry.hold() {
            note(&mut holds, hold.id, entry, hold.state, 0);
        } else if let Some(booking) = entry.booking() {
            note(&mut bookings, booking.id, entry, booking.state, booking.version);
        } else if let Some(payment) = entry.payment() {
            note(&mut payments, payment.id, entry, payment.state, payment.refunded);
        }
    }
    let mut findings = tell(holds, hold_may_become);
    findings.extend(tell(bookings, booking_may_become));
    findings.extend(tell(payments, payment_may_become));
    findings
}

type Group<'a, S> = HashMap<Uuid, Vec<Seen<'a, S>>>;

fn note<'a, S>(group: &mut Group<'a, S>, id: Uuid, entry: &'a Entry, state: S, rising: i64) {
    group.entry(id).or_default().push(Seen { entry, state, rising });
}

fn tell<S: Copy + PartialEq>(group: Group<S>, may_become: fn(S, S) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (_, seen) in group {
        // Those who began, and those who had ended by then, each in the order of time.
        let mut begun: Vec<&Seen<S>> = seen.iter().collect();
        begun.sort_by_key(|look| look.entry.from);
        let mut ended: Vec<&Seen<S>> = seen.iter().collect();
        ended.sort_by_key(|look| look.entry.to);
        let mut ended = ended.into_iter().peekable();
        // One look for each state that was surely there before.
        let mut before: Vec<&Seen<S>> = Vec::new();
        let mut highest: Option<&Seen<S>> = None;
        for look in begun {
            while let Some(earlier) = ended.next_if(|earlier| earlier.entry.to < look.entry.from) {
                if before.iter().all(|known| known.state != earlier.state) {
                    before.push(earlier);
                }
                if highest.is_none_or(|known| known.rising < earlier.rising) {
                    highest = Some(earlier);
                }
            }
            if let Some(odd) = before.iter().find(|known| !may_become(known.state, look.state)) {
                let what = "a state that was over";
                findings.push(finding(Promise::OneStory, what, &[odd.entry, look.entry]));
            }
            if let Some(higher) = highest.filter(|known| known.rising > look.rising) {
                let what = "an earlier version after a later one";
                findings.push(finding(Promise::OneStory, what, &[higher.entry, look.entry]));
            }
        }
    }
    findings
}

/// Whether a hold that was in one state may be in the other later.
pub(super) fn hold_may_become(from: hold::State, to: hold::State) -> bool {
    from == to || from == hold::State::Active
}

/// The same of a booking. One that expired or failed may be confirmed by money that comes late.
pub(super) fn booking_may_become(from: booking::State, to: booking::State) -> bool {
    use booking::State::{AwaitingPayment, Cancelled, Confirmed, Expired, Failed, Pending};
    match from {
        Pending | AwaitingPayment => true,
        Confirmed => matches!(to, Confirmed | Cancelled),
        Expired => matches!(to, Expired | Confirmed | Cancelled),
        Failed => matches!(to, Failed | Confirmed | Cancelled),
        other => other == to,
    }
}

/// The same of a payment. A success counts whenever it comes.
pub(super) fn payment_may_become(from: payment::State, to: payment::State) -> bool {
    use payment::State::{Canceled, Failed, Pending, RequiresAction, Succeeded, Unknown};
    match from {
        Pending => true,
        Unknown => to != Pending,
        RequiresAction => !matches!(to, Pending | Unknown),
        Failed | Canceled => to == from || to == Succeeded,
        other => other == to,
    }
}
