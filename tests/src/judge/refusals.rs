//! Nobody is refused for what is not so: that a hold's time is over, or that a ticket was used.

use std::collections::HashMap;

use boxoffice_sdk::ErrorReason;
use uuid::Uuid;

use super::requests::Requests;
use super::{Finding, Promise, Truth, earliest, finding};
use crate::history::{Answer, Call, Entry, History, Moment, Outcome, Subject};

pub(super) fn judge(history: &History, truth: &Truth, requests: &Requests) -> Vec<Finding> {
    let (ends, admissions) = (ends(history), admissions(history, requests));
    let admitted = admitted(history, requests);
    let mut findings = Vec::new();
    for entry in &history.entries {
        let Outcome::Refused { reason, .. } = &entry.outcome else { continue };
        let what = match (reason, &entry.call, entry.call.subject()) {
            (ErrorReason::HoldExpired, _, Some(Subject::Hold(hold)))
                if !may_be_over(history, ends.get(&hold), entry) =>
            {
                "its time was not over"
            }
            (ErrorReason::TicketUsed, Call::Admit(code), _)
                if admissions.get(code.as_str()).is_none_or(|first| *first > entry.to) =>
            {
                "nobody had come in by that ticket"
            }
            (ErrorReason::TicketUsed, Call::Cancel(id), _)
                if !may_have_entries(truth, *id, &admitted, entry) =>
            {
                "nobody had come in by any of its tickets"
            }
            _ => continue,
        };
        findings.push(finding(Promise::NoFalseRefusal, what, &[entry]));
    }
    findings
}

/// When each hold ends, as its owner was told: by when, and what the server's clock shows then.
fn ends(history: &History) -> HashMap<Uuid, Vec<(Moment, i64)>> {
    let mut ends: HashMap<Uuid, Vec<(Moment, i64)>> = HashMap::new();
    for entry in &history.entries {
        if let Some(seen) = entry.hold() {
            ends.entry(seen.id).or_default().push((entry.to, seen.expire_micros));
        }
    }
    ends
}

/// Whether the last end of a hold that was told of before this call may have come by its answer.
fn may_be_over(history: &History, told: Option<&Vec<(Moment, i64)>>, entry: &Entry) -> bool {
    let told = told.into_iter().flatten().filter(|(told, _)| *told < entry.from);
    let end = told.map(|(_, end)| *end).max();
    end.is_none_or(|end| history.reached(end) - history.clock_slack <= entry.to)
}

/// When somebody first came with each ticket who may have been let in.
fn admissions<'a>(history: &'a History, requests: &Requests) -> HashMap<&'a str, Moment> {
    let mut admissions = HashMap::new();
    for entry in history.entries.iter().filter(|entry| !entry.is_refused()) {
        if let Call::Admit(code) = &entry.call {
            earliest(&mut admissions, code.as_str(), requests.begun(entry));
        }
    }
    admissions
}

/// The same of those who were told that they were let in, by the ticket's id.
fn admitted(history: &History, requests: &Requests) -> HashMap<Uuid, Moment> {
    let mut admitted = HashMap::new();
    for entry in &history.entries {
        if let Outcome::Done(Answer::Admitted(ticket)) = &entry.outcome {
            earliest(&mut admitted, *ticket, requests.begun(entry));
        }
    }
    admitted
}

/// Whether somebody may have come in by a ticket of this booking before this call was answered.
fn may_have_entries(
    truth: &Truth,
    booking: Uuid,
    admitted: &HashMap<Uuid, Moment>,
    entry: &Entry,
) -> bool {
    let tickets = truth.bookings.get(&booking).into_iter().flat_map(|kept| &kept.tickets);
    let mut used = tickets.filter(|ticket| ticket.entries > 0);
    used.any(|ticket| admitted.get(&ticket.id).is_none_or(|first| *first <= entry.to))
}
