//! What watchers know in the end.

use std::collections::BTreeMap;

use boxoffice_sdk::Code;

use super::history::{History, Keeper, Places, Position};
use super::log::{Said, StreamEnd, StreamLog, Told, said};
use super::{Finding, Promise, judge};
use crate::database::Database;

/// Broken promises that are shown of each kind.
const CASES_SHOWN: usize = 3;

/// What a watcher knows after a stream, and where it stands: `None` if it was told nothing.
pub fn last_view(log: &StreamLog, history: &History) -> Option<(Position, Places)> {
    let cursor = log.cursor.map(|at| (at.epoch, at.revision));
    let mut view = cursor.and_then(|at| Some((at, history.at(at)?)));
    for step in log.steps() {
        match step.told {
            Told::Snapshot { places, .. } => view = Some((step.at, places)),
            Told::Changes { changes, .. } => {
                let (at, places) = view.as_mut()?;
                *at = step.at;
                for (place, says) in said(changes) {
                    match says {
                        Said::Seat(state) => drop(places.seats.insert(place.to_owned(), state)),
                        Said::Left(left) => drop(places.offers.insert(place.to_owned(), left)),
                    }
                }
            }
        }
    }
    view
}

/// Those of the streams that told something.
pub fn last_views<'a>(
    logs: &'a [StreamLog],
    history: &'a History,
) -> impl Iterator<Item = (&'a StreamLog, Position, Places)> {
    logs.iter().filter_map(|log| {
        let (at, places) = last_view(log, history)?;
        Some((log, at, places))
    })
}

/// How often each promise was broken, and the first cases of each.
fn report(found: &[Finding]) -> String {
    let mut by_promise: BTreeMap<Promise, Vec<&Finding>> = BTreeMap::new();
    for finding in found {
        by_promise.entry(finding.promise).or_default().push(finding);
    }
    let lines = by_promise.iter().flat_map(|(promise, broken)| {
        let first = broken.iter().take(CASES_SHOWN).map(ToString::to_string);
        [format!("{promise:?} was broken {} times:", broken.len())].into_iter().chain(first)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Asserts that the streams have kept all their promises, that whoever stands at a revision knows
/// what was true then, and that the history itself ends with what the tables say. Says what.
pub async fn assert_kept(logs: &[StreamLog], keeper: &Keeper, database: &Database) -> History {
    let history = keeper.read(database).await;
    let (places, newest) = keeper.at_rest(database).await;
    assert_eq!(history.newest(), newest, "the history is whole");
    assert_eq!(history.at(newest), Some(places), "the history ends with what is there");
    let found: Vec<Finding> = logs.iter().flat_map(|log| judge(log, &history)).collect();
    assert!(found.is_empty(), "{}", report(&found));
    for log in logs {
        let is_clear = |code: &Code| [Code::Unavailable, Code::Unauthenticated].contains(code);
        if let StreamEnd::Told { code, reason, .. } = &log.end {
            assert!(is_clear(code) || *code == Code::NotFound, "{}: {code:?} {reason:?}", log.name);
        }
    }
    for (log, at, places) in last_views(logs, &history) {
        let truth = history.at(at);
        assert!(truth.as_ref() == Some(&places), "{}: another view of {at:?}", log.name);
    }
    history
}
