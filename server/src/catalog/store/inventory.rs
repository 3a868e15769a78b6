//! What an event puts on sale, as booking takes it over.

use uuid::Uuid;

use crate::booking::domain::inventory::{EventTerms, Inventory, NewSeat, SeatOffer};
use crate::catalog::domain::event::Event;
use crate::error::Result;
use crate::store::{Tx, sql};

impl Tx {
    /// Reads the whole inventory of an event: its offers and their seats, in the venue's order.
    pub(crate) async fn inventory_to_open(&mut self, event: &Event) -> Result<Inventory> {
        const OFFERS: &str = "select o.offer_id, o.section_id, s.name, o.name, o.price_minor
            from catalog_offer o join catalog_section s on s.section_id = o.section_id
            where o.event_id = $1 order by s.position";
        const SEATS: &str = "select s.seat_id, o.offer_id, s.row_label, s.seat_label
            from catalog_seat s join catalog_offer o on o.section_id = s.section_id
            where s.venue_id = $1 and o.event_id = $2 order by s.position";
        type OfferRow = (Uuid, Uuid, String, String, i64);
        type SeatRow = (Uuid, Uuid, String, String);
        let event_id = event.event_id.uuid();
        let offers: Vec<OfferRow> = sql!(self, fetch_all sqlx::query_as(OFFERS).bind(event_id))?;
        let seats: Vec<SeatRow> = sql!(self, fetch_all sqlx::query_as(SEATS)
            .bind(event.venue_id.uuid())
            .bind(event_id))?;
        let offers =
            offers.into_iter().map(|(offer_id, section_id, section_name, name, price)| SeatOffer {
                offer_id: offer_id.into(),
                section_id: section_id.into(),
                section_name,
                name,
                price_minor: price,
            });
        let seats = seats.into_iter().map(|(seat_id, offer_id, row_label, seat_label)| NewSeat {
            seat_id: seat_id.into(),
            offer_id: offer_id.into(),
            row_label,
            seat_label,
        });
        Ok(Inventory {
            terms: EventTerms {
                event_id: event.event_id,
                organizer_id: event.organizer_id,
                on_sale: true,
                start_time: event.start_time,
                currency: event.terms.currency,
                hold_ttl: event.terms.hold_ttl,
                hold_life_max: event.terms.hold_life_max,
                places_per_buyer_max: event.terms.places_per_buyer_max,
            },
            offers: offers.collect(),
            seats: seats.collect(),
        })
    }
}
