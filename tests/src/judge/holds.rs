//! Holds are there as they were told, and end in time.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::owners::Owners;
use super::requests::Requests;
use super::stories::hold_may_become;
use super::{Finding, Promise, TrueHold, Truth, UNTOLD, finding, said};
use crate::history::{Call, Entry, History, HoldSeen};

pub(super) fn judge(
    history: &History,
    truth: &Truth,
    owners: &Owners,
    requests: &Requests,
) -> Vec<Finding> {
    let mut findings = as_told(history, truth, requests);
    findings.extend(too_long(history, truth, owners, requests));
    findings
}

/// Holds that are not there, or otherwise than they were told of; and those nobody was told of.
fn as_told(history: &History, truth: &Truth, requests: &Requests) -> Vec<Finding> {
    let mut changes: HashMap<Uuid, Vec<&Entry>> = HashMap::new();
    for entry in history.entries.iter().filter(|entry| !entry.is_refused()) {
        if let Call::Change { hold, .. } = &entry.call {
            changes.entry(*hold).or_default().push(entry);
        }
    }
    let mut findings = Vec::new();
    let mut known = HashSet::new();
    for entry in &history.entries {
        let Some(seen) = entry.hold() else { continue };
        known.insert(seen.id);
        let changed = changes.get(&seen.id).into_iter().flatten();
        let mut others = changed
            .filter(|change| (change.caller, change.request) != (entry.caller, entry.request));
        // What came before it is in it; whatever else may have changed it afterwards.
        let is_last = others.all(|change| requests.done(change) < entry.from);
        let is_right = truth.holds.get(&seen.id).is_some_and(|kept| {
            hold_may_become(seen.state, kept.state) && (!is_last || has_the_same(seen, kept))
        });
        if !is_right {
            let what = format!("it is not there as it was told: {:?}", truth.holds.get(&seen.id));
            findings.push(finding(Promise::Acknowledged, &what, &[entry]));
        }
    }
    let untold = truth.holds.keys().filter(|id| !known.contains(id));
    let untold = untold.map(|id| said(Promise::Acknowledged, format!("{UNTOLD} {id}")));
    findings.extend(untold);
    findings
}

fn has_the_same(seen: &HoldSeen, kept: &TrueHold) -> bool {
    let seats: HashSet<&Uuid> = seen.seats.iter().collect();
    seats == kept.seats.iter().collect() && i64::from(seen.standing) == kept.standing
}

/// Holds that last longer than those of their event may.
fn too_long(
    history: &History,
    truth: &Truth,
    owners: &Owners,
    requests: &Requests,
) -> Vec<Finding> {
    let Some(life_max) = truth.hold_life_max_micros else { return Vec::new() };
    let ends: HashMap<Uuid, i64> = (owners.made())
        .map(|(id, made)| {
            // By then it was surely made.
            let made = history.shown_at_most(requests.begun(made), requests.done(made));
            (id, made.saturating_add(life_max).saturating_add(history.clock_slack))
        })
        .collect();
    let mut findings = Vec::new();
    for entry in &history.entries {
        let Some(seen) = entry.hold() else { continue };
        if ends.get(&seen.id).is_some_and(|end| seen.expire_micros > *end) {
            findings.push(finding(Promise::HoldsEnd, "it lasts too long", &[entry]));
        }
    }
    let kept = truth.holds.iter();
    let kept = kept.filter(|(_, kept)| kept.expire_micros - kept.create_micros > life_max);
    findings.extend(kept.map(|(id, kept)| {
        said(Promise::HoldsEnd, format!("{id} lasts longer than {life_max} µs: {kept:?}"))
    }));
    findings
}
