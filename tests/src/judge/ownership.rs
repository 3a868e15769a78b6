//! Who had which seat, and how many places were had.
//!
//! A buyer *surely* had a seat from the moment an answer said so until the first call that may have
//! ended it began, or its time passed. Two buyers may never surely have had one seat at the same
//! time.

use std::collections::HashMap;

use uuid::Uuid;

use super::spans::Span;
use super::{Finding, Promise, Truth, finding};
use crate::history::{Moment, ORGANIZER};

pub(super) fn judge(spans: &[Span], truth: &Truth) -> Vec<Finding> {
    let mut findings = overlaps(spans);
    findings.extend(oversold(spans, truth));
    findings.extend(beyond_the_limit(spans, truth));
    findings
}

fn overlaps(spans: &[Span]) -> Vec<Finding> {
    let mut had: Vec<(Uuid, Moment, usize)> = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        had.extend(span.seats.iter().map(|seat| (*seat, span.from, index)));
    }
    had.sort_unstable();
    let mut findings = Vec::new();
    let mut longest: Option<(Uuid, &Span)> = None;
    for (seat, from, index) in had {
        let Some(span) = spans.get(index) else { continue };
        if let Some((last_seat, last)) = longest
            && last_seat == seat
            && from < last.to
        {
            if last.owner != span.owner {
                let what = format!("{seat} had two owners");
                findings.push(finding(Promise::OneOwner, &what, &[last.entry, span.entry]));
            }
            if last.to >= span.to {
                continue;
            }
        }
        longest = Some((seat, span));
    }
    findings
}

/// How much was surely had at the time when it was the most: `(moment, how much)`. An owner who is
/// seen several times at once counts once.
fn most<'a>(
    spans: impl Iterator<Item = &'a Span<'a>>,
    count: impl Fn(&Span) -> i64,
) -> Option<(i64, Moment)> {
    let mut by_owner: HashMap<Uuid, Vec<&Span>> = HashMap::new();
    for span in spans.filter(|span| count(span) > 0) {
        by_owner.entry(span.owner).or_default().push(span);
    }
    let mut steps = Vec::new();
    for (_, mut spans) in by_owner {
        spans.sort_by_key(|span| span.from);
        let mut until = Moment::MIN;
        for span in spans {
            let from = span.from.max(until);
            if from < span.to {
                steps.push((span.to, -count(span)));
                steps.push((from, count(span)));
                until = span.to;
            }
        }
    }
    steps.sort_unstable();
    let had = steps.into_iter().scan(0, |had, (moment, change)| {
        *had += change;
        Some((*had, moment))
    });
    had.max()
}

/// Whether at some time more places of general admission were surely had than there are.
fn oversold(spans: &[Span], truth: &Truth) -> Option<Finding> {
    let (had, moment) = most(spans.iter(), |span| i64::from(span.standing))?;
    let text = format!("{had} of {} places were had at {moment}", truth.standing);
    (had > truth.standing).then_some(Finding { promise: Promise::NeverOversold, text })
}

/// Buyers who surely had more places at some time than a buyer may. What came back to its buyer
/// after it had lapsed does not count: late money asks for no limit.
fn beyond_the_limit(spans: &[Span], truth: &Truth) -> Vec<Finding> {
    let Some(limit) = truth.places_per_buyer_max else { return Vec::new() };
    let mut by_buyer: HashMap<usize, Vec<&Span>> = HashMap::new();
    for span in spans.iter().filter(|span| span.caller != ORGANIZER && !span.had_lapsed) {
        by_buyer.entry(span.caller).or_default().push(span);
    }
    let places = |span: &Span| i64::from(span.standing) + span.seats.len() as i64;
    let found = by_buyer.into_iter().filter_map(|(caller, spans)| {
        let (had, moment) = most(spans.iter().copied(), places).filter(|(had, _)| *had > limit)?;
        let had_then = spans.iter().filter(|span| span.from <= moment && moment < span.to);
        let entries: Vec<_> = had_then.map(|span| span.entry).collect();
        let what = format!("{caller} had {had} places of {limit} at {moment}");
        Some(finding(Promise::WithinLimit, &what, &entries))
    });
    found.collect()
}
