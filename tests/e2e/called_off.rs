//! What becomes of holds, drafts and other events when an event is called off.

use boxoffice_sdk::booking::v1::{
    ExtendHoldRequest, GetHoldRequest, Hold, ListHoldsRequest, ReleaseHoldRequest, SeatState,
    booking, hold,
};
use boxoffice_sdk::catalog::v1::{
    CancelEventRequest, CreateEventRequest, GetAvailabilityRequest, GetEventRequest,
    GetSeatMapRequest, GetVenueRequest, UnpublishEventRequest, event,
};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{Person, Stage, StagePlan, World, look_until, request_id, scenarios};

use crate::catalog::event_draft;
use crate::refusals::refused;

async fn call_off(organizer: &Person, event_id: &str) {
    let request = CancelEventRequest { request_id: request_id(), event_id: event_id.to_owned() };
    organizer.cancel_event(request).await.expect("it is called off");
}

async fn unpublish(organizer: &Person, event_id: &str) {
    let event_id = event_id.to_owned();
    let request = UnpublishEventRequest { request_id: request_id(), event_id };
    organizer.unpublish_event(request).await.expect("nothing is sold");
}

async fn state_of(owner: &Person, hold: &Hold) -> hold::State {
    let request = GetHoldRequest { hold_id: hold.hold_id.clone() };
    owner.get_hold(request).await.expect("it is known").hold.expect("a hold").state()
}

/// How many places without numbers are available, and how many are off sale.
async fn standing(person: &Person, stage: &Stage) -> (i64, i64) {
    let request = GetAvailabilityRequest { event_ids: vec![stage.event_id.clone()] };
    let event = person.get_availability(request).await.expect("it is public").events.remove(0);
    let offer = event.offers.iter().find(|offer| offer.offer_id == stage.standing);
    offer.map(|offer| (offer.available_count, offer.blocked_count)).expect("an offer")
}

/// Asserts that neither the event nor its seats are there for this person.
async fn assert_hidden(person: &Person, event_id: &str) {
    let request = GetEventRequest { event_id: event_id.to_owned() };
    refused(person.get_event(request).await, Code::NotFound, ErrorReason::NotFound);
    let request = GetSeatMapRequest { event_id: event_id.to_owned() };
    refused(person.get_seat_map(request).await, Code::NotFound, ErrorReason::NotFound);
}

async fn event_state(person: &Person, event_id: &str) -> event::State {
    let request = GetEventRequest { event_id: event_id.to_owned() };
    person.get_event(request).await.expect("it is shown").event.expect("one").state()
}

scenarios! {
    async fn s_88_holds_end_with_their_event_and_nobody_gets_their_places(world: &World) {
        let organizer = world.organizer().await;
        let plan = StagePlan { standing: 5, ..StagePlan::default() };
        let stage = Stage::publish(&organizer, &plan).await;
        let (buyer, other) = (world.guest().await, world.guest().await);
        let wish = [(stage.standing.as_str(), 2)];
        let seat = stage.seat(0);
        let kept = buyer.hold_places(&stage.event_id, &[seat], &wish).await.expect("free");
        let given_back = other.hold(&stage.event_id, &[stage.seat(1)]).await.expect("free");

        call_off(&organizer, &stage.event_id).await;
        // At once, whenever the places follow.
        assert_eq!(state_of(&buyer, &kept).await, hold::State::Expired);
        let listed = buyer.list_holds(ListHoldsRequest::default()).await.expect("a list");
        assert!(listed.holds.is_empty(), "{listed:?}");
        let hold_id = kept.hold_id.clone();
        let request = ExtendHoldRequest { request_id: request_id(), hold_id };
        let refusal = buyer.extend_hold(request).await;
        refused(refusal, Code::FailedPrecondition, ErrorReason::EventNotOnSale);
        let refusal = buyer.book(&kept).await;
        refused(refusal, Code::FailedPrecondition, ErrorReason::EventNotOnSale);
        let hold_id = given_back.hold_id.clone();
        let request = ReleaseHoldRequest { request_id: request_id(), hold_id };
        other.release_hold(request).await.expect("no error");

        stage.wait_for(&buyer, seat, SeatState::Blocked).await;
        stage.wait_for(&buyer, stage.seat(1), SeatState::Blocked).await;
        look_until(async || standing(&buyer, &stage).await, |now| *now == (3, 2)).await;
        assert_eq!(state_of(&buyer, &kept).await, hold::State::Expired);
        let alive = "select count(*) from booking_hold where state = 'ACTIVE'";
        assert_eq!(world.database.count_by_hand(alive).await, 0);
    }

    async fn s_85_a_draft_that_is_called_off_was_never_anybody_elses_business(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let request = GetVenueRequest { venue_id: stage.venue_id.clone() };
        let venue = organizer.get_venue(request).await.expect("a venue").venue.expect("one");
        let event = Some(event_draft(&venue, "A secret"));
        let request = CreateEventRequest { request_id: request_id(), event };
        let draft = organizer.create_event(request).await.expect("a draft").event.expect("one");
        call_off(&organizer, &draft.event_id).await;
        for person in [world.anonymous().await, world.guest().await, world.organizer().await] {
            assert_hidden(&person, &draft.event_id).await;
        }
        for person in [&organizer, &world.admin().await] {
            assert_eq!(event_state(person, &draft.event_id).await, event::State::Cancelled);
        }
        // What everybody could see once is told to everybody.
        unpublish(&organizer, &stage.event_id).await;
        assert_hidden(&world.guest().await, &stage.event_id).await;
        call_off(&organizer, &stage.event_id).await;
        let told = event_state(&world.anonymous().await, &stage.event_id).await;
        assert_eq!(told, event::State::Cancelled);
    }

    async fn s_88_an_event_that_cannot_be_ended_holds_up_no_other(world: &World) {
        let organizer = world.organizer().await;
        let first = Stage::publish(&organizer, &StagePlan::default()).await;
        let second = Stage::publish(&organizer, &StagePlan::default()).await;
        let buyer = world.guest().await;
        let mut bookings = Vec::new();
        for stage in [&first, &second] {
            let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
            bookings.push(buyer.book(&hold).await.expect("the hold is good"));
        }
        // The first is the first in every round, and nobody can make sense of its booking.
        let set = |currency: &str| format!(
            "update booking_booking set currency_code = '{currency}' where event_id in
            (select event_id from booking_event order by event_id limit 1)"
        );
        assert_eq!(world.database.by_hand(&set("nonsense")).await, 1);
        call_off(&organizer, &first.event_id).await;
        call_off(&organizer, &second.event_id).await;
        buyer.wait_for(&bookings[1], booking::State::Cancelled).await;
        assert_eq!(world.database.by_hand(&set("EUR")).await, 1);
        buyer.wait_for(&bookings[0], booking::State::Cancelled).await;
    }
}
