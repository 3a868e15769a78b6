//! The table of offers.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::catalog::domain::event::Event;
use crate::catalog::domain::offer::{Offer, Sold};
use crate::error::Result;
use crate::kernel::id::{EventId, SectionId, VenueId};
use crate::store::{Tx, bulk_rows, bulk_write, column, sql};

impl Tx {
    /// Inserts the offers of an event.
    pub(super) async fn insert_offers(&mut self, event: &Event) -> Result<()> {
        const SQL: &str = "insert into catalog_offer (offer_id, event_id, section_id, quantity,
            name, price_minor, position) ";
        let offers: Vec<_> = (0_i64..).zip(&event.offers).collect();
        bulk_write!(
            self,
            SQL,
            &offers,
            |b, row| {
                let quantity = match row.1.sold {
                    Sold::Seats(_) => None,
                    Sold::Admission(quantity) => Some(i64::from(quantity)),
                };
                b.push_bind(row.1.offer_id.uuid())
                    .push_bind(event.event_id.uuid())
                    .push_bind(row.1.section_id().map(SectionId::uuid))
                    .push_bind(quantity)
                    .push_bind(row.1.name.clone())
                    .push_bind(row.1.price_minor)
                    .push_bind(row.0)
            },
            ""
        );
        Ok(())
    }

    /// Reads the offers of events, in the order they were given.
    pub(super) async fn offers_of(
        &mut self,
        event_ids: &[Uuid],
    ) -> Result<BTreeMap<Uuid, Vec<Offer>>> {
        const SQL: &str = "select event_id, offer_id, section_id, quantity, name, price_minor
            from catalog_offer where event_id in (";
        type Row = (Uuid, Uuid, Option<Uuid>, Option<i64>, String, i64);
        let mut offers: BTreeMap<Uuid, Vec<Offer>> = BTreeMap::new();
        for (event_id, offer_id, section_id, quantity, name, price_minor) in bulk_rows!(
            self,
            SQL,
            event_ids,
            |b, id| b.push_bind(*id),
            ") order by event_id, position",
            as Row
        ) {
            let quantity = quantity.and_then(|quantity| u32::try_from(quantity).ok());
            let sold = match section_id {
                Some(section_id) => Sold::Seats(section_id.into()),
                None => Sold::Admission(column(quantity, "quantity")?),
            };
            let offer = Offer { offer_id: offer_id.into(), sold, name, price_minor };
            offers.entry(event_id).or_default().push(offer);
        }
        Ok(offers)
    }

    /// Every section of a venue that a draft sells, with one such draft each.
    pub(crate) async fn sections_of_drafts(
        &mut self,
        venue_id: VenueId,
    ) -> Result<BTreeMap<SectionId, EventId>> {
        const SQL: &str = "select distinct o.section_id, e.event_id
            from catalog_event e join catalog_offer o on o.event_id = e.event_id
            where e.venue_id = $1 and e.state = 'DRAFT' and o.section_id is not null";
        let rows: Vec<(Uuid, Uuid)> =
            sql!(self, fetch_all sqlx::query_as(SQL).bind(venue_id.uuid()))?;
        Ok(rows.into_iter().map(|(section, event)| (section.into(), event.into())).collect())
    }
}
