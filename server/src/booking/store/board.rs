//! Loading what a group of commands touches, and writing what they changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use crate::booking::domain::board::Board;
use crate::booking::domain::place::{OfferKey, Place, PlaceSet, Seat, SeatKey};
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{EventId, HoldId};
use crate::kernel::money::Currency;
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::{Timestamp, span_of_micros};
use crate::store::{Tx, bulk_rows, bulk_write, column, require_all, row};

use crate::booking::domain::inventory::EventTerms;

/// What a group of commands needs on its board.
#[derive(Debug, Default)]
pub(crate) struct BoardWanted {
    /// Events whose terms are needed.
    pub events: BTreeSet<EventId>,
    /// Seats.
    pub seats: BTreeSet<SeatKey>,
    /// GA offers. Holds of their events whose time is over come too, so that nobody is refused
    /// for the sake of those.
    pub offers: BTreeSet<OfferKey>,
    /// Holds, with their places.
    pub holds: BTreeSet<HoldId>,
    /// Buyers whose places are counted; their active holds come too, so that those whose time is
    /// over do not count.
    pub buyers: BTreeSet<(EventId, SessionId)>,
}

impl BoardWanted {
    /// Wants places of an event.
    pub fn want(&mut self, event_id: EventId, places: &PlaceSet) {
        self.seats.extend(places.seats.iter().map(|seat_id| (event_id, *seat_id)));
        self.offers.extend(places.quantities.keys().map(|offer_id| (event_id, *offer_id)));
    }
}

row! {
    struct SeatRow {
        event_id: Uuid,
        seat_id: Uuid,
        offer_id: Uuid,
        offer_name: String,
        section_name: String,
        row_label: String,
        seat_label: String,
        price_minor: i64,
        position: i64,
        state: String,
        session_id: Option<String>,
        hold_id: Option<Uuid>,
        booking_id: Option<Uuid>,
        version: i64,
    }
}

row! {
    struct TermsRow {
        event_id: Uuid,
        organizer_id: Uuid,
        on_sale: bool,
        start_time: i64,
        currency_code: String,
        hold_ttl_micros: i64,
        hold_life_max_micros: i64,
        places_per_buyer_max: i64,
        cancel_until_micros: i64,
    }
}

fn span(micros: i64, name: &'static str) -> Result<Duration> {
    column(span_of_micros(micros), name)
}

fn seat(row: SeatRow) -> Result<(SeatKey, Seat)> {
    let session = row.session_id.as_deref();
    let seat = Seat {
        place: Place {
            place_id: row.seat_id.into(),
            seat_id: Some(row.seat_id.into()),
            offer_id: row.offer_id.into(),
            offer_name: row.offer_name,
            section_name: row.section_name,
            row_label: row.row_label,
            seat_label: row.seat_label,
            price_minor: row.price_minor,
            position: row.position,
            return_time: None,
        },
        state: column(SeatState::parse(&row.state), "state")?,
        session: session.map(|id| column(SessionId::parse(id), "session_id")).transpose()?,
        hold_id: row.hold_id.map(Into::into),
        booking_id: row.booking_id.map(Into::into),
        version: row.version,
        stored_version: row.version,
    };
    Ok(((row.event_id.into(), row.seat_id.into()), seat))
}

fn terms(row: TermsRow) -> Result<EventTerms> {
    let places_per_buyer_max = u32::try_from(row.places_per_buyer_max).ok();
    Ok(EventTerms {
        event_id: row.event_id.into(),
        organizer_id: row.organizer_id.into(),
        on_sale: row.on_sale,
        start_time: Timestamp::from_micros(row.start_time),
        currency: column(Currency::parse(&row.currency_code), "currency_code")?,
        hold_ttl: span(row.hold_ttl_micros, "hold_ttl_micros")?,
        hold_life_max: span(row.hold_life_max_micros, "hold_life_max_micros")?,
        places_per_buyer_max: column(places_per_buyer_max, "places_per_buyer_max")?,
        cancel_until: span(row.cancel_until_micros, "cancel_until_micros")?,
    })
}

impl Tx {
    /// Loads a board: what is wanted, and with every hold that keeps one of its places the other
    /// places of that hold, so that a hold is always ended as a whole.
    pub(crate) async fn load_board(
        &mut self,
        wanted: &BoardWanted,
        now: Timestamp,
    ) -> Result<Board> {
        let mut board = Board::default();
        let mut holds = wanted.holds.clone();
        holds.extend(self.active_holds_of(&wanted.buyers).await?);
        let mut offers = wanted.offers.clone();
        let with_offers = offers.iter().map(|(event_id, _)| *event_id).collect();
        holds.extend(self.overdue_holds_of(&with_offers, now).await?);
        let mut seats = wanted.seats.clone();
        while !(holds.is_empty() && seats.is_empty()) {
            for hold in self.holds_by_id(&std::mem::take(&mut holds)).await? {
                let event_id = hold.event_id;
                if !hold.has_ended() || planted!(ClaimWithoutCondition) {
                    seats.extend(hold.places.seats.iter().map(|id| (event_id, *id)));
                    offers.extend(hold.places.quantities.keys().map(|id| (event_id, *id)));
                }
                board.holds.insert(hold.hold_id, hold);
            }
            let keys: Vec<SeatKey> = std::mem::take(&mut seats)
                .into_iter()
                .filter(|key| !board.seats.contains_key(key))
                .collect();
            for (key, seat) in self.seats_by_key(&keys).await? {
                holds.extend(seat.hold_id.filter(|id| !board.holds.contains_key(id)));
                board.seats.insert(key, seat);
            }
        }
        let mut events = wanted.events.clone();
        events.extend(board.holds.values().map(|hold| hold.event_id));
        board.terms = self.terms_by_id(&events).await?;
        board.offers = self.ga_counts(&offers).await?;
        board.place_counts = self.place_counts(wanted, &board).await?;
        Ok(board)
    }

