//! What waits for its turn while its event is called off.

use std::collections::BTreeSet;

use super::*;
use crate::kernel::id::SeatId;
use crate::kernel::seat_state::SeatState;

#[tokio::test]
async fn seats_of_an_event_that_was_called_off_meanwhile_are_left_as_they_are() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let venue = fixture.venue(&organizer, &venue_plan(1, 1, 3)).await?;
        let event_id = fixture.published(&organizer, &event_plan(&venue)).await?.event_id;
        let map = fixture.catalog.seat_map(None, event_id).await?;
        let seats: BTreeSet<SeatId> = map.seats.iter().map(|seat| seat.seat_id).collect();
        fixture.catalog.cancel_event(&organizer, &key(&organizer), event_id).await?;
        // As it comes to the lane from a request that saw the event on sale.
        let request = key(&organizer);
        let late = fixture.booking.block_seats(organizer, request, event_id, seats, true).await;
        assert_eq!(reason(late), Some(Reason::EventNotOnSale));
        let map = fixture.catalog.seat_map(None, event_id).await?;
        assert!(map.seats.iter().all(|seat| seat.state == SeatState::Available));
        fixture.database.discard().await?;
    }
    Ok(())
}
