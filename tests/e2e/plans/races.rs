//! Putting on sale what somebody else is changing at the same time.

use std::collections::BTreeSet;
use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::SeatState;
use boxoffice_sdk::catalog::v1::{BlockSeatsRequest, GetEventRequest, GetSeatMapRequest, event};
use boxoffice_tests::{World, request_id, scenarios};

use super::*;
use crate::catalog::event_draft;

/// How often the two meet in a test, a little later each time.
const ROUNDS: u32 = 12;

/// Lets two go at once, the second a little later each round.
async fn at_once<A, B>(
    round: u32,
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> (A, B) {
    let second = async {
        // It chooses the moment of the second.
        tokio::time::sleep(Duration::from_micros(700) * round).await;
        second.await
    };
    tokio::join!(first, second)
}

scenarios! {
    async fn s_86_an_event_is_published_with_the_seats_before_or_after_a_change_of_its_venue(
        world: &World
    ) {
        let organizer = world.organizer().await;
        for round in 0..ROUNDS {
            let before = section("Stalls", &[("A", 3), ("B", 3)]);
            let venue = build(&organizer, vec![before]).await;
            let event = draft(&organizer, event_draft(&venue, "Faust")).await;
            let mut after = section("Stalls", &[("A", 3), ("B", 5)]);
            after.section_id = venue.sections[0].section_id.clone();
            let (changed, published) = at_once(
                round,
                remake(&organizer, &venue, vec![after]),
                publish(&organizer, &event.event_id),
            )
            .await;
            published.expect("a draft of a venue that sells nothing else");
            let expected = if changed.is_ok() { 8 } else { 6 };
            if expected == 6 {
                precondition(changed, ErrorReason::VenueOnSale);
            }
            // Whoever was first, what is on sale is the venue as it stands.
            let sold = on_sale(&organizer, &event.event_id).await;
            assert_eq!(sold.len(), expected, "round {round}");
            let venue = read(&organizer, &venue.venue_id).await;
            let of_venue: BTreeSet<String> = seats(&venue).into_values().collect();
            let on_sale = sold.into_iter().map(|seat| seat.0).collect();
            assert_eq!(of_venue, on_sale, "round {round}");
        }
    }

    async fn s_86_seats_that_are_blocked_while_an_event_is_published_are_off_sale(world: &World) {
        let organizer = world.organizer().await;
        let venue = build(&organizer, vec![section("Stalls", &[("A", 5)])]).await;
        let row: Vec<String> =
            venue.sections[0].rows[0].seats.iter().map(|seat| seat.seat_id.clone()).collect();
        for round in 0..2 * ROUNDS {
            let event_id = draft(&organizer, event_draft(&venue, "Faust")).await.event_id;
            let request = BlockSeatsRequest {
                request_id: request_id(),
                event_id: event_id.clone(),
                seat_ids: row[..2].to_vec(),
            };
            let publishing = publish(&organizer, &event_id);
            let blocking = organizer.block_seats(request);
            let (published, blocked) = if round % 2 == 0 {
                at_once(round / 2, publishing, blocking).await
            } else {
                let (blocked, published) = at_once(round / 2, blocking, publishing).await;
                (published, blocked)
            };
            published.expect("a draft");
            assert_eq!(blocked.expect("nobody has them").blocked_seat_ids, row[..2]);
            let request = GetEventRequest { event_id: event_id.clone() };
            let now = organizer.get_event(request).await.expect("it is there").event.expect("one");
            assert_eq!(now.state(), event::State::Published);
            let buyer = world.guest().await;
            let taken = buyer.hold(&event_id, &[row[0].as_str(), row[4].as_str()]).await;
            let taken = refused(taken, Code::Aborted, ErrorReason::SeatsTaken);
            assert_eq!(taken.conflicts().len(), 1, "round {round}");
            let request = GetSeatMapRequest { event_id };
            let map = organizer.get_seat_map(request).await.expect("a map");
            let seats = map.sections.iter().flat_map(|s| &s.rows).flat_map(|row| &row.seats);
            let off = seats.filter(|seat| seat.state() == SeatState::Blocked).count();
            assert_eq!(off, 2, "round {round}");
        }
    }
}
