//! The validators of streams themselves: each finds what breaks its promise, and none finds
//! anything in a stream that keeps all of them.

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_sdk::booking::v1::watch_seats_response::Update;
use boxoffice_sdk::booking::v1::{
    OfferStatus, SeatChanges, SeatCursor, SeatSnapshot, SeatState, SeatStatus, WatchSeatsResponse,
};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::streams::{
    Commit, Heard, History, Places, StreamEnd, StreamLog, StreamPromise, Tally, judge, last_view,
};

use SeatState::{Available, Claimed, Held, Sold};
use StreamPromise::{Atomic, Marked, Ordered, Reliable, Resumable, Unique};

type Seats<'a> = &'a [(&'a str, SeatState)];
type Left<'a> = &'a [(&'a str, i64)];

const EPOCH: i64 = 3;

fn places(seats: Seats, left: Left) -> Places {
    Places {
        seats: seats.iter().map(|(seat, state)| ((*seat).to_owned(), *state)).collect(),
        offers: left.iter().map(|(offer, left)| ((*offer).to_owned(), *left)).collect(),
    }
}

/// Five commits on three seats and an offer.
fn history() -> History {
    let base = places(&[("a", Available), ("b", Available), ("c", Available)], &[("ga", 10)]);
    let commits: [(i64, Commit); 5] = [
        (1, places(&[("a", Held), ("b", Held)], &[])),
        (2, places(&[("a", Available), ("b", Available)], &[])),
        (3, places(&[("c", Held)], &[("ga", 8)])),
        (4, places(&[("a", Held)], &[])),
        (5, places(&[("a", Claimed), ("c", Sold)], &[])),
    ];
    let commits = commits.map(|(revision, commit)| ((EPOCH, revision), commit));
    History::of((EPOCH, 0), base, BTreeMap::from(commits))
}

fn cursor(revision: i64) -> SeatCursor {
    SeatCursor { epoch: EPOCH, revision }
}

fn statuses(seats: Seats) -> Vec<SeatStatus> {
    let status = |(seat, state): &(&str, SeatState)| SeatStatus {
        seat_id: (*seat).to_owned(),
        state: (*state).into(),
    };
    seats.iter().map(status).collect()
}

fn offers(left: Left) -> Vec<OfferStatus> {
    let status = |(offer, left): &(&str, i64)| OfferStatus {
        offer_id: (*offer).to_owned(),
        available_count: *left,
    };
    left.iter().map(status).collect()
}

fn changes(from: i64, to: i64, seats: Seats, left: Left) -> WatchSeatsResponse {
    let update = Update::Changes(SeatChanges {
        from_revision: from,
        seats: statuses(seats),
        change_time: None,
        offers: offers(left),
    });
    WatchSeatsResponse { cursor: Some(cursor(to)), update: Some(update) }
}

fn snapshot(revision: i64, places: &Places, resynchronised: bool) -> WatchSeatsResponse {
    let seats = places.seats.iter().map(|(seat, state)| (seat.as_str(), *state));
    let left = places.offers.iter().map(|(offer, left)| (offer.as_str(), *left));
    let update = Update::Snapshot(SeatSnapshot {
        seats: statuses(&seats.collect::<Vec<_>>()),
        resynchronised,
        offers: offers(&left.collect::<Vec<_>>()),
    });
    WatchSeatsResponse { cursor: Some(cursor(revision)), update: Some(update) }
}

/// The true snapshot of a revision.
fn whole(revision: i64, resynchronised: bool) -> WatchSeatsResponse {
    let truth = history().at((EPOCH, revision)).expect("there was one");
    snapshot(revision, &truth, resynchronised)
}

/// The true message of one revision.
fn single(revision: i64) -> WatchSeatsResponse {
    let (seats, left): (Seats, Left) = match revision {
        1 => (&[("a", Held), ("b", Held)], &[]),
        2 => (&[("a", Available), ("b", Available)], &[]),
        3 => (&[("c", Held)], &[("ga", 8)]),
        4 => (&[("a", Held)], &[]),
        _ => (&[("a", Claimed), ("c", Sold)], &[]),
    };
    changes(revision - 1, revision, seats, left)
}

/// All of it folded into one message.
fn folded() -> WatchSeatsResponse {
    changes(0, 5, &[("a", Claimed), ("b", Available), ("c", Sold)], &[("ga", 8)])
}

fn log(asked: Option<i64>, messages: Vec<WatchSeatsResponse>) -> StreamLog {
    let mut log = StreamLog::begin("a watcher", asked.map(cursor));
    let heard = |message| Heard { message, arrival_micros: 0 };
    log.heard = messages.into_iter().map(heard).collect();
    log
}

/// The same stream, ended by the server with a cursor of its own choice.
fn ended(log: StreamLog, revision: Option<i64>) -> StreamLog {
    let end = StreamEnd::Told {
        code: Code::Unavailable,
        reason: ErrorReason::Unavailable,
        cursor: revision.map(cursor),
    };
    StreamLog { end, ..log }
}

/// The fresh stream of singles, with some of them replaced.
fn stream(replaced: &[(i64, Vec<WatchSeatsResponse>)]) -> StreamLog {
    let mut messages = vec![whole(0, false)];
    for revision in 1..=5 {
        match replaced.iter().find(|(which, _)| *which == revision) {
            Some((_, others)) => messages.extend(others.iter().cloned()),
            None => messages.push(single(revision)),
        }
    }
    log(None, messages)
}

fn good_logs() -> Vec<StreamLog> {
    vec![
        stream(&[]),
        log(None, Vec::new()),
        log(None, vec![whole(0, false), folded()]),
        log(None, vec![whole(3, false), single(4), single(5)]),
        log(Some(2), vec![single(3), single(4), single(5)]),
        log(Some(0), vec![folded()]),
        log(Some(-7), vec![whole(4, true), single(5)]),
        log(None, vec![whole(0, false), single(1), whole(4, true), single(5)]),
        ended(log(Some(2), vec![single(3)]), Some(3)),
        ended(log(Some(2), Vec::new()), Some(2)),
        ended(log(None, Vec::new()), None),
    ]
}

/// Streams that break one promise each.
fn bad_logs() -> Vec<(StreamPromise, &'static str, StreamLog)> {
    let nothing = WatchSeatsResponse { cursor: None, update: None };
    let empty = |from, to| changes(from, to, &[], &[]);
    let wrong = places(&[("a", Sold), ("b", Available), ("c", Available)], &[("ga", 10)]);
    let few = places(&[("a", Available), ("b", Available), ("c", Available)], &[("ga", 9)]);
    let half = |seat| changes(0, 1, &[(seat, Held)], &[]);
    vec![
        (Ordered, "two change places", { stream(&[(3, vec![single(4)]), (4, vec![single(3)])]) }),
        (Ordered, "one says nothing", stream(&[(3, vec![single(3), nothing])])),
        (Ordered, "one leads nowhere", stream(&[(3, vec![single(3), empty(3, 3)])])),
        (Unique, "one comes twice", stream(&[(2, vec![single(2), single(2)])])),
        (Unique, "one names a seat twice", {
            stream(&[(4, vec![changes(3, 4, &[("a", Held), ("a", Held)], &[])])])
        }),
        (Unique, "one is folded in again", {
            let again =
                changes(1, 3, &[("a", Available), ("b", Available), ("c", Held)], &[("ga", 8)]);
            stream(&[(3, vec![again])])
        }),
        (Atomic, "two seats come apart", stream(&[(1, vec![half("a"), half("b")])])),
        (Atomic, "a seat and an offer come apart", {
            let (seat, offer) =
                (changes(2, 3, &[("c", Held)], &[]), changes(2, 3, &[], &[("ga", 8)]));
            stream(&[(3, vec![seat, offer])])
        }),
        (Reliable, "one is missing", stream(&[(3, Vec::new())])),
        (Reliable, "a seat is missing", stream(&[(1, vec![half("a")])])),
        (Reliable, "an offer is missing", {
            stream(&[(3, vec![changes(2, 3, &[("c", Held)], &[])])])
        }),
        (Reliable, "a state is wrong", {
            stream(&[(4, vec![changes(3, 4, &[("a", Sold)], &[])])])
        }),
        (Reliable, "a remainder is wrong", {
            stream(&[(3, vec![changes(2, 3, &[("c", Held)], &[("ga", 7)])])])
        }),
        (Reliable, "a snapshot is wrong", log(None, vec![snapshot(0, &wrong, false)])),
        (Reliable, "what a snapshot leaves is wrong", {
            log(None, vec![snapshot(0, &few, false)])
        }),
        (Reliable, "it never came so far", stream(&[(5, vec![single(5), empty(5, 6)])])),
        (Resumable, "it goes on too late", log(Some(2), vec![single(4), single(5)])),
        (Resumable, "it goes on too early", log(Some(2), vec![single(2), single(3)])),
        (Resumable, "it begins in the middle", log(None, vec![single(4), single(5)])),
        (Resumable, "its end says less", ended(stream(&[]), Some(4))),
        (Resumable, "its end says nothing", ended(stream(&[]), None)),
        (Marked, "a new beginning says nothing of it", { stream(&[(2, vec![whole(2, false)])]) }),
        (Marked, "it begins anew and says nothing of it", {
            log(Some(1), vec![whole(3, false), single(4)])
        }),
        (Marked, "a first beginning says that it is new", log(None, vec![whole(3, true)])),
        (Marked, "what a snapshot had comes again", {
            log(None, vec![whole(3, false), single(3), single(4)])
        }),
    ]
}

#[test]
fn streams_that_keep_their_promises_are_not_found() {
    let history = history();
    for log in good_logs() {
        assert_eq!(judge(&log, &history), [], "{log:?}");
    }
}

#[test]
fn each_broken_promise_is_found_by_its_validator_and_by_no_other() {
    let history = history();
    let mut plants: BTreeMap<StreamPromise, usize> = BTreeMap::new();
    for (promise, what, log) in bad_logs() {
        let found = judge(&log, &history);
        let promises: BTreeSet<StreamPromise> =
            found.iter().map(|finding| finding.promise).collect();
        assert_eq!(promises, BTreeSet::from([promise]), "{what}: {found:#?}");
        assert!(found.iter().all(|finding| finding.stream == "a watcher"), "{what}");
        *plants.entry(promise).or_default() += 1;
    }
    assert_eq!(plants.len(), 6, "every validator has its plants: {plants:?}");
    assert!(plants.values().all(|count| *count >= 2), "{plants:?}");
}

#[test]
fn a_finding_names_the_stream_and_the_message() {
    let found = judge(&stream(&[(3, Vec::new())]), &history());
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.stream.as_str(), finding.message), ("a watcher", Some(3)));
    assert!(finding.what.contains("(3, 3)"), "{finding}");
}

#[test]
fn what_a_stream_tells_in_the_end_is_what_was_true() {
    let history = history();
    let truth = history.at((EPOCH, 5)).expect("the newest");
    for log in [stream(&[]), log(Some(2), vec![single(3), single(4), single(5)])] {
        assert_eq!(last_view(&log, &history), Some(((EPOCH, 5), truth.clone())));
    }
    let gap = last_view(&stream(&[(3, Vec::new())]), &history).expect("a view");
    assert_ne!(gap.1, truth, "what was not told is not known");
    assert_eq!(last_view(&log(Some(99), Vec::new()), &history), None);
}

#[test]
fn a_tally_counts_what_streams_have_shown() {
    let tally = Tally::of(&good_logs());
    assert_eq!((tally.streams, tally.messages), (11, 22));
    assert_eq!((tally.snapshots, tally.resynchronised), (4, 2));
    assert_eq!((tally.folded, tally.resumed), (2, 3));
    assert_eq!(tally.ended, BTreeMap::from([("ERROR_REASON_UNAVAILABLE".to_owned(), 3)]));
    // Whoever comes back because he wants to has outlived nothing.
    let (left, back) = (log(Some(2), vec![single(3)]), log(Some(3), vec![single(4)]));
    let cut_off = ended(left.clone(), Some(3));
    let outlived = |first: StreamLog| Tally::of(&[first, back.clone()]).outlived;
    assert_eq!((outlived(left), outlived(cut_off)), (0, 1));
}
