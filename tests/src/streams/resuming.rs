//! What is promised of beginnings and ends.

use super::history::{History, Position};
use super::log::{StreamEnd, StreamLog, Told};
use super::promises::breach;
use super::{Breach, StreamPromise};

/// Streams that do not begin exactly where they were asked to, or whose end names another place
/// than that of their last message.
pub fn resumable(log: &StreamLog, _history: &History) -> Vec<Breach> {
    let mut found = Vec::new();
    if let Some(step) = log.steps().next() {
        let what = match (log.cursor, &step.told) {
            (None, Told::Changes { .. }) => Some("it begins without a snapshot".to_owned()),
            (Some(asked), Told::Changes { from_revision, .. })
                if (asked.epoch, asked.revision) != (step.at.0, *from_revision) =>
            {
                let begins = (step.at.0, from_revision);
                Some(format!("it was asked to go on from {asked:?} and does from {begins:?}"))
            }
            _ => None,
        };
        let beginning =
            what.map(|what| breach(log, StreamPromise::Resumable, Some(step.index), what));
        found.extend(beginning);
    }
    // Who was told nothing yet goes on as he began.
    if let StreamEnd::Told { cursor, .. } = &log.end
        && *cursor != log.last_cursor()
        && !(log.heard.is_empty() && cursor.is_none())
    {
        let what = format!("it ends at {cursor:?} and stood at {:?}", log.last_cursor());
        found.push(breach(log, StreamPromise::Resumable, None, what));
    }
    found
}

/// New beginnings that are not marked, beginnings that are marked as new and are not, and what is
/// told again although a snapshot had it.
pub fn marked(log: &StreamLog, _history: &History) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut snapshot: Option<Position> = None;
    for (number, step) in log.steps().enumerate() {
        let what = match step.told {
            Told::Snapshot { resynchronised, .. } => {
                snapshot = Some(step.at);
                let is_new = number > 0 || log.cursor.is_some();
                match (is_new, resynchronised) {
                    (true, false) => "a new beginning that is not marked as one".to_owned(),
                    (false, true) => "nothing was known before that could be forgotten".to_owned(),
                    _ => continue,
                }
            }
            Told::Changes { from_revision, .. } => {
                let again = snapshot.filter(|known| (step.at.0, from_revision) < *known);
                let Some(known) = again else { continue };
                format!("the snapshot at {known:?} had what comes after {from_revision}")
            }
        };
        found.push(breach(log, StreamPromise::Marked, Some(step.index), what));
    }
    found
}
