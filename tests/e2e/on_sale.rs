//! The moment in which everybody comes: a thousand buyers, a thousand seats.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use boxoffice_sdk::booking::v1::{Hold, SeatState};
use boxoffice_sdk::{Error, ErrorReason};
use boxoffice_tests::{Person, Stage, StagePlan, World, scenarios};
use futures::future::join_all;

const BUYERS: usize = 1_000;
/// How long 99 of 100 buyers may wait for their answer, all of them asking at once on a small
/// machine that runs other tests beside. Alone, two cores answer in less than a second.
const ANSWER_P99_MAX: Duration = Duration::from_secs(30);

/// Everybody asks at once, the buyer of that number for the seats of that number. Answers with
/// what each was told and the longest that 99 of 100 waited.
async fn ask_all<'s>(
    stage: &'s Stage,
    crowd: &[Person],
    seats_of: impl Fn(usize) -> Vec<&'s str>,
) -> (Vec<Result<Hold, Error>>, Duration) {
    let calls = crowd.iter().enumerate().map(|(index, buyer)| {
        let seats = seats_of(index);
        async move {
            let begun = Instant::now();
            let answer = buyer.hold(&stage.event_id, &seats).await;
            (answer, begun.elapsed())
        }
    });
    let (answers, mut times): (Vec<_>, Vec<_>) = join_all(calls).await.into_iter().unzip();
    times.sort_unstable();
    (answers, times[times.len() * 99 / 100])
}

fn seats_of(hold: &Hold) -> BTreeSet<&str> {
    hold.places.iter().map(|place| place.seat_id.as_str()).collect()
}

async fn stage(world: &World) -> Stage {
    let plan = StagePlan { rows: 10, seats_a_row: 100, ..StagePlan::default() };
    let stage = world.stage(plan).await;
    assert_eq!(stage.seats.len(), BUYERS);
    stage
}

scenarios! {
    async fn s_71_of_a_thousand_buyers_each_gets_the_seat_that_nobody_else_wants(world: &World) {
        let stage = stage(world).await;
        let crowd = world.crowd(BUYERS).await;
        let begun = Instant::now();
        let (answers, p99) = ask_all(&stage, &crowd, |index| vec![stage.seat(index)]).await;
        println!(
            "{:?}: {BUYERS} seats held in {:?}, 99 % of the answers within {p99:?}",
            world.database.backend,
            begun.elapsed()
        );
        for (index, answer) in answers.iter().enumerate() {
            let hold = answer.as_ref().expect("nobody else wants it");
            assert_eq!(seats_of(hold), [stage.seat(index)].into());
        }
        assert!(p99 < ANSWER_P99_MAX, "{p99:?}");
        let states = stage.states(&crowd[0]).await;
        assert_eq!(states.len(), BUYERS);
        assert!(states.values().all(|state| *state == SeatState::Held));
    }

    /// Each wants a seat and the next one, so that everybody has two rivals.
    async fn s_71_whoever_is_refused_is_told_of_a_seat_that_somebody_has(world: &World) {
        let stage = stage(world).await;
        let crowd = world.crowd(BUYERS).await;
        let pair = |index: usize| vec![stage.seat(index), stage.seat((index + 1) % BUYERS)];
        let (answers, p99) = ask_all(&stage, &crowd, pair).await;
        let mut owners = BTreeMap::new();
        let wanted = |index: usize| pair(index).into_iter().collect::<BTreeSet<&str>>();
        for (index, answer) in answers.iter().enumerate() {
            let Ok(hold) = answer else { continue };
            assert_eq!(seats_of(hold), wanted(index));
            for seat in pair(index) {
                assert_eq!(owners.insert(seat, index), None, "{seat} was held twice");
            }
        }
        for (index, answer) in answers.iter().enumerate() {
            let Err(error) = answer else { continue };
            assert_eq!(error.reason(), ErrorReason::SeatsTaken, "{error}");
            let named: BTreeSet<&str> =
                error.conflicts().iter().map(|conflict| conflict.seat_id.as_str()).collect();
            assert!(!named.is_empty() && named.is_subset(&wanted(index)));
            assert!(named.iter().all(|seat| owners.contains_key(seat)), "free, but called taken");
        }
        println!(
            "{:?}: {} of {BUYERS} pairs held, 99 % of the answers within {p99:?}",
            world.database.backend,
            owners.len() / 2
        );
        assert!(p99 < ANSWER_P99_MAX, "{p99:?}");
        let states = stage.states(&crowd[0]).await;
        let held = states.iter().filter(|(_, state)| **state == SeatState::Held);
        let held: BTreeSet<&str> = held.map(|(seat, _)| seat.as_str()).collect();
        assert_eq!(held, owners.into_keys().collect());
    }
}
