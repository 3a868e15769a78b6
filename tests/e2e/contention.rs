//! Many who want the same seats.

use std::collections::BTreeSet;

use boxoffice_sdk::Error;
use boxoffice_sdk::booking::v1::{Hold, ReleaseHoldRequest, SeatState};
use boxoffice_tests::{Backend, Person, Stage, StagePlan, World, request_id, scenarios};
use futures::future::join_all;

use crate::refusals::seats_taken;

/// Everybody asks at once for four seats in a row, every other one from the last to the first, so
/// that neighbours overlap and name what they share in opposite orders.
async fn ask_for_fours(stage: &Stage, people: &[Person]) -> Vec<Result<Hold, Error>> {
    let calls = people.iter().enumerate().map(|(index, person)| async move {
        let mut seats: Vec<&str> =
            (0..4).map(|step| stage.seat((index + step) % stage.seats.len())).collect();
        if index % 2 == 1 {
            seats.reverse();
        }
        person.hold(&stage.event_id, &seats).await
    });
    join_all(calls).await
}

/// Every hold has its four seats, nobody else has any, and whoever got nothing was told of seats
/// that they asked for.
async fn assert_whole(stage: &Stage, people: &[Person], answers: Vec<Result<Hold, Error>>) {
    let states = stage.states(&people[0]).await;
    let mut held = BTreeSet::new();
    for (index, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(hold) => {
                assert_eq!(hold.places.len(), 4);
                for place in &hold.places {
                    assert_eq!(states[&place.seat_id], SeatState::Held);
                    assert!(held.insert(place.seat_id.clone()), "{} twice", place.seat_id);
                }
                let request =
                    ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id };
                people[index].release_hold(request).await.expect("it is theirs");
            }
            refusal @ Err(_) => {
                let asked: BTreeSet<&str> =
                    (0..4).map(|step| stage.seat((index + step) % stage.seats.len())).collect();
                let taken = seats_taken(refusal);
                assert!(!taken.is_empty());
                assert!(taken.iter().all(|seat| asked.contains(seat.as_str())));
            }
        }
    }
    assert!(!held.is_empty(), "somebody is first");
    let count = states.values().filter(|state| **state == SeatState::Held).count();
    assert_eq!(count, held.len());
}

scenarios! {
    async fn s_05_of_five_hundred_callers_exactly_one_gets_the_seat(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let seat = stage.seat(0);
        let people = world.crowd(500).await;
        let wanted = [seat];
        let calls = people.iter().map(|person| person.hold(&stage.event_id, &wanted));
        let answers = join_all(calls).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 499));
        for answer in lost {
            assert_eq!(seats_taken(answer), [seat]);
        }
        let states = stage.states(&people[0]).await;
        let held = states.iter().filter(|(_, state)| **state != SeatState::Available);
        assert_eq!(held.collect::<Vec<_>>(), [(&seat.to_owned(), &SeatState::Held)]);
    }

    async fn s_07_a_group_with_a_taken_seat_is_refused_whole(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let seats: Vec<&str> = (0..4).map(|index| stage.seat(index)).collect();
        let (first, second) = (world.guest().await, world.guest().await);
        let hold = first.hold(&stage.event_id, &[seats[2]]).await.expect("it is free");
        let refuse = async |state: SeatState| {
            let answer = second.hold(&stage.event_id, &seats).await;
            let error = answer.as_ref().expect_err("one is taken");
            let conflicts = error.conflicts();
            assert_eq!(conflicts.iter().map(|one| one.state()).collect::<Vec<_>>(), [state]);
            assert_eq!(seats_taken(answer), [seats[2]]);
            let states = stage.states(&second).await;
            for seat in [seats[0], seats[1], seats[3]] {
                assert_eq!(states[seat], SeatState::Available);
            }
        };
        refuse(SeatState::Held).await;
        let booking = first.book(&hold).await.expect("the hold is good");
        refuse(SeatState::Claimed).await;
        first.pay(&booking, "tok_success").await.expect("the payment is taken");
        refuse(SeatState::Sold).await;
        let rest = [seats[0], seats[1], seats[3]];
        second.hold(&stage.event_id, &rest).await.expect("the others are free");
    }

    async fn s_07_overlapping_groups_asked_at_once_are_held_whole_or_not_at_all(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let people = world.crowd(20).await;
        for _ in 0..5 {
            let answers = ask_for_fours(&stage, &people).await;
            assert_whole(&stage, &people, answers).await;
        }
        let states = stage.states(&people[0]).await;
        assert!(states.values().all(|state| *state == SeatState::Available));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_07_groups_asked_of_two_servers_are_held_whole_or_not_at_all() {
    let world = World::start(Backend::Postgres).await;
    let replica = world.replica().await;
    let stage = world.stage(StagePlan::default()).await;
    let mut people = world.crowd(20).await;
    for person in people.iter_mut().step_by(3) {
        *person = replica.same(person).await;
    }
    for _ in 0..5 {
        let answers = ask_for_fours(&stage, &people).await;
        assert_whole(&stage, &people, answers).await;
    }
    replica.finish().await;
    world.finish().await;
}
