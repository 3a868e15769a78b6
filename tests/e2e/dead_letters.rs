//! Events that a consumer cannot take are parked for it alone, in order, and replayed.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::Booking;
use boxoffice_sdk::operations::v1::{
    DeadLetter, DiscardDeadLetterRequest, GetStatusRequest, GetStatusResponse,
    ListDeadLettersRequest, ReplayDeadLettersRequest, ReplayDeadLettersResponse, dead_letter,
};
use boxoffice_tests::{
    Backend, Person, Process, Stage, StagePlan, World, eventually, kills, look_until, request_id,
};
use uuid::Uuid;

use crate::service_accounts::recorded;
use crate::sieve::{FAILURES_MAX, Poison, SIEVE, Sieve, uuid, with_sieve};

async fn book(buyer: &Person, stage: &Stage, seat: usize) -> Booking {
    let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("the seat is free");
    buyer.book(&hold).await.expect("the hold is good")
}

async fn status(admin: &Person) -> GetStatusResponse {
    admin.get_status(GetStatusRequest {}).await.expect("a status")
}

async fn parked_count(admin: &Person, consumer: &str) -> i64 {
    let status = status(admin).await;
    let found = status.consumers.iter().find(|found| found.consumer == consumer);
    found.expect("the consumer").parked_count
}

async fn wait_for_parked(admin: &Person, count: i64) {
    eventually(async || {
        let parked = parked_count(admin, SIEVE).await;
        if parked == count { Ok(()) } else { Err(format!("{parked} are parked, not {count}")) }
    })
    .await;
}

pub async fn letters(admin: &Person, state: dead_letter::State) -> Vec<DeadLetter> {
    let request = ListDeadLettersRequest {
        consumer: SIEVE.into(),
        state: state.into(),
        page_size: 1,
        page_token: String::new(),
    };
    let mut all = Vec::new();
    let mut page = admin.list_dead_letters(request.clone()).await.expect("a page");
    loop {
        all.append(&mut page.dead_letters);
        if page.next_page_token.is_empty() {
            return all;
        }
        let page_token = page.next_page_token;
        let request = ListDeadLettersRequest { page_token, ..request.clone() };
        page = admin.list_dead_letters(request).await.expect("the next page");
    }
}

fn everything_of(consumer: &str) -> ReplayDeadLettersRequest {
    ReplayDeadLettersRequest {
        request_id: request_id(),
        consumer: consumer.into(),
        ..Default::default()
    }
}

pub async fn replay(
    admin: &Person,
    request: ReplayDeadLettersRequest,
) -> ReplayDeadLettersResponse {
    admin.replay_dead_letters(request).await.expect("an answer")
}

/// What the record of privileged calls says of dead letters: each action and its subject.
pub async fn handled(world: &World) -> Vec<[String; 2]> {
    let entries = recorded(world).await.into_iter();
    let handled = entries.filter(|entry| entry.action.contains("DeadLetter"));
    handled.map(|entry| [entry.action, entry.subject]).collect()
}

pub fn discarding(letter: &DeadLetter) -> DiscardDeadLetterRequest {
    DiscardDeadLetterRequest {
        request_id: request_id(),
        dead_letter_id: letter.dead_letter_id.clone(),
        reason: "the sieve does without it".into(),
    }
}

/// A booking whose second event is parked, and its third behind it.
pub async fn poisoned(world: &World, sieve: &Sieve, poison: Poison) -> (Stage, Person, Booking) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let booking = book(&buyer, &stage, 0).await;
    sieve.refuse(&booking, "BookingPaymentStarted", poison);
    buyer.pay(&booking, "tok_declined").await.expect("an answer");
    wait_for_parked(&world.admin().await, 2).await;
    (stage, buyer, booking)
}

