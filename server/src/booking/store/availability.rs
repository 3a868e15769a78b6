//! Counting what is left.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::booking::domain::availability::{Availability, OfferAvailability};
use crate::booking::domain::inventory::FeedCursor;
use crate::error::Result;
use crate::kernel::id::EventId;
use crate::kernel::seat_state::SeatState;
use crate::store::{Tx, bulk_rows, column};

impl Tx {
    /// How much of these events is left; those that were never on sale are missing.
    pub(crate) async fn availability(
        &mut self,
        event_ids: &[EventId],
    ) -> Result<BTreeMap<EventId, Availability>> {
        const CURSORS: &str = "select event_id, epoch, revision from booking_feed
            where event_id in (";
        const OFFERS: &str = "select event_id, offer_id, name from booking_offer
            where event_id in (";
        // By itself, so that one pass over an index is all it takes.
        const SEATS: &str = "select event_id, offer_id, state, count(*) from booking_seat
            where event_id in (";
        type SeatRow = (Uuid, Uuid, String, i64);
        let cursors = bulk_rows!(
            self,
            CURSORS,
            event_ids,
            |b, id| b.push_bind(id.uuid()),
            ")",
            as (Uuid, i64, i64)
        );
        let mut events: BTreeMap<EventId, Availability> = cursors
            .into_iter()
            .map(|(event_id, epoch, revision)| {
                let cursor = FeedCursor { epoch, revision };
                (event_id.into(), Availability { cursor, offers: Vec::new() })
            })
            .collect();
        let mut counts: BTreeMap<(Uuid, Uuid), Vec<(SeatState, i64)>> = BTreeMap::new();
        for (event_id, offer_id, state, count) in bulk_rows!(
            self,
            SEATS,
            event_ids,
            |b, id| b.push_bind(id.uuid()),
            ") group by event_id, offer_id, state",
            as SeatRow
        ) {
            let state = column(SeatState::parse(&state), "state")?;
            counts.entry((event_id, offer_id)).or_default().push((state, count));
        }
        for (event_id, offer_id, name) in bulk_rows!(
            self,
            OFFERS,
            event_ids,
            |b, id| b.push_bind(id.uuid()),
            ") order by event_id, position, offer_id",
            as (Uuid, Uuid, String)
        ) {
            let Some(event) = events.get_mut(&event_id.into()) else { continue };
            let mut offer = OfferAvailability::new(offer_id.into(), name);
            for (state, count) in counts.remove(&(event_id, offer_id)).unwrap_or_default() {
                offer.add(state, count);
            }
            event.offers.push(offer);
        }
        self.add_general_admission(event_ids, &mut events).await?;
        Ok(events)
    }

    /// Adds the offers of general admission, which come after those of seats.
    async fn add_general_admission(
        &mut self,
        event_ids: &[EventId],
        events: &mut BTreeMap<EventId, Availability>,
    ) -> Result<()> {
        const HEAD: &str = "select event_id, offer_id, name, quantity, held, claimed, sold, blocked
            from booking_ga_offer where event_id in (";
        type Row = (Uuid, Uuid, String, i64, i64, i64, i64, i64);
        for (event_id, offer_id, name, quantity, held, claimed, sold, blocked) in bulk_rows!(
            self,
            HEAD,
            event_ids,
            |b, id| b.push_bind(id.uuid()),
            ") order by event_id, position, offer_id",
            as Row
        ) {
            let Some(event) = events.get_mut(&event_id.into()) else { continue };
            let offer_id = offer_id.into();
            let available = quantity - held - claimed - sold - blocked;
            let offer =
                OfferAvailability { offer_id, name, available, held, claimed, sold, blocked };
            event.offers.push(offer);
        }
        Ok(())
    }
}
