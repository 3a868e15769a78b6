//! Bookings as their owners see them: in lists and while they change.

use std::time::Duration;

use boxoffice_sdk::booking::v1::booking::State;
use boxoffice_sdk::booking::v1::{
    Booking, CancelBookingRequest, ListBookingsRequest, ListBookingsResponse,
};
use boxoffice_sdk::payment::v1::CreatePaymentRequest;
use boxoffice_sdk::{BookingStream, Code, Error, ErrorReason};
use boxoffice_tests::{Person, StagePlan, World, request_id, scenarios};
use futures::StreamExt;

use crate::refusals::refused;

async fn list(
    person: &Person,
    page_size: i32,
    page_token: &str,
    states: &[State],
) -> Result<ListBookingsResponse, Error> {
    let states = states.iter().map(|state| (*state).into()).collect();
    let page_token = page_token.to_owned();
    person.list_bookings(ListBookingsRequest { page_size, page_token, states }).await
}

/// The ids of every page, joined, each page of that size except the last.
async fn all(person: &Person, page_size: i32, states: &[State]) -> Vec<String> {
    let mut ids = Vec::new();
    let mut token = String::new();
    loop {
        let page = list(person, page_size, &token, states).await.expect("a page");
        let count = i32::try_from(page.bookings.len()).expect("a page");
        assert!(count <= page_size);
        ids.extend(page.bookings.into_iter().map(|booking| booking.booking_id));
        if page.next_page_token.is_empty() {
            return ids;
        }
        assert_eq!(count, page_size);
        token = page.next_page_token;
    }
}

async fn next(stream: &mut BookingStream) -> Booking {
    let item = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
    let message = item.expect("a change in time").expect("the stream goes on");
    message.expect("a message").booking.expect("a booking")
}

scenarios! {
    async fn s_25_bookings_are_listed_by_page_and_state_the_newest_first(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, other) = (world.guest().await, world.guest().await);
        let mut ids = Vec::new();
        for index in 0..7 {
            let seat = [stage.seat(index)];
            let hold = buyer.hold(&stage.event_id, &seat).await.expect("it is free");
            let booking = buyer.book(&hold).await.expect("the hold is good");
            // The first two are paid, the third is cancelled, the others wait.
            if index < 2 {
                buyer.pay(&booking, "tok_success").await.expect("it is taken");
            } else if index == 2 {
                let booking_id = booking.booking_id.clone();
                let request = CancelBookingRequest { request_id: request_id(), booking_id };
                buyer.cancel_booking(request).await.expect("it is not paid");
            }
            ids.insert(0, booking.booking_id);
        }
        other.buy(&stage.event_id, &[stage.seat(8)]).await;
        for page_size in [1, 2, 3, 7, 200] {
            assert_eq!(all(&buyer, page_size, &[]).await, ids);
        }
        let (waiting, cancelled, paid) = (&ids[..4], &ids[4..5], &ids[5..]);
        assert_eq!(all(&buyer, 3, &[State::Pending]).await, waiting);
        assert_eq!(all(&buyer, 3, &[State::Cancelled]).await, cancelled);
        assert_eq!(all(&buyer, 1, &[State::Confirmed]).await, paid);
        assert_eq!(all(&buyer, 2, &[State::Confirmed, State::Cancelled]).await, ids[4..]);
        assert!(all(&buyer, 3, &[State::Expired, State::Failed]).await.is_empty());
        assert_eq!(all(&other, 3, &[]).await.len(), 1);
        // Sizes are clamped; what is no token and no state is refused.
        let page = list(&buyer, i32::MAX, "", &[]).await.expect("a page");
        assert_eq!((page.bookings.len(), page.next_page_token.as_str()), (7, ""));
        let refusals = [
            list(&buyer, 3, "no token", &[]).await,
            list(&buyer, 3, "", &[State::Unspecified]).await,
        ];
        for answer in refusals {
            refused(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
        }
    }

    async fn s_25_pages_join_while_bookings_are_made(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let mut ids = Vec::new();
        for index in 0..4 {
            let hold = buyer.hold(&stage.event_id, &[stage.seat(index)]).await;
            let booking = buyer.book(&hold.expect("it is free")).await.expect("it is good");
            ids.insert(0, booking.booking_id);
        }
        let first = list(&buyer, 2, "", &[]).await.expect("a page");
        let hold = buyer.hold(&stage.event_id, &[stage.seat(5)]).await.expect("it is free");
        buyer.book(&hold).await.expect("it is good");
        let second = list(&buyer, 2, &first.next_page_token, &[]).await.expect("a page");
        let pages = [first.bookings, second.bookings].concat();
        let joined: Vec<String> = pages.into_iter().map(|booking| booking.booking_id).collect();
        assert_eq!(joined, ids);
    }

    async fn s_25_a_watched_booking_goes_from_pending_over_payment_to_confirmed(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        let mut stream = buyer.watch_booking(&booking.booking_id);
        let mut seen = vec![next(&mut stream).await];
        assert_eq!(seen[0], booking);
        // This token's first answer is lost, so that the payment stays open for a second or more.
        let request = CreatePaymentRequest {
            request_id: request_id(),
            booking_id: booking.booking_id.clone(),
            payment_token: "tok_timeout_before_charge".into(),
            wait: None,
        };
        buyer.create_payment(request).await.expect("it is recorded");
        seen.push(next(&mut stream).await);
        world.clock.advance(Duration::from_secs(15));
        seen.push(next(&mut stream).await);
        let states: Vec<State> = seen.iter().map(Booking::state).collect();
        assert_eq!(states, [State::Pending, State::AwaitingPayment, State::Confirmed]);
        assert!(seen.is_sorted_by(|older, newer| older.version < newer.version));
        assert_eq!(buyer.look_at(&booking).await, seen[2]);
        assert_eq!(buyer.tickets_of(&booking).await.len(), 1);
        let mut late = buyer.watch_booking(&booking.booking_id);
        assert_eq!(next(&mut late).await, seen[2]);
    }

    async fn s_25_nobody_watches_or_reads_a_booking_of_somebody_else(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, stranger) = (world.guest().await, world.customer().await);
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        let mut stream = stranger.watch_booking(&booking.booking_id);
        let watched = stream.next().await.expect("an item");
        refused(watched, Code::NotFound, ErrorReason::NotFound);
        let booking_id = booking.booking_id.clone();
        let request = boxoffice_sdk::booking::v1::GetBookingRequest { booking_id };
        refused(stranger.get_booking(request).await, Code::NotFound, ErrorReason::NotFound);
        let booking_id = booking.booking_id.clone();
        let request = CancelBookingRequest { request_id: request_id(), booking_id };
        refused(stranger.cancel_booking(request).await, Code::NotFound, ErrorReason::NotFound);
        assert!(stranger.tickets_of(&booking).await.is_empty());
        assert_eq!(buyer.look_at(&booking).await, booking);
    }
}
