//! Putting events on sale, taking them off it, and calling them off.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{ReleaseHoldRequest, SeatState};
use boxoffice_sdk::catalog::v1::{
    BlockSeatsRequest, CancelEventRequest, EventDraft, GetEventRequest, GetSeatMapRequest,
    ListEventsRequest, OfferDraft, UnblockSeatsRequest, UnpublishEventRequest, event,
};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{World, request_id, scenarios};

use super::*;
use crate::catalog::event_draft;

async fn unpublish(person: &Person, event_id: &str) -> Result<Event, Error> {
    let request = UnpublishEventRequest { request_id: request_id(), event_id: event_id.into() };
    Ok(person.unpublish_event(request).await?.event.expect("one"))
}

async fn call_off(person: &Person, event_id: &str) -> Result<Event, Error> {
    let request = CancelEventRequest { request_id: request_id(), event_id: event_id.into() };
    Ok(person.cancel_event(request).await?.event.expect("one"))
}

/// Takes seats off sale; answers with all that are.
async fn block(person: &Person, event_id: &str, seats: &[&str]) -> Result<Vec<String>, Error> {
    let request = BlockSeatsRequest {
        request_id: request_id(),
        event_id: event_id.into(),
        seat_ids: seats.iter().map(ToString::to_string).collect(),
    };
    Ok(person.block_seats(request).await?.blocked_seat_ids)
}

/// Puts seats on sale again; answers with all that still are not.
async fn unblock(person: &Person, event_id: &str, seats: &[&str]) -> Result<Vec<String>, Error> {
    let request = UnblockSeatsRequest {
        request_id: request_id(),
        event_id: event_id.into(),
        seat_ids: seats.iter().map(ToString::to_string).collect(),
    };
    Ok(person.unblock_seats(request).await?.blocked_seat_ids)
}

/// The seats of an event's map in that state, in the venue's order.
async fn in_state(person: &Person, event_id: &str, state: SeatState) -> Vec<String> {
    let request = GetSeatMapRequest { event_id: event_id.into() };
    let map = person.get_seat_map(request).await.expect("a map");
    let rows = map.sections.iter().flat_map(|section| &section.rows);
    let seats = rows.flat_map(|row| &row.seats).filter(|seat| seat.state() == state);
    seats.map(|seat| seat.seat_id.clone()).collect()
}

