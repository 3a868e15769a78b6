//! Places that have no numbers: as many as there are, and not one more.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{
    Booking, ChangeHoldRequest, ListHoldsRequest, OfferQuantity, SeatState, booking,
};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{Stage, StagePlan, World, look_until, request_id, scenarios};
use futures::future::join_all;

use crate::refusals::refused;
use crate::watcher::{Watcher, changes};

const BUYERS: usize = 1_000;
const STANDING: i32 = 100;

async fn left(world: &World, stage: &Stage) -> i64 {
    let client = world.anonymous().await;
    let watcher = Watcher::of_map(&client, &stage.event_id).await;
    watcher.view.available(&stage.standing).expect("an offer of general admission")
}

fn quantity(offer_id: &str, quantity: i32) -> OfferQuantity {
    OfferQuantity { offer_id: offer_id.to_owned(), quantity }
}

scenarios! {
    async fn s_19_of_a_thousand_buyers_exactly_a_hundred_get_a_place(world: &World) {
        let stage = world.stage(StagePlan { standing: STANDING, ..StagePlan::default() }).await;
        let crowd = world.crowd(BUYERS).await;
        let wish = [(stage.standing.as_str(), 1)];
        let calls = crowd.iter().map(|buyer| buyer.hold_places(&stage.event_id, &[], &wish));
        let answers = join_all(calls).await;
        let mut holds = Vec::new();
        for (buyer, answer) in crowd.iter().zip(answers) {
            match answer {
                Ok(hold) => holds.push((buyer, hold)),
                answer @ Err(_) => {
                    let error = refused(answer, Code::Aborted, ErrorReason::SeatsTaken);
                    let [offer] = error.offer_conflicts() else { panic!("{error}") };
                    assert_eq!((offer.offer_id.as_str(), offer.available_count), (wish[0].0, 0));
                    assert!(error.conflicts().is_empty());
                }
            }
        }
        assert_eq!(holds.len(), 100);
        assert_eq!(left(world, &stage).await, 0);
        // They are sold as often, and what is given back is there for others at once.
        let (last, sold) = holds.split_last().expect("a hundred");
        let bookings = join_all(sold.iter().map(|(buyer, hold)| async {
            let booking = buyer.book(hold).await.expect("the hold is good");
            buyer.pay(&booking, "tok_success").await.expect("it is paid");
            buyer.wait_for(&booking, booking::State::Confirmed).await
        }))
        .await;
        let price = |booking: &Booking| booking.total.as_ref().expect("a total").minor_units;
        assert!(bookings.iter().all(|booking| price(booking) == 1_500));
        let tickets = join_all(sold.iter().zip(&bookings).map(|((b, _), k)| b.tickets_of(k))).await;
        assert!(tickets.iter().all(|tickets| tickets.len() == 1));
        let (buyer, hold) = last;
        let request = boxoffice_sdk::booking::v1::ReleaseHoldRequest {
            request_id: request_id(),
            hold_id: hold.hold_id.clone(),
        };
        buyer.release_hold(request).await.expect("it is theirs");
        assert_eq!(left(world, &stage).await, 1);
        crowd[0].hold_places(&stage.event_id, &[], &wish).await.expect("the last one");
    }

    async fn s_19_an_offer_of_another_event_is_refused_and_nothing_is_held(world: &World) {
        let stage = world.stage(StagePlan { standing: 5, ..StagePlan::default() }).await;
        let other = world.stage(StagePlan { standing: 5, ..StagePlan::default() }).await;
        let buyer = world.guest().await;
        let wish = [(stage.standing.as_str(), 1), (other.standing.as_str(), 1)];
        let answer = buyer.hold_places(&stage.event_id, &[stage.seat(0)], &wish).await;
        let error = refused(answer, Code::InvalidArgument, ErrorReason::OfferUnknown);
        assert_eq!(error.metadata()["offer_id"], other.standing);
        assert_eq!((left(world, &stage).await, left(world, &other).await), (5, 5));
        assert_eq!(stage.states(&buyer).await[stage.seat(0)], SeatState::Available);
        for quantity in [0, -1, i32::MIN] {
            let wish = [(stage.standing.as_str(), quantity)];
            let answer = buyer.hold_places(&stage.event_id, &[], &wish).await;
            refused(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
        }
    }

    async fn s_21_seats_and_places_without_numbers_are_bought_together(world: &World) {
        let stage = world.stage(StagePlan { standing: 5, ..StagePlan::default() }).await;
        let buyer = world.guest().await;
        let mut watcher = Watcher::begin(&buyer, &stage.event_id).await;
        assert_eq!(watcher.view.available(&stage.standing), Some(5));
        let wish = [(stage.standing.as_str(), 2)];
        let hold = buyer.hold_places(&stage.event_id, &[stage.seat(0)], &wish).await.expect("free");
        let told = changes(&watcher.next().await);
        assert_eq!((told.seats.len(), told.offers.len()), (1, 1), "one message for both");
        assert_eq!(watcher.view.available(&stage.standing), Some(3));
        assert_eq!(hold.total.as_ref().unwrap().minor_units, 2_500 + 2 * 1_500);
        let [line] = hold.general_admission.as_slice() else { panic!("{hold:?}") };
        assert_eq!((line.offer_name.as_str(), line.quantity), ("Standing", 2));
        let booking = buyer.book(&hold).await.expect("the hold is good");
        assert_eq!(booking.places.len(), 3);
        assert_eq!(booking.total, hold.total);
        buyer.pay(&booking, "tok_success").await.expect("it is paid");
        buyer.wait_for(&booking, booking::State::Confirmed).await;
        let mut tickets = buyer.tickets_of(&booking).await;
        assert_eq!(tickets.len(), 3);
        tickets.retain(|ticket| ticket.seat_id.is_empty());
        assert_eq!(tickets.len(), 2);
        assert!(tickets.iter().all(|ticket| ticket.offer_name == "Standing"));
        watcher.assert_equals_the_map().await;
        assert_eq!(watcher.view.available(&stage.standing), Some(3));
    }

    async fn s_87_a_cart_grows_and_shrinks_and_becomes_one_booking(world: &World) {
        let stage = world.stage(StagePlan { standing: 5, ..StagePlan::default() }).await;
        let buyer = world.customer().await;
        let cart = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let change = |add: &[usize], remove: &[usize], standing: i32| ChangeHoldRequest {
            request_id: request_id(),
            hold_id: cart.hold_id.clone(),
            add_seat_ids: add.iter().map(|index| stage.seat(*index).to_owned()).collect(),
            remove_seat_ids: remove.iter().map(|index| stage.seat(*index).to_owned()).collect(),
            general_admission: vec![quantity(&stage.standing, standing)],
        };
        let request = change(&[1, 2], &[0], 3);
        let grown = buyer.change_hold(request.clone()).await.expect("all is free").hold.unwrap();
        assert_eq!((grown.places.len(), grown.general_admission[0].quantity), (2, 3));
        assert_eq!(grown.expire_time, cart.expire_time, "its time stays");
        let again = buyer.change_hold(request).await.expect("a repeat").hold.unwrap();
        assert_eq!(again, grown);
        let other = world.guest().await;
        other.hold(&stage.event_id, &[stage.seat(0), stage.seat(3)]).await.expect("given back");
        // All of a change or nothing.
        let refusal = buyer.change_hold(change(&[3, 4], &[1], 5)).await;
        let error = refused(refusal, Code::Aborted, ErrorReason::SeatsTaken);
        assert_eq!(error.conflicts()[0].seat_id, stage.seat(3));
        let listed = buyer.list_holds(ListHoldsRequest::default()).await.expect("a list").holds;
        assert_eq!(listed, [grown]);
        // Whoever names a seat twice counts on more than he gets.
        for (add, remove) in [(&[4, 4][..], &[][..]), (&[][..], &[1, 1][..])] {
            let refusal = buyer.change_hold(change(add, remove, 3)).await;
            refused(refusal, Code::InvalidArgument, ErrorReason::SeatUnknown);
        }
        // A cart of somebody else is not there.
        let refusal = other.change_hold(change(&[5], &[], 1)).await;
        refused(refusal, Code::NotFound, ErrorReason::NotFound);
        let refusal = buyer.change_hold(change(&[], &[1, 2], 0)).await;
        refused(refusal, Code::FailedPrecondition, ErrorReason::HoldEmpty);
        let shrunk = buyer.change_hold(change(&[], &[1], 1)).await.expect("it is theirs");
        let booking = buyer.book(&shrunk.hold.unwrap()).await.expect("one booking of it all");
        assert_eq!(booking.places.len(), 2);
        assert_eq!(left(world, &stage).await, 4);
        let answer = buyer.list_holds(ListHoldsRequest::default()).await.expect("a list");
        assert!(answer.holds.is_empty(), "it is used up");
    }

    async fn s_89_the_limit_counts_seats_and_places_without_numbers(world: &World) {
        let plan = StagePlan { standing: 50, places_per_buyer_max: 4, ..StagePlan::default() };
        let stage = world.stage(plan).await;
        let buyer = world.guest().await;
        let hold = async |seats: &[&str], standing| {
            let wish = [(stage.standing.as_str(), standing)];
            buyer.hold_places(&stage.event_id, seats, &wish).await
        };
        let too_many = |answer| {
            let error = refused(answer, Code::FailedPrecondition, ErrorReason::TooManyPlaces);
            assert_eq!(error.metadata()["limit"], "4");
        };
        too_many(hold(&[stage.seat(0)], 4).await.map(drop));
        let booked = hold(&[stage.seat(0)], 1).await.expect("two of four");
        let booking = buyer.book(&booked).await.expect("the hold is good");
        too_many(hold(&[], 3).await.map(drop));
        let calls = (0..10).map(|_| hold(&[], 1));
        let held = join_all(calls).await.into_iter().filter(Result::is_ok).count();
        assert_eq!(held, 2, "what is booked and what is held at once count together");
        buyer.cancel(&booking).await.expect("it is not paid");
        hold(&[], 2).await.expect("what was given back does not count");
    }

    async fn s_89_places_of_a_cancelled_booking_count_until_its_payment_is_settled(world: &World) {
        let stage = world.stage(StagePlan { standing: 50, ..StagePlan::default() }).await;
        let buyer = world.guest().await;
        let wish = [(stage.standing.as_str(), 10)];
        let hold = async || buyer.hold_places(&stage.event_id, &[], &wish).await;
        let booking = buyer.book(&hold().await.expect("free")).await.expect("the hold is good");
        let payment = buyer.start_paying(&booking, "tok_unreachable").await.expect("recorded");
        buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        buyer.cancel(&booking).await.expect("it is not paid");
        assert_eq!(left(world, &stage).await, 40, "they are claimed until that is known");
        refused(hold().await, Code::FailedPrecondition, ErrorReason::TooManyPlaces);
        world.clock.advance(Duration::from_secs(5 * 60 + 5));
        look_until(async || left(world, &stage).await, |left| *left == 50).await;
        hold().await.expect("nothing is the buyer's any more");
    }
}
