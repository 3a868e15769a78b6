//! What watchers know in the end.

use std::collections::BTreeMap;

use boxoffice_sdk::Code;

use super::history::{History, Keeper, Places, Position};
use super::log::{Said, StreamEnd, StreamLog, Told, said};
use super::{Breach, StreamPromise, judge};
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
fn last_views<'a>(
    logs: &'a [StreamLog],
    history: &'a History,
) -> impl Iterator<Item = (&'a StreamLog, Position, Places)> {
    logs.iter().filter_map(|log| {
        let (at, places) = last_view(log, history)?;
        Some((log, at, places))
    })
}

/// How often each promise was broken, and the first cases of each.
fn report(found: &[Breach]) -> String {
    let mut by_promise: BTreeMap<StreamPromise, Vec<&Breach>> = BTreeMap::new();
    for breach in found {
        by_promise.entry(breach.promise).or_default().push(breach);
    }
    let lines = by_promise.iter().flat_map(|(promise, broken)| {
        let first = broken.iter().take(CASES_SHOWN).map(ToString::to_string);
        [format!("{promise:?} was broken {} times:", broken.len())].into_iter().chain(first)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether what was kept of an event's changes is all that has become of its places.
async fn is_whole(history: &History, keeper: &Keeper, database: &Database) -> Vec<Breach> {
    let (places, newest) = keeper.at_rest(database).await;
    let what = if history.newest() != newest {
        format!("the changes end at {:?}, and the feed stands at {newest:?}", history.newest())
    } else {
        let Some(told) = history.at(newest).filter(|told| *told != places) else {
            return Vec::new();
        };
        let differs = |place: &&String| told.said_of(place) != places.said_of(place);
        let wrong: Vec<_> = places.ids().filter(differs).take(CASES_SHOWN).collect();
        format!("what is there does not follow from the changes: {wrong:?}")
    };
    let (stream, promise) = ("the tables".to_owned(), StreamPromise::Whole);
    vec![Breach { promise, stream, message: None, what }]
}

/// Streams that ended as none may, and those whose watcher did not hear the last of it.
fn unclear_ends(logs: &[StreamLog]) -> impl Iterator<Item = Breach> {
    let is_clear =
        |code: &Code| [Code::Unavailable, Code::Unauthenticated, Code::NotFound].contains(code);
    logs.iter().filter_map(move |log| {
        let (promise, what) = match &log.end {
            StreamEnd::Silent { awaited } => {
                (StreamPromise::Reliable, format!("revision {awaited} does not come"))
            }
            StreamEnd::Told { code, reason, .. } if !is_clear(code) => {
                (StreamPromise::Resumable, format!("it ends with {code:?}, {reason:?}"))
            }
            _ => return None,
        };
        Some(Breach { promise, stream: log.name.clone(), message: None, what })
    })
}

/// Everything that is wrong with streams of an event on which nothing happens any more: by their
/// six promises, by what their watchers know in the end, and by the tables, which are to follow
/// from the changes. Says what truly happened as well.
pub async fn held_against(
    logs: &[StreamLog],
    keeper: &Keeper,
    database: &Database,
) -> (History, Vec<Breach>) {
    let history = keeper.read(database).await;
    let mut found = is_whole(&history, keeper, database).await;
    found.extend(logs.iter().flat_map(|log| judge(log, &history)));
    found.extend(unclear_ends(logs));
    for (log, at, places) in last_views(logs, &history) {
        if history.at(at).as_ref() != Some(&places) {
            let (stream, promise) = (log.name.clone(), StreamPromise::Reliable);
            let what = format!("another view of {at:?}");
            found.push(Breach { promise, stream, message: None, what });
        }
    }
    (history, found)
}

/// Asserts that nothing is wrong with streams of an event on which nothing happens any more. Says
/// what truly happened.
pub async fn assert_kept(logs: &[StreamLog], keeper: &Keeper, database: &Database) -> History {
    let (history, found) = held_against(logs, keeper, database).await;
    assert!(found.is_empty(), "{}", report(&found));
    history
}
