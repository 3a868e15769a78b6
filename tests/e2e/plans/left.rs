//! What is left, as reads tell it.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{HoldSeatsRequest, OfferQuantity, SeatState};
use boxoffice_sdk::catalog::v1::{
    EventAvailability, GetAvailabilityRequest, OfferAvailability, OfferDraft,
};
use boxoffice_sdk::{Client, ErrorReason};
use boxoffice_tests::{StagePlan, World, request_id, scenarios};

use super::*;
use crate::catalog::event_draft;
use crate::watcher::Watcher;

async fn left(client: &Client, event_ids: &[&str]) -> Vec<EventAvailability> {
    let event_ids = event_ids.iter().map(ToString::to_string).collect();
    let request = GetAvailabilityRequest { event_ids };
    client.get_availability(request).await.expect("it is public").events
}

/// Available, held, claimed, sold, blocked.
fn counts(offer: &OfferAvailability) -> [i64; 5] {
    let counts = [
        offer.available_count,
        offer.held_count,
        offer.claimed_count,
        offer.sold_count,
        offer.blocked_count,
    ];
    assert_eq!(offer.total_count, counts.iter().sum::<i64>());
    counts
}

scenarios! {
    async fn s_16_no_read_is_behind_what_the_stream_has_told(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (event_id, client) = (stage.event_id.as_str(), world.anonymous().await);
        let mut watcher = Watcher::begin(&client, event_id).await;
        let (one, other) = (world.guest().await, world.guest().await);
        // A hold that is over, and the seat sold to somebody else.
        one.hold(event_id, &[stage.seat(0)]).await.expect("it is free");
        world.clock.advance(Duration::from_secs(11 * 60));
        stage.wait_for(&other, stage.seat(0), SeatState::Available).await;
        let buying = async {
            other.buy(event_id, &[stage.seat(0)]).await;
            one.hold(event_id, &[stage.seat(1), stage.seat(2)]).await.expect("they are free");
        };
        let watching = async {
            // Held, over, held, claimed, sold, and two more held.
            for _ in 0..6 {
                let told = watcher.next().await;
                let revision = told.cursor.expect("a cursor").revision;
                let event = left(&client, &[event_id]).await.remove(0);
                assert!(event.cursor.expect("a cursor").revision >= revision);
                let request = GetSeatMapRequest { event_id: event_id.into() };
                let map = client.get_seat_map(request).await.expect("a map");
                assert!(map.cursor.expect("a cursor").revision >= revision);
                if map.cursor == told.cursor {
                    let rows = map.sections.iter().flat_map(|section| &section.rows);
                    for seat in rows.flat_map(|row| &row.seats) {
                        assert_eq!(watcher.view.state(&seat.seat_id), Some(seat.state()));
                    }
                }
                let all = [SeatState::Available, SeatState::Held, SeatState::Claimed,
                    SeatState::Sold, SeatState::Blocked];
                if event.cursor == told.cursor {
                    let seen = all.map(|state| watcher.view.count(state) as i64);
                    assert_eq!(counts(&event.offers[0]), seen);
                }
            }
        };
        tokio::join!(buying, watching);
        let event = left(&client, &[event_id]).await.remove(0);
        assert_eq!(counts(&event.offers[0]), [7, 2, 0, 1, 0]);
        // The first hold's end is told once and never again.
        let states = stage.states(&other).await;
        assert_eq!(states[stage.seat(0)], SeatState::Sold);
        let release = watcher.view.cursor();
        assert_eq!(release, event.cursor, "nothing came after");
    }

    async fn s_27_availability_counts_every_place_of_many_events_at_once(world: &World) {
        let organizer = world.organizer().await;
        let hall = build(&organizer, vec![section("Stalls", &[("A", 5)])]).await;
        let mut plan = event_draft(&hall, "Faust");
        plan.offers.push(OfferDraft {
            name: "Standing".into(),
            price_minor_units: 0,
            quantity: 40,
            ..Default::default()
        });
        let mixed = draft(&organizer, plan).await;
        publish(&organizer, &mixed.event_id).await.expect("it is published");
        let seats: Vec<&str> =
            hall.sections[0].rows[0].seats.iter().map(|seat| seat.seat_id.as_str()).collect();
        let standing = mixed.offers[1].offer_id.as_str();
        let buyer = world.guest().await;
        let hold = |seat: &str, quantity: i32| HoldSeatsRequest {
            request_id: request_id(),
            event_id: mixed.event_id.clone(),
            seat_ids: vec![seat.into()],
            general_admission: vec![OfferQuantity { offer_id: standing.into(), quantity }],
        };
        let held = buyer.hold_seats(hold(seats[0], 3)).await.expect("they are free").hold;
        buyer.book(&held.expect("a hold")).await.expect("the hold is good");
        buyer.hold_seats(hold(seats[1], 2)).await.expect("they are free");
        buyer.buy(&mixed.event_id, &[seats[2]]).await;
        let request = boxoffice_sdk::catalog::v1::BlockSeatsRequest {
            request_id: request_id(),
            event_id: mixed.event_id.clone(),
            seat_ids: vec![seats[3].into()],
        };
        organizer.block_seats(request).await.expect("it is free");
        let plain = draft(&organizer, event_draft(&hall, "Plain")).await.event_id;
        publish(&organizer, &plain).await.expect("it is published");
        let hidden = draft(&organizer, event_draft(&hall, "Hidden")).await.event_id;
        let never = format!("evt_{}", "0".repeat(32));
        let (client, mixed) = (world.anonymous().await, mixed.event_id.as_str());
        let wanted = [plain.as_str(), &hidden, mixed, &never, &plain];
        let events = left(&client, &wanted).await;
        let ids: Vec<&str> = events.iter().map(|event| event.event_id.as_str()).collect();
        assert_eq!(ids, [plain.as_str(), mixed], "in the order asked for, each once");
        assert_eq!(counts(&events[0].offers[0]), [5, 0, 0, 0, 0]);
        assert_eq!(events[1].offers[1].name, "Standing");
        assert_eq!(counts(&events[1].offers[0]), [1, 1, 1, 1, 1]);
        assert_eq!(counts(&events[1].offers[1]), [35, 2, 3, 0, 0]);
        for event_ids in [vec![], vec![plain.clone(); 51], vec!["nonsense".into()]] {
            let request = GetAvailabilityRequest { event_ids };
            let error = client.get_availability(request).await.expect_err("no such request");
            assert_eq!(error.reason(), ErrorReason::InvalidFields);
            assert!(error.violations()[0].field.starts_with("event_ids"));
        }
    }
}
