//! How things are at the end of a sale, read from the database and from the gateway's ledger.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::booking::v1::{booking, hold};
use uuid::Uuid;

use crate::database::Database;
use crate::sandbox::LedgerLine;

/// A place that a booking has, or had.
#[derive(Clone, Debug)]
pub struct BookedPlace {
    /// Its id.
    pub id: Uuid,
    /// The seat; `None` for a place of general admission.
    pub seat: Option<Uuid>,
    /// What it cost, in minor units.
    pub price: i64,
    /// Whether it was given back.
    pub is_returned: bool,
}

/// A booking.
#[derive(Clone, Debug)]
pub struct TrueBooking {
    /// Its state.
    pub state: booking::State,
    /// Its places.
    pub places: Vec<BookedPlace>,
    /// Every ticket that its places ever had.
    pub tickets: Vec<TrueTicket>,
}

/// A ticket.
#[derive(Clone, Debug)]
pub struct TrueTicket {
    /// Its id.
    pub id: Uuid,
    /// The place that it is of.
    pub place: Uuid,
    /// Its state, in the database's word.
    pub state: String,
    /// How often somebody came in with it.
    pub entries: i64,
}

impl TrueTicket {
    /// Whether it is or was good for an entry, and its place is kept.
    pub fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "VALID" | "USED")
    }
}

/// A hold.
#[derive(Clone, Debug)]
pub struct TrueHold {
    /// Its state.
    pub state: hold::State,
    /// Its seats.
    pub seats: HashSet<Uuid>,
    /// Its places of general admission.
    pub standing: i64,
    /// When it was made, by the server's clock, in microseconds.
    pub create_micros: i64,
    /// When it ends, or ended, unless that came before.
    pub expire_micros: i64,
}

/// A payment.
#[derive(Clone, Debug)]
pub struct TruePayment {
    /// Its booking.
    pub booking: Uuid,
    /// Its state, in the database's word.
    pub state: String,
    /// How much it is about, in minor units.
    pub amount: i64,
    /// How much was given back.
    pub refunded: i64,
}

/// How things are with an event at the end.
#[derive(Clone, Debug, Default)]
pub struct Truth {
    /// Every booking of the event.
    pub bookings: HashMap<Uuid, TrueBooking>,
    /// Every payment for one of them.
    pub payments: HashMap<Uuid, TruePayment>,
    /// What the gateway's ledger has of them.
    pub ledger: Vec<LedgerLine>,
    /// How many places of general admission there are.
    pub standing: i64,
    /// Every hold of the event.
    pub holds: HashMap<Uuid, TrueHold>,
    /// The seats that are off sale.
    pub blocked: HashSet<Uuid>,
    /// How long a hold may last in all, in microseconds, if there is a limit.
    pub hold_life_max_micros: Option<i64>,
    /// How many places a buyer may have, if there is a limit.
    pub places_per_buyer_max: Option<i64>,
}

impl Truth {
    /// Reads what there is of an event from a database, beside what the gateway's ledger says.
    /// Charges that no payment at all is are taken for this event's.
    pub async fn read(database: &Database, ledger: Vec<LedgerLine>, event: Uuid) -> Self {
        const PAYMENTS: &str = "select payment_id, booking_id, state, amount_minor, refunded_minor
            from payment_payment";
        const STANDING: &str = "select cast(coalesce(sum(quantity), 0) as bigint)
            from booking_ga_offer where event_id = ";
        const BLOCKED: &str =
            "select seat_id from booking_seat where state = 'BLOCKED' and event_id = ";
        const TERMS: &str = "select hold_life_max_micros, places_per_buyer_max
            from booking_event where event_id = ";
        let id = database.literal(event);
        let bookings = read_bookings(database, &id).await;
        let rows: Vec<(Uuid, Uuid, String, i64, i64)> = database.rows_by_hand(PAYMENTS).await;
        let mut payments = HashMap::new();
        let mut elsewhere = HashSet::new();
        for (id, booking, state, amount, refunded) in rows {
            if bookings.contains_key(&booking) {
                payments.insert(id, TruePayment { booking, state, amount, refunded });
            } else {
                elsewhere.insert(id);
            }
        }
        let ledger = ledger.into_iter().filter(|line| !elsewhere.contains(&line.payment_id));
        let blocked: Vec<(Uuid,)> = database.rows_by_hand(&format!("{BLOCKED}{id}")).await;
        let terms: Vec<(i64, i64)> = database.rows_by_hand(&format!("{TERMS}{id}")).await;
        let terms = terms.first().copied();
        Self {
            bookings,
            payments,
            ledger: ledger.collect(),
            standing: database.count_by_hand(&format!("{STANDING}{id}")).await,
            holds: read_holds(database, &id).await,
            blocked: blocked.into_iter().map(|(seat,)| seat).collect(),
            hold_life_max_micros: terms.map(|(life_max, _)| life_max),
            places_per_buyer_max: terms.map(|(_, places_max)| places_max),
        }
    }
}