    async fn seats_by_key(&mut self, keys: &[SeatKey]) -> Result<Vec<(SeatKey, Seat)>> {
        const HEAD: &str = "select s.event_id, s.seat_id, s.offer_id, o.name as offer_name,
                o.section_name, s.row_label, s.seat_label, o.price_minor, s.position, s.state,
                s.session_id, s.hold_id, s.booking_id, s.version
            from booking_seat s
            join booking_offer o on o.event_id = s.event_id and o.offer_id = s.offer_id
            where (s.event_id, s.seat_id) in (";
        let rows = bulk_rows!(
            self,
            HEAD,
            keys,
            |b, key| b.push_bind(key.0.uuid()).push_bind(key.1.uuid()),
            ")",
            as SeatRow
        );
        rows.into_iter().map(seat).collect()
    }

    /// The terms of those of the events that are or were on sale.
    pub(crate) async fn terms_by_id(
        &mut self,
        events: &BTreeSet<EventId>,
    ) -> Result<BTreeMap<EventId, EventTerms>> {
        const HEAD: &str = "select event_id, organizer_id, on_sale, start_time, currency_code,
                hold_ttl_micros, hold_life_max_micros, places_per_buyer_max, cancel_until_micros
            from booking_event where event_id in (";
        let events: Vec<EventId> = events.iter().copied().collect();
        let rows =
            bulk_rows!(self, HEAD, &events, |b, id| b.push_bind(id.uuid()), ")", as TermsRow);
        rows.into_iter().map(|row| Ok((row.event_id.into(), terms(row)?))).collect()
    }

    /// How many places the buyers have: seats, GA places of their holds, which are on the board,
    /// and those of their bookings.
    async fn place_counts(
        &mut self,
        wanted: &BoardWanted,
        board: &Board,
    ) -> Result<BTreeMap<(EventId, SessionId), u32>> {
        // Joined rather than `in`, so that SQLite takes the index of the sessions' own rows.
        const HEAD: &str = "select s.event_id, s.session_id, count(*) from (";
        const SEATS: &str = ") as v join booking_seat s on s.event_id = v.column1
            and s.session_id = v.column2 group by s.event_id, s.session_id";
        const BOOKED: &str = ") as v join booking_booking s on s.event_id = v.column1
            and s.session_id = v.column2
            join booking_place p on p.booking_id = s.booking_id and p.seat_id is null
                and p.return_time is null
            where s.state in ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED')
            group by s.event_id, s.session_id";
        // Of cancelled bookings they stay claimed until the payment that was open is settled. A
        // statement of its own, so that both take their index.
        const SETTLING: &str = ") as v join booking_booking s on s.event_id = v.column1
            and s.session_id = v.column2
            join booking_place p on p.booking_id = s.booking_id and p.seat_id is null
                and p.return_time is null
            where s.state = 'CANCELLED' and s.open_payment_id is not null
            group by s.event_id, s.session_id";
        let mut counts: BTreeMap<_, u32> = wanted.buyers.iter().map(|buyer| (*buyer, 0)).collect();
        let buyers: Vec<_> = wanted.buyers.iter().copied().collect();
        let mut rows = Vec::new();
        for tail in [SEATS, BOOKED, SETTLING] {
            rows.extend(bulk_rows!(
                self,
                HEAD,
                &buyers,
                |b, buyer| b.push_bind(buyer.0.uuid()).push_bind(buyer.1.to_string()),
                tail,
                as (Uuid, String, i64)
            ));
        }
        for (event_id, session, count) in rows {
            let session = column(SessionId::parse(&session), "session_id")?;
            let total = counts.entry((event_id.into(), session)).or_default();
            *total = total.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        }
        for hold in board.holds.values().filter(|hold| !hold.has_ended()) {
            if let Some(total) = counts.get_mut(&(hold.event_id, hold.session)) {
                let quantities = hold.places.quantities.values();
                *total = quantities.fold(*total, |sum, quantity| sum.saturating_add(*quantity));
            }
        }
        Ok(counts)
    }

    /// Writes what commands changed on the board, the feed last. A row that somebody else changed
    /// meanwhile fails the whole.
    pub(crate) async fn save_board(&mut self, board: &Board, now: Timestamp) -> Result<()> {
        self.save_seats(board).await?;
        self.save_ga_counts(board).await?;
        self.save_holds(board).await?;
        self.append_changes(&board.changes, now).await
    }

    async fn save_seats(&mut self, board: &Board) -> Result<()> {
        const HEAD: &str = "update booking_seat set state = v.column3, session_id = v.column4,
            hold_id = v.column5, booking_id = v.column6, version = v.column7 from (";
        const TAIL: &str = ") as v where booking_seat.event_id = v.column1
            and booking_seat.seat_id = v.column2 and booking_seat.version = v.column8";
        let mut changed: Vec<(&SeatKey, &Seat)> =
            board.seats.iter().filter(|(_, seat)| seat.version != seat.stored_version).collect();
        if changed.len() > 1 && planted!(BulkWriteSkipsOne) {
            changed.pop();
        }
        let written = bulk_write!(
            self,
            HEAD,
            &changed,
            |b, row| b
                .push_bind(row.0.0.uuid())
                .push_bind(row.0.1.uuid())
                .push_bind(row.1.state.name())
                .push_bind(row.1.session.map(|session| session.to_string()))
                .push_bind(row.1.hold_id.map(HoldId::uuid))
                .push_bind(row.1.booking_id.map(|id| id.uuid()))
                .push_bind(row.1.version)
                .push_bind(row.1.stored_version),
            TAIL
        );
        require_all(written, changed.len())
    }
}
