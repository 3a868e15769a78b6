//! What is promised of the messages of one stream.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{History, Position};
use super::log::{Step, StreamLog, Told, said};
use super::{Breach, StreamPromise};

/// A revision, and a place that it changed.
type Pair<'a> = (Position, &'a str);

pub(super) fn breach(
    log: &StreamLog,
    promise: StreamPromise,
    message: Option<usize>,
    what: String,
) -> Breach {
    Breach { promise, stream: log.name.clone(), message, what }
}

/// Messages that stand before the one they follow, or nowhere.
pub fn ordered(log: &StreamLog, _history: &History) -> Vec<Breach> {
    let mut found = Vec::new();
    let note = |message, what: String| breach(log, StreamPromise::Ordered, Some(message), what);
    let readable: BTreeSet<usize> = log.steps().map(|step| step.index).collect();
    let unreadable = (0..log.heard.len()).filter(|index| !readable.contains(index));
    found.extend(unreadable.map(|index| note(index, "it has no cursor or brings nothing".into())));
    let mut last: Option<Position> = None;
    for step in log.steps() {
        if let Some(last) = last.filter(|last| step.at < *last) {
            found.push(note(step.index, format!("{:?} comes after {last:?}", step.at)));
        }
        if let Told::Changes { from_revision, .. } = step.told
            && from_revision >= step.at.1
        {
            let what = format!("it leads from {from_revision} to {:?}", step.at);
            found.push(note(step.index, what));
        }
        last = Some(step.at);
    }
    found
}

/// For each message of changes: which revision's change of which place it tells.
fn told_pairs<'a>(step: &'a Step<'a>, history: &History) -> Vec<Pair<'a>> {
    let Told::Changes { changes, .. } = &step.told else { return Vec::new() };
    let pair = |place: &'a str| {
        let revision = history.newest_of(place, step.at)?;
        Some(((step.at.0, revision), place))
    };
    said(changes).filter_map(|(place, _)| pair(place)).collect()
}

/// Changes that are told twice: by two messages, or by one that names a place twice.
pub fn unique(log: &StreamLog, history: &History) -> Vec<Breach> {
    let steps: Vec<Step> = log.steps().collect();
    let mut told: BTreeMap<Pair, usize> = BTreeMap::new();
    let mut found = Vec::new();
    for step in &steps {
        for pair in told_pairs(step, history) {
            if let Some(earlier) = told.insert(pair, step.index) {
                let what = format!("{pair:?} was told by message {earlier} already");
                found.push(breach(log, StreamPromise::Unique, Some(step.index), what));
                break;
            }
        }
    }
    found
}

/// What of a revision a message that covers it tells and what it leaves out. Places that changed
/// again before the message's end count with the later revision.
fn parts<'a>(
    step: &Step,
    history: &'a History,
) -> impl Iterator<Item = (Position, BTreeSet<&'a str>, BTreeSet<&'a str>)> {
    let (from, names) = match &step.told {
        Told::Changes { from_revision, changes } => {
            (*from_revision, said(changes).map(|(place, _)| place.to_owned()).collect())
        }
        Told::Snapshot { .. } => (step.at.1, BTreeSet::new()),
    };
    let at = step.at;
    history.between((at.0, from), at.1).map(move |(revision, commit)| {
        let places = commit.ids().map(String::as_str);
        let its = places.filter(|place| history.newest_of(place, at) == Some(revision));
        let (told, missing) = its.partition(|place| names.contains(*place));
        ((at.0, revision), told, missing)
    })
}

/// Commands whose changes come in several messages.
pub fn atomic(log: &StreamLog, history: &History) -> Vec<Breach> {
    let steps: Vec<Step> = log.steps().collect();
    let told: BTreeSet<Pair> = steps.iter().flat_map(|step| told_pairs(step, history)).collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for step in &steps {
        for (position, here, missing) in parts(step, history) {
            let elsewhere = missing.iter().find(|place| told.contains(&(position, **place)));
            let Some(place) = elsewhere.filter(|_| !here.is_empty()) else { continue };
            if seen.insert(position) {
                let what = format!("a part of {position:?}, without {place}, which comes apart");
                found.push(breach(log, StreamPromise::Atomic, Some(step.index), what));
            }
        }
    }
    found
}