with_sieve! {
    async fn s_45_what_poisons_a_consumer_is_parked_with_what_follows_and_the_rest_goes_on(
        world: &World, sieve: &Arc<Sieve>
    ) {
        let (stage, buyer, booking) = poisoned(world, sieve, Poison::Refused).await;
        let admin = world.admin().await;
        let found = letters(&admin, dead_letter::State::Parked).await;
        let [first, second] = found.as_slice() else { panic!("two letters, not {found:?}") };
        assert_eq!(first.r#type, "BookingPaymentStarted");
        assert_eq!((first.aggregate_version, first.failure_count), (2, FAILURES_MAX.into()));
        assert!(first.cause.contains("it tastes bad"), "{}", first.cause);
        assert_eq!((first.topic.as_str(), first.partition), ("boxoffice.booking.v1", 0));
        assert_eq!((first.offset, first.aggregate_id.clone()), (None, uuid(&booking).to_string()));
        assert!(first.first_failure_time.is_some() && first.last_failure_time.is_some());
        assert_eq!(second.r#type, "BookingPaymentFailed");
        assert_eq!((second.failure_count, second.cause.as_str()), (0, ""));
        // Others have the events, and other bookings are not held up.
        let kinds = [
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentFailed",
            "BookingPaymentFailed",
        ];
        buyer.wait_for_timeline(&booking, &kinds).await;
        let free = buyer.buy(&stage.event_id, &[stage.seat(1)]).await;
        sieve.wait_for(&free, &[1, 2, 3]).await;
        sieve.wait_for(&booking, &[1]).await;
        let timeline = buyer.timeline_of(&booking).await;
        let told: Vec<_> = timeline.iter().map(|step| step.event_id.as_str()).collect();
        assert!(told.contains(&first.event_id.as_str()), "the same event has the same id");
        // All of it has left the outbox, and the platform says what waits.
        world.assert_sound().await;
        let status = status(&admin).await;
        assert_eq!((status.outbox_count, status.outbox_age), (0, None));
        let sieve_status = status.consumers.iter().find(|status| status.consumer == SIEVE);
        assert_eq!(sieve_status.map(|s| (s.failing_count, s.parked_count)), Some((0, 2)));
        assert!(status.schema_version >= 14 && !status.server_version.is_empty());
        let database = match world.database.backend {
            Backend::Sqlite => "sqlite",
            Backend::Postgres => "postgres",
        };
        assert_eq!(status.database, database);
    }

    async fn s_45_a_replay_delivers_in_order_with_the_same_ids_and_once(
        world: &World, sieve: &Arc<Sieve>
    ) {
        let (_stage, buyer, booking) = poisoned(world, sieve, Poison::Refused).await;
        let admin = world.admin().await;
        let parked = letters(&admin, dead_letter::State::Parked).await;
        // It still tastes bad: the first fails again, the second is not even tried.
        let answer = replay(&admin, everything_of(SIEVE)).await;
        assert_eq!((answer.delivered_count, answer.parked_count), (0, 2));
        let [failed] = answer.failed.as_slice() else { panic!("one failed: {answer:?}") };
        assert_eq!(failed.dead_letter_id, parked[0].dead_letter_id);
        assert_eq!(failed.failure_count, i64::from(FAILURES_MAX) + 1);
        sieve.wait_for(&booking, &[1]).await;
        sieve.heal();
        // What comes meanwhile is parked behind the others, whether or not it would do now.
        buyer.pay(&booking, "tok_declined").await.expect("an answer");
        wait_for_parked(&admin, 4).await;
        let request = ReplayDeadLettersRequest {
            request_id: request_id(),
            dead_letter_id: parked[0].dead_letter_id.clone(),
            ..Default::default()
        };
        let answer = replay(&admin, request.clone()).await;
        assert_eq!((answer.delivered_count, answer.parked_count), (4, 0));
        assert!(answer.failed.is_empty());
        let repeat = replay(&admin, request).await;
        assert_eq!((repeat.delivered_count, repeat.parked_count), (0, 0));
        let each = ["ReplayDeadLetters", SIEVE].map(str::to_owned);
        assert_eq!(handled(world).await, [each.clone(), each], "a repeat is nothing new");
        let taken = sieve.taken_of(&booking);
        let versions: Vec<i64> = taken.iter().map(|(version, _)| *version).collect();
        assert_eq!(versions, [1, 2, 3, 4, 5]);
        let ids = [&parked[0].event_id, &parked[1].event_id];
        assert_eq!([&taken[1].1, &taken[2].1], ids);
        let replayed = letters(&admin, dead_letter::State::Replayed).await;
        assert_eq!(replayed.len(), 4);
        assert!(replayed.iter().all(|l| l.resolved_by.starts_with("usr_")));
        assert!(replayed.iter().all(|l| l.resolve_time.is_some() && l.reason.is_empty()));
        assert_eq!(replay(&admin, everything_of(SIEVE)).await.delivered_count, 0);
        // From now on its events come by themselves again.
        buyer.pay(&booking, "tok_success").await.expect("an answer");
        sieve.wait_for(&booking, &[1, 2, 3, 4, 5, 6, 7]).await;
    }

    async fn s_45_a_discarded_letter_keeps_its_reason_and_what_follows_is_drained(
        world: &World, sieve: &Arc<Sieve>
    ) {
        let (_stage, buyer, booking) = poisoned(world, sieve, Poison::Refused).await;
        let admin = world.admin().await;
        let parked = letters(&admin, dead_letter::State::Parked).await;
        let request = discarding(&parked[0]);
        let without_reason =
            DiscardDeadLetterRequest { reason: " ".into(), ..discarding(&parked[0]) };
        let refused = admin.discard_dead_letter(without_reason).await.expect_err("no reason");
        assert_eq!(refused.reason(), ErrorReason::InvalidFields);
        for _ in 0..2 {
            let answer = admin.discard_dead_letter(request.clone()).await.expect("it is parked");
            let letter = answer.dead_letter.expect("a letter");
            assert_eq!(letter.state(), dead_letter::State::Discarded);
            assert_eq!(letter.reason, "the sieve does without it");
            assert!(letter.resolved_by.starts_with("usr_") && letter.resolve_time.is_some());
        }
        let once = ["DiscardDeadLetter", &parked[0].dead_letter_id];
        assert_eq!(handled(world).await, [once.map(str::to_owned)]);
        let again = admin.discard_dead_letter(discarding(&parked[0])).await;
        let again = again.expect_err("it is discarded already");
        assert_eq!(again.reason(), ErrorReason::DeadLetterResolved);
        assert_eq!(again.metadata().get("state").map(String::as_str), Some("DISCARDED"));
        let named = ReplayDeadLettersRequest {
            request_id: request_id(),
            dead_letter_id: parked[0].dead_letter_id.clone(),
            ..Default::default()
        };
        let refused = admin.replay_dead_letters(named).await.expect_err("it is discarded");
        assert_eq!(refused.reason(), ErrorReason::DeadLetterResolved);
        // What stood behind it still waits, and so does what comes now.
        buyer.pay(&booking, "tok_success").await.expect("an answer");
        sieve.heal();
        wait_for_parked(&admin, 3).await;
        let one = ReplayDeadLettersRequest {
            aggregate_id: uuid(&booking).to_string(),
            ..everything_of(SIEVE)
        };
        let answer = replay(&admin, one).await;
        assert_eq!((answer.delivered_count, answer.parked_count), (3, 0));
        sieve.wait_for(&booking, &[1, 3, 4, 5]).await;
    }

    async fn s_45_a_consumer_that_panics_takes_nobody_with_it(world: &World, sieve: &Arc<Sieve>) {
        poisoned(world, sieve, Poison::Panic).await;
        let admin = world.admin().await;
        let parked = letters(&admin, dead_letter::State::Parked).await;
        assert!(parked[0].cause.contains("panicked"), "{}", parked[0].cause);
        let answer = replay(&admin, everything_of(SIEVE)).await;
        assert_eq!((answer.delivered_count, answer.failed.len()), (0, 1));
        sieve.heal();
        assert_eq!(replay(&admin, everything_of(SIEVE)).await.delivered_count, 2);
    }

    async fn what_passes_by_itself_is_tried_again_and_never_parked(
        world: &World, sieve: &Arc<Sieve>
    ) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        for (seat, poison) in [Poison::Passing, Poison::Raced].into_iter().enumerate() {
            let booking = book(&buyer, &stage, seat).await;
            sieve.refuse(&booking, "BookingPaymentStarted", poison);
            sieve.refusals.store(0, Ordering::SeqCst);
            buyer.pay(&booking, "tok_success").await.expect("an answer");
            let enough = usize::try_from(2 * FAILURES_MAX).expect("a number");
            let refusals = async || {
                world.clock.advance(Duration::from_secs(1));
                sieve.refusals.load(Ordering::SeqCst)
            };
            look_until(refusals, |refusals| *refusals >= enough).await;
            sieve.heal();
            world.clock.advance(Duration::from_secs(61));
            sieve.wait_for(&booking, &[1, 2, 3]).await;
        }
        assert_eq!(parked_count(&world.admin().await, SIEVE).await, 0);
    }

    async fn what_is_not_there_cannot_be_replayed_or_discarded(world: &World, sieve: &Arc<Sieve>) {
        sieve.heal();
        let admin = world.admin().await;
        let refused = admin.replay_dead_letters(everything_of("nobody")).await.expect_err("nobody");
        assert_eq!(refused.reason(), ErrorReason::NotFound);
        let dead_letter_id = format!("dlt_{}", Uuid::new_v4().simple());
        let letter = DeadLetter { dead_letter_id: dead_letter_id.clone(), ..Default::default() };
        let refused = admin.discard_dead_letter(discarding(&letter)).await.expect_err("no letter");
        assert_eq!(refused.reason(), ErrorReason::NotFound);
        let both = ReplayDeadLettersRequest { dead_letter_id, ..everything_of(SIEVE) };
        let refused = admin.replay_dead_letters(both).await.expect_err("both");
        assert_eq!(refused.reason(), ErrorReason::InvalidFields);
    }
}

/// Puts every event of the sale aside for the timeline, as if it had refused them all.
const PARK_ALL: &str = "begin;
    delete from store_dead_letter;
    insert into store_dead_letter select message_id, 'reporting.timeline', message_id,
        'boxoffice.' || context || '.v1', 0, null, context, kind, aggregate_id, aggregate_version,
        payload, occur_time, 'by hand', 8, 1, 1, publish_time, 'PARKED', null, '', ''
        from store_event_log where context in ('booking', 'payment', 'ticket');
    delete from reporting_booking_step;
    delete from reporting_booking;
    commit";
const PARKED: &str = "select count(*) from store_dead_letter where state = 'PARKED'";
const REPLAYED: &str = "select count(*) from store_dead_letter where state = 'REPLAYED'";

kills! {
    async fn s_45_a_replay_that_is_killed_goes_on_where_it_was(process: &mut Process) {
        let stage = process.stage(StagePlan { seats_a_row: 30, ..Default::default() }).await;
        let buyer = process.guest().await;
        let mut bookings = Vec::new();
        for seat in 0..10 {
            bookings.push(buyer.buy(&stage.event_id, &[stage.seat(seat)]).await);
        }
        process.assert_sound().await;
        let mut left = 0;
        for _ in 0..5 {
            process.database.by_hand(PARK_ALL).await;
            let admin = process.admin().await;
            let replaying = tokio::spawn(async move {
                drop(admin.replay_dead_letters(everything_of("reporting.timeline")).await);
            });
            process.database.wait_by_hand(REPLAYED, |count| count > 0).await;
            process.kill();
            replaying.abort();
            left = process.database.count_by_hand(PARKED).await;
            process.start_again().await;
            if left > 0 {
                break;
            }
        }
        assert!(left > 0, "no kill came in the middle");
        let admin = process.admin().await;
        let answer = replay(&admin, everything_of("reporting.timeline")).await;
        assert_eq!((answer.delivered_count, answer.parked_count), (left, 0));
        let buyer = process.again(&buyer).await;
        for booking in &bookings {
            buyer.wait_for_timeline(booking, &[
                "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentSucceeded",
                "BookingConfirmed", "TicketIssued",
            ]).await;
        }
    }
}
