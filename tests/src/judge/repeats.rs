//! A repeated request has one effect and names it.

use std::collections::HashMap;

use boxoffice_sdk::Code;
use uuid::Uuid;

use super::{Finding, Promise, finding};
use crate::history::{Call, Entry, History, Outcome};

/// Whether a call makes something new, rather than changing what is there.
fn makes(call: &Call) -> bool {
    matches!(call, Call::Hold { .. } | Call::Book(_) | Call::Pay(..) | Call::Admit(_))
}

pub(super) fn judge(history: &History) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first: HashMap<(usize, Uuid), &Entry> = HashMap::new();
    let mut makers: HashMap<Uuid, &Entry> = HashMap::new();
    for entry in &history.entries {
        let (Some(request), Some(resource)) = (entry.request, entry.resource()) else { continue };
        let known = *first.entry((entry.caller, request)).or_insert(entry);
        if known.call != entry.call {
            let what = "one request id did two things";
            findings.push(finding(Promise::OneEffect, what, &[known, entry]));
        } else if known.resource() != Some(resource) {
            let what = "a repeat named another effect";
            findings.push(finding(Promise::OneEffect, what, &[known, entry]));
        }
        if makes(&entry.call) {
            let maker = *makers.entry(resource).or_insert(entry);
            if (maker.caller, maker.request) != (entry.caller, entry.request) {
                let what = "two requests had the same effect";
                findings.push(finding(Promise::OneEffect, what, &[maker, entry]));
            }
        }
    }
    findings.extend(forgotten(history, &first));
    findings
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