scenarios! {
    async fn s_85_a_sale_ends_only_while_nothing_is_sold_and_begins_again_at_other_prices(
        world: &World
    ) {
        let organizer = world.organizer().await;
        let venue = build(&organizer, vec![section("Stalls", &[("A", 3)])]).await;
        let draft = draft(&organizer, soon(&venue)).await;
        let event_id = draft.event_id.as_str();
        publish(&organizer, event_id).await.expect("it is published");
        let seat = venue.sections[0].rows[0].seats[0].seat_id.as_str();
        let buyer = world.guest().await;
        let hold = buyer.hold(event_id, &[seat]).await.expect("it is free");
        precondition(unpublish(&organizer, event_id).await, ErrorReason::EventHasSales);
        let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id };
        buyer.release_hold(request).await.expect("it is released");
        let event = unpublish(&organizer, event_id).await.expect("nothing is sold");
        assert_eq!(event.state(), event::State::Draft);
        let again = unpublish(&organizer, event_id).await.expect("it is a draft");
        assert_eq!(again, event);
        // It is hidden, sells nothing, and its price may change.
        let request = GetEventRequest { event_id: event_id.into() };
        let hidden = buyer.get_event(request).await;
        refused(hidden, Code::NotFound, ErrorReason::NotFound);
        let gone = buyer.hold(event_id, &[seat]).await.expect_err("it is not on sale");
        assert_eq!(gone.code(), Code::FailedPrecondition, "{gone:?}");
        let mut plan = soon(&venue);
        plan.offers[0].price_minor_units = 9_900;
        change(&organizer, &event, &["offers"], plan).await.expect("a draft");
        publish(&organizer, event_id).await.expect("it is published again");
        let sold = on_sale(&organizer, event_id).await;
        assert!(sold.len() == 3 && sold.iter().all(|seat| seat.4 == 9_900));
        let booking = buyer.buy(event_id, &[seat]).await;
        assert_eq!(booking.total.expect("a total").minor_units, 9_900);
        precondition(unpublish(&organizer, event_id).await, ErrorReason::EventHasSales);
        // A date that has passed does not come again.
        let late = super::draft(&organizer, soon(&venue)).await;
        publish(&organizer, &late.event_id).await.expect("it is published");
        world.clock.advance(Duration::from_secs(50 * 60 * 60));
        organizer.refresh().await.expect("a new token");
        unpublish(&organizer, &late.event_id).await.expect("it has begun, unsold");
        let outcome = publish(&organizer, &late.event_id).await;
        refused(outcome, Code::InvalidArgument, ErrorReason::EventTimesInvalid);
        world.clock.advance(Duration::from_secs(50 * 60 * 60));
        organizer.refresh().await.expect("a new token");
        let over = unpublish(&organizer, event_id).await;
        let over = precondition(over, ErrorReason::EventNotOnSale);
        assert_eq!(over.metadata()["state"], "ENDED");
    }

    async fn s_85_what_was_called_off_sells_nothing_and_never_comes_back(world: &World) {
        let organizer = world.organizer().await;
        let venue = build(&organizer, vec![section("Stalls", &[("A", 3)])]).await;
        let event = draft(&organizer, event_draft(&venue, "Faust")).await;
        let event_id = event.event_id.as_str();
        publish(&organizer, event_id).await.expect("it is published");
        let off = call_off(&organizer, event_id).await.expect("it is called off");
        assert_eq!(off.state(), event::State::Cancelled);
        assert_eq!(call_off(&organizer, event_id).await.expect("no error"), off);
        let buyer = world.guest().await;
        let request = GetEventRequest { event_id: event_id.into() };
        let told = buyer.get_event(request).await.expect("everybody is told").event;
        assert_eq!(told.expect("one").state(), event::State::Cancelled);
        let listed = buyer.list_events(ListEventsRequest::default()).await.expect("a list");
        assert!(listed.events.is_empty());
        let seat = venue.sections[0].rows[0].seats[0].seat_id.as_str();
        precondition(buyer.hold(event_id, &[seat]).await, ErrorReason::EventNotOnSale);
        let words = EventDraft { title: "Faust II".into(), ..Default::default() };
        let outcome = change(&organizer, &off, &["title"], words).await;
        precondition(outcome, ErrorReason::EventCancelled);
        precondition(publish(&organizer, event_id).await, ErrorReason::EventNotDraft);
        precondition(unpublish(&organizer, event_id).await, ErrorReason::EventCancelled);
        precondition(block(&organizer, event_id, &[seat]).await, ErrorReason::EventCancelled);
        // A draft is called off too, and the venue is free to change.
        let never = draft(&organizer, event_draft(&venue, "Never")).await;
        call_off(&organizer, &never.event_id).await.expect("a draft");
        let sections = vec![section("Parterre", &[("A", 1)])];
        remake(&organizer, &venue, sections).await.expect("nothing is on or to come");
    }

    async fn s_86_a_blocked_row_is_blocked_on_sale_off_sale_and_on_sale_again(world: &World) {
        let organizer = world.organizer().await;
        let stalls = section("Stalls", &[("A", 3), ("B", 3)]);
        let venue = build(&organizer, vec![stalls, section("Closed", &[("A", 1)])]).await;
        let mut plan = event_draft(&venue, "Faust");
        plan.offers.truncate(1);
        let event = draft(&organizer, plan).await;
        let event_id = event.event_id.as_str();
        let rows = &venue.sections[0].rows;
        let row: Vec<&str> = rows[0].seats.iter().map(|seat| seat.seat_id.as_str()).collect();
        let free = rows[1].seats[0].seat_id.as_str();
        assert_eq!(block(&organizer, event_id, &row).await.expect("a draft"), row);
        assert_eq!(block(&organizer, event_id, &row[..1]).await.expect("it is already"), row);
        assert_eq!(unblock(&organizer, event_id, &row[2..]).await.expect("a draft"), row[..2]);
        let closed = venue.sections[1].rows[0].seats[0].seat_id.as_str();
        let unknown = block(&organizer, event_id, &[free, closed]).await;
        let unknown = refused(unknown, Code::InvalidArgument, ErrorReason::SeatUnknown);
        assert_eq!(unknown.metadata()["seat_id"], closed);
        publish(&organizer, event_id).await.expect("it is published");
        assert_eq!(in_state(&organizer, event_id, SeatState::Blocked).await, row[..2]);
        let buyer = world.guest().await;
        let taken = buyer.hold(event_id, &[row[1], free]).await;
        let taken = refused(taken, Code::Aborted, ErrorReason::SeatsTaken);
        assert_eq!(taken.conflicts()[0].state(), SeatState::Blocked);
        // On sale, only what nobody has is blocked, all of it or nothing.
        let hold = buyer.hold(event_id, &[free]).await.expect("it is free");
        let taken = block(&organizer, event_id, &[row[2], free]).await;
        let taken = refused(taken, Code::Aborted, ErrorReason::SeatsTaken);
        assert_eq!(taken.conflicts().len(), 1);
        assert_eq!(taken.conflicts()[0].seat_id, free);
        let others = [world.organizer().await, world.organizer().await];
        let foreign = block(&others[0], event_id, &row).await;
        refused(foreign, Code::NotFound, ErrorReason::NotFound);
        assert_eq!(in_state(&organizer, event_id, SeatState::Blocked).await, row[..2]);
        assert_eq!(block(&organizer, event_id, &row).await.expect("they are free"), row);
        assert_eq!(unblock(&organizer, event_id, &row[..1]).await.expect("blocked"), row[1..]);
        let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id };
        buyer.release_hold(request).await.expect("it is released");
        unpublish(&organizer, event_id).await.expect("nothing is sold");
        assert_eq!(unblock(&organizer, event_id, &[free]).await.expect("a draft"), row[1..]);
        publish(&organizer, event_id).await.expect("it is published again");
        assert_eq!(in_state(&organizer, event_id, SeatState::Blocked).await, row[1..]);
    }

    async fn s_63_organizers_sell_only_what_is_theirs(world: &World) {
        let (owner, other) = (world.organizer().await, world.organizer().await);
        let venue = build(&owner, vec![section("Stalls", &[("A", 3)])]).await;
        let seat = venue.sections[0].rows[0].seats[0].seat_id.as_str();
        let mine = draft(&owner, event_draft(&venue, "Mine")).await.event_id;
        let never = format!("evt_{}", "0".repeat(32));
        for published in [false, true] {
            if published {
                publish(&owner, &mine).await.expect("it is published");
            }
            for event_id in [&mine, &never] {
                let absent = |error| refused(error, Code::NotFound, ErrorReason::NotFound);
                let blocked = [
                    block(&other, event_id, &[seat]).await,
                    unblock(&other, event_id, &[seat]).await,
                ];
                let changed =
                    [unpublish(&other, event_id).await, call_off(&other, event_id).await];
                let metadata = blocked.map(|outcome| absent(outcome.map(drop)).metadata().clone());
                let others = changed.map(|outcome| absent(outcome.map(drop)).metadata().clone());
                assert!(metadata.iter().chain(&others).all(|facts| facts["resource"] == "event"));
            }
        }
        let admin = world.admin().await;
        block(&admin, &mine, &[seat]).await.expect("an admin may");
        unpublish(&admin, &mine).await.expect("an admin may");
    }

    async fn general_admission_is_sold_alone_and_beside_seats(world: &World) {
        let organizer = world.organizer().await;
        let club = build(&organizer, Vec::new()).await;
        let hall = build(&organizer, vec![section("Stalls", &[("A", 3)])]).await;
        let standing = OfferDraft {
            name: "Standing".into(),
            price_minor_units: 1_800,
            quantity: 40,
            ..Default::default()
        };
        for venue in [&club, &hall] {
            let mut plan = event_draft(venue, "Rave");
            plan.offers.push(standing.clone());
            let event = draft(&organizer, plan).await;
            let event = publish(&organizer, &event.event_id).await.expect("it is published");
            let request = GetSeatMapRequest { event_id: event.event_id.clone() };
            let map = organizer.get_seat_map(request).await.expect("a map");
            assert_eq!(map.offers, event.offers);
            let offer = event.offers.last().expect("an offer");
            let left = &map.offer_statuses;
            assert_eq!((&left[0].offer_id, left[0].available_count), (&offer.offer_id, 40));
        }
    }
}
