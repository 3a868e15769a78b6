//! Every call has a clear answer in the end.

use std::collections::HashSet;

use boxoffice_sdk::Code;

use super::{Finding, Promise, finding};
use crate::history::{Call, Entry, History, Outcome};

/// Codes that tell a caller nothing.
const UNCLEAR: [Code; 3] = [Code::Internal, Code::Unknown, Code::DataLoss];

/// What is said of somebody who was turned away. A clock that is turned back does that.
pub const SIGNED_OUT: &str = "somebody who is signed in is turned away";

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
    // Whoever has good tokens is signed in, whatever happens to the server.
    let turned_away = |entry: &&Entry| {
        matches!(entry.outcome, Outcome::Refused { code: Code::Unauthenticated, .. })
            && entry.call != Call::ShowUsedToken
    };
    let turned_away = history.entries.iter().filter(turned_away);
    let turned_away = turned_away.map(|entry| finding(Promise::ClearAnswers, SIGNED_OUT, &[entry]));
    let open = history.entries.iter().filter(left_open);
    let open = open.map(|entry| finding(Promise::ClearAnswers, "it stayed unknown", &[entry]));
    let unclear = history.entries.iter().filter(unclear);
    let unclear = unclear
        .map(|entry| finding(Promise::ClearAnswers, "an answer that tells nothing", &[entry]));
    open.chain(unclear).chain(turned_away).collect()
}
