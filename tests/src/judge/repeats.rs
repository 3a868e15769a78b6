//! A repeated request has one effect and names it.

use std::collections::HashMap;

use boxoffice_sdk::{Code, ErrorReason};
use uuid::Uuid;

use super::{Finding, Promise, finding};
use crate::history::{Answer, Call, Entry, History, Outcome, Subject};

pub(super) fn judge(history: &History) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: HashMap<(usize, Uuid), &Entry> = HashMap::new();
    let mut makers: HashMap<Uuid, &Entry> = HashMap::new();
    for entry in &history.entries {
        if !is_about_it(entry) {
            let what = "the answer is about something else";
            findings.push(finding(Promise::OneEffect, what, &[entry]));
        }
        let (Some(request), Some(resource)) = (entry.request, entry.resource()) else { continue };
        let known = *first.entry((entry.caller, request)).or_insert(entry);
        if known.call != entry.call {
            let what = "one request id did two things";
            findings.push(finding(Promise::OneEffect, what, &[known, entry]));
        } else if known.resource() != Some(resource) {
            let what = "a repeat named another effect";
            findings.push(finding(Promise::OneEffect, what, &[known, entry]));
        }
        if entry.call.makes() {
            let maker = *makers.entry(resource).or_insert(entry);
            if (maker.caller, maker.request) != (entry.caller, entry.request) {
                let what = "two requests had the same effect";
                findings.push(finding(Promise::OneEffect, what, &[maker, entry]));
            }
        }
    }
    findings.extend(forgotten(history, &first));
    findings.extend(called_a_repeat(history));
    findings
}

/// Whether an answer is about what was asked.
fn is_about_it(entry: &Entry) -> bool {
    let Outcome::Done(answer) = &entry.outcome else { return true };
    match (entry.call.subject(), answer) {
        (Some(Subject::Hold(id)), Answer::Hold(seen)) => seen.id == id,
        (Some(Subject::Hold(id)), Answer::Booking(seen)) => seen.hold == id,
        (Some(Subject::Booking(id)), Answer::Booking(seen)) => seen.id == id,
        (Some(Subject::Booking(id)), Answer::Payment(seen)) => seen.booking == id,
        (Some(Subject::Payment(id)), Answer::Payment(seen)) => seen.id == id,
        (Some(_), _) => false,
        (None, _) => true,
    }
}

/// Requests that were done, and refused when they came again. Whoever is not signed in any more is
/// nobody that the server could know again.
fn forgotten(history: &History, done: &HashMap<(usize, Uuid), &Entry>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let is_signed_out = |entry: &&Entry| {
        matches!(entry.outcome, Outcome::Refused { code: Code::Unauthenticated, .. })
    };
    let refused = history.entries.iter().filter(|entry| entry.is_refused());
    for entry in refused.filter(|entry| !is_signed_out(entry)) {
        let done = entry.request.and_then(|request| done.get(&(entry.caller, request)));
        if let Some(done) = done
            && done.call == entry.call
            && done.to < entry.from
        {
            let what = "a request that was done is refused";
            findings.push(finding(Promise::OneEffect, what, &[done, entry]));
        }
    }
    findings
}

/// Requests that are said to use an id which their caller had never used for anything else.
fn called_a_repeat(history: &History) -> Vec<Finding> {
    let mut asked: HashMap<(usize, Uuid), Vec<(&Call, &Entry)>> = HashMap::new();
    for entry in history.entries.iter().filter(|entry| !entry.is_refused()) {
        if let Some(request) = entry.request {
            asked.entry((entry.caller, request)).or_default().push((&entry.call, entry));
        }
    }
    let mut findings = Vec::new();
    for entry in &history.entries {
        let (Some(request), Outcome::Refused { reason: ErrorReason::RequestIdReused, .. }) =
            (entry.request, &entry.outcome)
        else {
            continue;
        };
        let mut asked = asked.get(&(entry.caller, request)).into_iter().flatten();
        if !asked.any(|(call, other)| **call != entry.call && other.from <= entry.to) {
            let what = "a request is called a repeat, and was never made before";
            findings.push(finding(Promise::OneEffect, what, &[entry]));
        }
    }
    findings
}