/// Changes that are not told, or otherwise than they were, between the first message and the last.
pub fn reliable(log: &StreamLog, history: &History) -> Vec<Breach> {
    let steps: Vec<Step> = log.steps().collect();
    let mut found = Vec::new();
    for step in &steps {
        found.extend(untrue(log, step, history));
    }
    // A snapshot is a new beginning: what lies before it need not be told.
    let is_beginning = |step: &Step| matches!(step.told, Told::Snapshot { .. });
    let mut begin = 0;
    for end in 1..=steps.len() {
        if end == steps.len() || is_beginning(&steps[end]) {
            found.extend(untold(log, &steps[begin..end], history));
            begin = end;
        }
    }
    found
}

/// What a message says that is not so.
fn untrue(log: &StreamLog, step: &Step, history: &History) -> Option<Breach> {
    let what = match &step.told {
        Told::Snapshot { places, .. } => match history.at(step.at) {
            None => format!("there never was {:?}", step.at),
            Some(truth) if truth == *places => return None,
            Some(truth) => {
                let mut ids = truth.ids().chain(places.ids());
                let wrong = ids.find(|id| truth.said_of(id) != places.said_of(id))?;
                let (says, is) = (places.said_of(wrong), truth.said_of(wrong));
                format!("of {wrong} it says {says:?}, true is {is:?}")
            }
        },
        Told::Changes { changes, .. } => {
            if step.at > history.newest() {
                let what = format!("there never was {:?}", step.at);
                return Some(breach(log, StreamPromise::Reliable, Some(step.index), what));
            }
            let wrong =
                said(changes).find(|(place, says)| history.truth(place, step.at) != Some(*says));
            let (place, says) = wrong?;
            format!("of {place} it says {says:?}, true is {:?}", history.truth(place, step.at))
        }
    };
    Some(breach(log, StreamPromise::Reliable, Some(step.index), what))
}

/// What is missing in a part of a stream that has no new beginning within.
fn untold(log: &StreamLog, steps: &[Step], history: &History) -> Vec<Breach> {
    let (Some(first), Some(end)) = (steps.first(), steps.iter().map(|step| step.at).max()) else {
        return Vec::new();
    };
    let begin = match first.told {
        Told::Snapshot { .. } => first.at.1,
        Told::Changes { from_revision, .. } => from_revision,
    };
    if let Some(other) = steps.iter().find(|step| step.at.0 != first.at.0) {
        let what = format!("{:?} is another epoch, and no new beginning", other.at);
        return vec![breach(log, StreamPromise::Reliable, Some(other.index), what)];
    }
    let mut left: BTreeMap<Position, BTreeSet<&str>> = BTreeMap::new();
    for (revision, commit) in history.between((first.at.0, begin), end.1) {
        left.insert((first.at.0, revision), commit.ids().map(String::as_str).collect());
    }
    for step in steps {
        let Told::Changes { from_revision, changes } = &step.told else { continue };
        let names: BTreeSet<&str> = said(changes).map(|(place, _)| place).collect();
        let covered = (step.at.0, from_revision.saturating_add(1).min(step.at.1))..=step.at;
        for (_, places) in left.range_mut(covered) {
            places.retain(|place| !names.contains(place));
        }
    }
    let missing = left.into_iter().filter(|(_, places)| !places.is_empty());
    let missing = missing.map(|(position, places)| {
        let after = steps.iter().find(|step| step.at >= position).map(|step| step.index);
        let what = format!("{position:?} is not told of {places:?}");
        breach(log, StreamPromise::Reliable, after, what)
    });
    missing.collect()
}
