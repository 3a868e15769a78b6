//! Every call has a clear answer in the end.

use std::collections::HashSet;

use boxoffice_sdk::Code;

use super::{Finding, Promise, finding};
use crate::history::{Entry, History, Outcome};

/// Codes that tell a caller nothing.
const UNCLEAR: [Code; 3] = [Code::Internal, Code::Unknown, Code::DataLoss];

pub(super) fn judge(history: &History) -> Vec<Finding> {
    let known = history.entries.iter().filter(|entry| entry.outcome != Outcome::Unknown);
    let known: HashSet<_> = known.map(|entry| (entry.caller, entry.request)).collect();
    let left_open = |entry: &&Entry| {
        entry.outcome == Outcome::Unknown
            && entry.request.is_some()
            && !known.contains(&(entry.caller, entry.request))
    };
    let unclear = |entry: &&Entry| match &entry.outcome {
        Outcome::Refused { code, .. } => UNCLEAR.contains(code),
        _ => false,
    };
    let open = history.entries.iter().filter(left_open);
    let open = open.map(|entry| finding(Promise::ClearAnswers, "it stayed unknown", &[entry]));
    let unclear = history.entries.iter().filter(unclear);
    open.chain(
        unclear
            .map(|entry| finding(Promise::ClearAnswers, "an answer that tells nothing", &[entry])),
    )
    .collect()
}
