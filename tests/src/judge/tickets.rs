//! Each place that is paid and kept has one ticket that is good for one entry; no other has any.

use std::collections::HashMap;

use boxoffice_sdk::booking::v1::booking;
use uuid::Uuid;

use super::requests::Requests;
use super::{Finding, Promise, TrueTicket, Truth, finding, said};
use crate::history::{Answer, BookingSeen, Entry, History, Outcome};

pub(super) fn judge(history: &History, truth: &Truth, requests: &Requests) -> Vec<Finding> {
    let mut findings = at_the_end(truth);
    findings.extend(let_in(history, truth, requests));
    findings
}

/// The tickets that there are, and how often each has let somebody in.
fn at_the_end(truth: &Truth) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, kept) in &truth.bookings {
        let is_paid = kept.state == booking::State::Confirmed;
        for place in &kept.places {
            let its = kept.tickets.iter().filter(|ticket| ticket.place == place.id);
            let live = its.filter(|ticket| ticket.is_live()).count();
            if live != usize::from(is_paid && !place.is_returned) {
                let text = format!("{id} has {live} live tickets of {place:?}: {:?}", kept.state);
                findings.push(said(Promise::OneEntry, text));
            }
        }
        for ticket in &kept.tickets {
            let is_right = match ticket.state.as_str() {
                "VALID" => ticket.entries == 0,
                "USED" => ticket.entries == 1,
                _ => ticket.entries <= 1,
            };
            if !is_right {
                let text = format!("{} entries are of {ticket:?}", ticket.entries);
                findings.push(said(Promise::OneEntry, text));
            }
        }
    }
    findings
}

/// Those who were let in by a ticket that is not marked as used, or whose place was surely given
/// back before they came.
fn let_in(history: &History, truth: &Truth, requests: &Requests) -> Vec<Finding> {
    let tickets = truth
        .bookings
        .iter()
        .flat_map(|(id, kept)| kept.tickets.iter().map(move |ticket| (ticket.id, (*id, ticket))));
    let tickets: HashMap<Uuid, (Uuid, &TrueTicket)> = tickets.collect();
    let mut looks: HashMap<Uuid, Vec<(&Entry, &BookingSeen)>> = HashMap::new();
    for entry in &history.entries {
        // Only what was paid has tickets.
        if let Some(seen) = entry.booking()
            && matches!(seen.state, booking::State::Confirmed | booking::State::Cancelled)
        {
            looks.entry(seen.id).or_default().push((entry, seen));
        }
    }
    let mut findings = Vec::new();
    for entry in &history.entries {
        let Outcome::Done(Answer::Admitted(ticket)) = &entry.outcome else { continue };
        let Some((booking, ticket)) = tickets.get(ticket) else {
            findings.push(finding(Promise::OneEntry, "no such ticket is there", &[entry]));
            continue;
        };
        if ticket.state == "VALID" || ticket.entries != 1 {
            let what = format!("it is not noted as it was told: {ticket:?}");
            findings.push(finding(Promise::OneEntry, &what, &[entry]));
        }
        let looks = looks.get(booking).into_iter().flatten();
        let gone = looks.filter(|(_, seen)| !seen.places.contains(&ticket.place));
        if let Some((gone, _)) = gone.min_by_key(|(gone, _)| gone.to)
            && gone.to < requests.begun(entry)
        {
            let what = "the ticket of a place that was given back lets somebody in";
            findings.push(finding(Promise::OneEntry, what, &[gone, entry]));
        }
    }
    findings
}