/// The bookings of an event, with their places and tickets.
async fn read_bookings(database: &Database, event: &str) -> HashMap<Uuid, TrueBooking> {
    const BOOKINGS: &str = "select booking_id, state from booking_booking where event_id = ";
    const PLACES: &str = "select booking_id, place_id, seat_id, price_minor, return_time
        from booking_place where event_id = ";
    const TICKETS: &str = "select t.booking_id, t.ticket_id, t.place_id, t.state,
            (select count(*) from ticket_check_in c
                where c.ticket_id = t.ticket_id and c.outcome = 'ADMITTED')
        from ticket_ticket t where t.event_id = ";
    let rows: Vec<(Uuid, String)> = database.rows_by_hand(&format!("{BOOKINGS}{event}")).await;
    let mut bookings: HashMap<Uuid, TrueBooking> = HashMap::new();
    for (id, state) in rows {
        let state = booking::State::from_str_name(&format!("STATE_{state}"));
        let state = state.expect("a state of bookings");
        bookings.insert(id, TrueBooking { state, places: Vec::new(), tickets: Vec::new() });
    }
    type PlaceRow = (Uuid, Uuid, Option<Uuid>, i64, Option<i64>);
    let rows: Vec<PlaceRow> = database.rows_by_hand(&format!("{PLACES}{event}")).await;
    for (booking, id, seat, price, return_time) in rows {
        let booking = bookings.get_mut(&booking).expect("a place is of a booking");
        let is_returned = return_time.is_some();
        booking.places.push(BookedPlace { id, seat, price, is_returned });
    }
    let rows: Vec<(Uuid, Uuid, Uuid, String, i64)> =
        database.rows_by_hand(&format!("{TICKETS}{event}")).await;
    for (booking, id, place, state, entries) in rows {
        let booking = bookings.get_mut(&booking).expect("a ticket is of a booking");
        booking.tickets.push(TrueTicket { id, place, state, entries });
    }
    bookings
}

/// The holds of an event, with their places.
async fn read_holds(database: &Database, event: &str) -> HashMap<Uuid, TrueHold> {
    const HOLDS: &str = "select hold_id, state, create_time, expire_time from booking_hold
        where event_id = ";
    const SEATS: &str = "select hold_id, seat_id from booking_hold_seat where event_id = ";
    const STANDING: &str = "select hold_id, quantity from booking_hold_quantity
        where event_id = ";
    let rows: Vec<(Uuid, String, i64, i64)> =
        database.rows_by_hand(&format!("{HOLDS}{event}")).await;
    let mut holds: HashMap<Uuid, TrueHold> = HashMap::new();
    for (id, state, create_micros, expire_micros) in rows {
        let state = hold::State::from_str_name(&format!("STATE_{state}"));
        let state = state.expect("a state of holds");
        let (seats, standing) = (HashSet::new(), 0);
        holds.insert(id, TrueHold { state, seats, standing, create_micros, expire_micros });
    }
    let rows: Vec<(Uuid, Uuid)> = database.rows_by_hand(&format!("{SEATS}{event}")).await;
    for (id, seat) in rows {
        // What is of no hold is found by the promises as SQL.
        if let Some(hold) = holds.get_mut(&id) {
            hold.seats.insert(seat);
        }
    }
    let rows: Vec<(Uuid, i64)> = database.rows_by_hand(&format!("{STANDING}{event}")).await;
    for (id, quantity) in rows {
        if let Some(hold) = holds.get_mut(&id) {
            hold.standing += quantity;
        }
    }
    holds
}
