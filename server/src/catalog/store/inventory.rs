//! What an event puts on sale, as booking takes it over.

use uuid::Uuid;

use crate::booking::domain::inventory::{EventTerms, GaOffer, Inventory, NewSeat, SeatOffer};
use crate::catalog::domain::event::Event;
use crate::catalog::domain::offer::{Offer, Sold};
use crate::error::Result;
use crate::store::{Tx, sql};

impl Tx {
    /// Reads the whole inventory of an event: its offers and their seats, in the venue's order, and
    /// what is blocked of them.
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
        let ga_offers = ga_offers(&event.offers, seats.len());
        let blocked = self.blocked_seats(event.event_id).await?;
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
                cancel_until: event.terms.cancel_until,
            },
            offers: offers.collect(),
            seats: seats.collect(),
            ga_offers,
            blocked: blocked.into_iter().collect(),
        })
    }
}

/// The offers of general admission, in their order, after the seats.
fn ga_offers(offers: &[Offer], seat_count: usize) -> Vec<GaOffer> {
    let ga_offers = offers.iter().filter_map(|offer| match offer.sold {
        Sold::Seats(_) => None,
        Sold::Admission(quantity) => Some((offer, quantity)),
    });
    let positions = i64::try_from(seat_count).unwrap_or(i64::MAX)..;
    let ga_offers = positions.zip(ga_offers).map(|(position, (offer, quantity))| GaOffer {
        offer_id: offer.offer_id,
        name: offer.name.clone(),
        price_minor: offer.price_minor,
        quantity: quantity.into(),
        position,
    });
    ga_offers.collect()
}
