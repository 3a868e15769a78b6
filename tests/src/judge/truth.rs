//! How things are at the end of a sale, read from the database and from the gateway's ledger.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::booking::v1::booking;
use uuid::Uuid;

use crate::database::Database;
use crate::sandbox::LedgerLine;

/// A place that a booking has, or had.
#[derive(Clone, Debug)]
pub struct BookedPlace {
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
    /// The tickets that let somebody in.
    pub live_tickets: i64,
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
}

impl Truth {
    /// Reads what there is of an event from a database, beside what the gateway's ledger says.
    /// Charges that no payment at all is are taken for this event's.
    pub async fn read(database: &Database, ledger: Vec<LedgerLine>, event: Uuid) -> Self {
        const BOOKINGS: &str = "select b.booking_id, b.state,
                (select count(*) from ticket_ticket t
                    where t.booking_id = b.booking_id and t.state in ('VALID', 'USED'))
            from booking_booking b where b.event_id = ";
        const PLACES: &str = "select booking_id, seat_id, price_minor, return_time
            from booking_place where event_id = ";
        const PAYMENTS: &str = "select payment_id, booking_id, state, amount_minor, refunded_minor
            from payment_payment";
        const STANDING: &str = "select cast(coalesce(sum(quantity), 0) as bigint)
            from booking_ga_offer where event_id = ";
        let id = database.literal(event);
        let rows: Vec<(Uuid, String, i64)> =
            database.rows_by_hand(&format!("{BOOKINGS}{id}")).await;
        let mut bookings: HashMap<Uuid, TrueBooking> = HashMap::new();
        for (id, state, live_tickets) in rows {
            let state = booking::State::from_str_name(&format!("STATE_{state}"));
            let state = state.expect("a state of bookings");
            bookings.insert(id, TrueBooking { state, places: Vec::new(), live_tickets });
        }
        let rows: Vec<(Uuid, Option<Uuid>, i64, Option<i64>)> =
            database.rows_by_hand(&format!("{PLACES}{id}")).await;
        for (id, seat, price, return_time) in rows {
            let booking = bookings.get_mut(&id).expect("a place is of a booking");
            booking.places.push(BookedPlace { seat, price, is_returned: return_time.is_some() });
        }
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
        let standing = database.count_by_hand(&format!("{STANDING}{id}")).await;
        Self { bookings, payments, ledger: ledger.collect(), standing }
    }
}
