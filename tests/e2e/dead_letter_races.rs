//! Operators who act on dead letters at the same time, or go away in the middle.

use std::sync::Arc;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::operations::v1::{
    DiscardDeadLetterRequest, ReplayDeadLettersRequest, dead_letter,
};
use boxoffice_tests::{Backend, Person, World, eventually, request_id};
use futures::future::join_all;

use crate::dead_letters::{discarding, handled, letters, poisoned, replay};
use crate::sieve::{Poison, SIEVE, Sieve, with_sieve};

/// The first of the letters that are parked, named.
async fn first_parked(admin: &Person) -> ReplayDeadLettersRequest {
    let parked = letters(admin, dead_letter::State::Parked).await;
    let dead_letter_id = parked[0].dead_letter_id.clone();
    ReplayDeadLettersRequest { request_id: request_id(), dead_letter_id, ..Default::default() }
}

with_sieve! {
    async fn s_45_equal_requests_at_the_same_time_are_all_answered(
        world: &World, sieve: &Arc<Sieve>
    ) {
        let (_stage, _buyer, booking) = poisoned(world, sieve, Poison::Refused).await;
        let admin = world.admin().await;
        let parked = letters(&admin, dead_letter::State::Parked).await;
        let discard = discarding(&parked[0]);
        let discards = (0..8).map(|_| admin.discard_dead_letter(discard.clone()));
        for answer in join_all(discards).await {
            let letter = answer.expect("it is discarded, once").dead_letter.expect("a letter");
            assert_eq!(letter.state(), dead_letter::State::Discarded);
        }
        assert_eq!(handled(world).await.len(), 1, "it is recorded once");
        sieve.heal();
        let request = first_parked(&admin).await;
        let replays = (0..8).map(|_| admin.replay_dead_letters(request.clone()));
        let mut delivered_count = 0;
        for answer in join_all(replays).await {
            let answer = answer.expect("it is replayed, once");
            assert_eq!((answer.parked_count, answer.failed.len()), (0, 0));
            delivered_count += answer.delivered_count;
        }
        assert_eq!(delivered_count, 1);
        sieve.wait_for(&booking, &[1, 3]).await;
    }

    async fn s_45_a_letter_that_is_being_replayed_cannot_be_discarded(
        world: &World, sieve: &Arc<Sieve>
    ) {
        let (_stage, _buyer, booking) = poisoned(world, sieve, Poison::Refused).await;
        let admin = world.admin().await;
        let parked = letters(&admin, dead_letter::State::Parked).await;
        sieve.refuse(&booking, "BookingPaymentStarted", Poison::Slow);
        // Nobody can sign in while a replay has the one writer of SQLite.
        let other = world.admin().await;
        let (request, discard) = (first_parked(&admin).await, discarding(&parked[0]));
        let replaying = tokio::spawn(async move { admin.replay_dead_letters(request).await });
        sieve.wait_until_slow().await;
        let discarding = tokio::spawn(async move { other.discard_dead_letter(discard).await });
        if world.database.backend == Backend::Postgres {
            // It waits for the replay, or has overtaken it.
            let waiting = "select count(*) from pg_locks where not granted and locktype = 'advisory'
                and database = (select oid from pg_database where datname = current_database())";
            eventually(async || {
                let waits = world.database.count_by_hand(waiting).await > 0;
                if waits || discarding.is_finished() { Ok(()) } else { Err("nobody waits") }
            })
            .await;
        }
        sieve.heal();
        let replayed = replaying.await.expect("it ends").expect("it is replayed");
        assert_eq!((replayed.delivered_count, replayed.parked_count), (2, 0));
        let refused = discarding.await.expect("it ends").expect_err("it is replayed");
        assert_eq!(refused.reason(), ErrorReason::DeadLetterResolved);
        assert_eq!(refused.metadata().get("state").map(String::as_str), Some("REPLAYED"));
    }

    async fn s_45_a_replay_goes_on_and_is_recorded_though_its_caller_has_left(
        world: &World, sieve: &Arc<Sieve>
    ) {
        let (_stage, _buyer, booking) = poisoned(world, sieve, Poison::Refused).await;
        let admin = world.admin().await;
        sieve.refuse(&booking, "BookingPaymentStarted", Poison::Slow);
        let request = first_parked(&admin).await;
        let (leaving, its) = (world.admin().await, request.clone());
        let replaying = tokio::spawn(async move { leaving.replay_dead_letters(its).await });
        sieve.wait_until_slow().await;
        let recorded = "select count(*) from identity_audit where action = 'ReplayDeadLetters'";
        assert_eq!(world.database.count_by_hand(recorded).await, 1, "from the start");
        replaying.abort();
        assert!(replaying.await.is_err_and(|error| error.is_cancelled()));
        let parked = letters(&admin, dead_letter::State::Parked).await;
        assert_eq!(parked.len(), 2, "it has done nothing yet");
        sieve.heal();
        let remembered = "select count(*) from store_request
            where method like '%ReplayDeadLetters'";
        world.database.wait_by_hand(remembered, |count| count == 1).await;
        assert!(letters(&admin, dead_letter::State::Parked).await.is_empty());
        sieve.wait_for(&booking, &[1, 2, 3]).await;
        let repeat = replay(&admin, request).await;
        assert_eq!((repeat.delivered_count, repeat.parked_count), (0, 0));
        assert_eq!(handled(world).await, [["ReplayDeadLetters", SIEVE].map(str::to_owned)]);
    }

    async fn s_45_a_replay_of_a_letter_that_broke_off_behind_it_can_be_repeated(
        world: &World, sieve: &Arc<Sieve>
    ) {
        let (_stage, _buyer, booking) = poisoned(world, sieve, Poison::Refused).await;
        let admin = world.admin().await;
        // The database goes away after the first of two letters.
        sieve.refuse(&booking, "BookingPaymentFailed", Poison::Passing);
        let request = first_parked(&admin).await;
        let broken = admin.replay_dead_letters(request.clone()).await.expect_err("it breaks off");
        assert_eq!(broken.code(), boxoffice_sdk::Code::Unavailable);
        assert_eq!(letters(&admin, dead_letter::State::Parked).await.len(), 1);
        assert!(!handled(world).await.is_empty(), "what was done is recorded");
        sieve.heal();
        let answer = replay(&admin, request).await;
        assert_eq!((answer.delivered_count, answer.parked_count), (1, 0));
        sieve.wait_for(&booking, &[1, 2, 3]).await;
        // Somebody else's letter is refused as before.
        let named = DiscardDeadLetterRequest {
            dead_letter_id: letters(&admin, dead_letter::State::Replayed).await[0]
                .dead_letter_id
                .clone(),
            request_id: request_id(),
            reason: "too late".into(),
        };
        let refused = admin.discard_dead_letter(named).await.expect_err("it is replayed");
        assert_eq!(refused.reason(), ErrorReason::DeadLetterResolved);
    }
}
