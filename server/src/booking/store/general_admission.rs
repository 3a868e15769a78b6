//! The tables of general admission.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::booking::domain::board::Board;
use crate::booking::domain::inventory::GaOffer;
use crate::booking::domain::place::{GaCount, OfferKey};
use crate::error::Result;
use crate::kernel::id::EventId;
use crate::store::{Tx, bulk_rows, bulk_write, require_all, row, sql};

row! {
    struct GaRow {
        event_id: Uuid,
        offer_id: Uuid,
        name: String,
        price_minor: i64,
        position: i64,
        quantity: i64,
        held: i64,
        claimed: i64,
        sold: i64,
        blocked: i64,
        version: i64,
    }
}

fn ga_count(row: GaRow) -> (OfferKey, GaCount) {
    let offer = GaOffer {
        offer_id: row.offer_id.into(),
        name: row.name,
        price_minor: row.price_minor,
        quantity: row.quantity,
        position: row.position,
    };
    let count = GaCount {
        offer,
        held: row.held,
        claimed: row.claimed,
        sold: row.sold,
        blocked: row.blocked,
        version: row.version,
        stored_version: row.version,
    };
    ((row.event_id.into(), row.offer_id.into()), count)
}

impl Tx {
    /// Those of the GA offers that exist, with their counts.
    pub(super) async fn ga_counts(
        &mut self,
        keys: &BTreeSet<OfferKey>,
    ) -> Result<BTreeMap<OfferKey, GaCount>> {
        const HEAD: &str = "select event_id, offer_id, name, price_minor, position, quantity, held,
                claimed, sold, blocked, version
            from booking_ga_offer where (event_id, offer_id) in (";
        let keys: Vec<OfferKey> = keys.iter().copied().collect();
        let rows = bulk_rows!(
            self,
            HEAD,
            &keys,
            |b, key| b.push_bind(key.0.uuid()).push_bind(key.1.uuid()),
            ")",
            as GaRow
        );
        Ok(rows.into_iter().map(ga_count).collect())
    }

    /// Every GA offer of an event, in order.
    pub(crate) async fn ga_counts_of(&mut self, event_id: EventId) -> Result<Vec<GaCount>> {
        const SQL: &str = "select event_id, offer_id, name, price_minor, position, quantity, held,
                claimed, sold, blocked, version
            from booking_ga_offer where event_id = $1 order by position, offer_id";
        let rows: Vec<GaRow> = sql!(self, fetch_all sqlx::query_as(SQL).bind(event_id.uuid()))?;
        Ok(rows.into_iter().map(|row| ga_count(row).1).collect())
    }

    pub(super) async fn insert_ga_offers(
        &mut self,
        event_id: EventId,
        offers: &[GaOffer],
    ) -> Result<()> {
        const HEAD: &str = "insert into booking_ga_offer (event_id, offer_id, name, price_minor,
            position, quantity, held, claimed, sold, blocked, version) ";
        bulk_write!(
            self,
            HEAD,
            offers,
            |b, offer| b
                .push_bind(event_id.uuid())
                .push_bind(offer.offer_id.uuid())
                .push_bind(offer.name.clone())
                .push_bind(offer.price_minor)
                .push_bind(offer.position)
                .push_bind(offer.quantity)
                .push_bind(0_i64)
                .push_bind(0_i64)
                .push_bind(0_i64)
                .push_bind(0_i64)
                .push_bind(1_i64),
            ""
        );
        Ok(())
    }

    pub(super) async fn save_ga_counts(&mut self, board: &Board) -> Result<()> {
        const HEAD: &str = "update booking_ga_offer set held = v.column3, claimed = v.column4,
            sold = v.column5, blocked = v.column6, version = v.column7 from (";
        const TAIL: &str = ") as v where booking_ga_offer.event_id = v.column1
            and booking_ga_offer.offer_id = v.column2 and booking_ga_offer.version = v.column8";
        let changed: Vec<(&OfferKey, &GaCount)> = board
            .offers
            .iter()
            .filter(|(_, offer)| offer.version != offer.stored_version)
            .collect();
        let written = bulk_write!(
            self,
            HEAD,
            &changed,
            |b, row| b
                .push_bind(row.0.0.uuid())
                .push_bind(row.0.1.uuid())
                .push_bind(row.1.held)
                .push_bind(row.1.claimed)
                .push_bind(row.1.sold)
                .push_bind(row.1.blocked)
                .push_bind(row.1.version)
                .push_bind(row.1.stored_version),
            TAIL
        );
        require_all(written, changed.len())
    }
}
