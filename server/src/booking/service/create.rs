//! Making bookings: every seat of a hold is claimed before any payment can start.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::advance::{Advance, advance_one, tell_facts, unless_internal};
use crate::booking::domain::board::Board;
use crate::booking::domain::booking::{Booking, NewBooking};
use crate::booking::domain::saga::Trigger;
use crate::booking::store::BoardWanted;
use crate::error::{Error, Result};
use crate::identity;
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{BookingId, EventId, HoldId};
use crate::kernel::time::Timestamp;
use crate::store::{Recollection, Remembered, RequestKey, Tx, UseCase};

/// Makes a booking from a hold.
pub struct CreateBooking {
    /// The request.
    pub key: RequestKey,
    /// Who asks.
    pub caller: Caller,
    /// The id of the booking, if this request is new.
    pub booking_id: BookingId,
    /// The hold.
    pub hold_id: HoldId,
    /// The hold's event.
    pub event_id: EventId,
    /// Where the tickets go.
    pub contact_email: String,
    /// Whether the request itself said so; a guest without an address then keeps this one.
    pub contact_email_is_new: bool,
}

#[async_trait]
impl UseCase for CreateBooking {
    type Answer = Booking;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Booking>>> {
        let mut requests = Recollection::load(tx, commands.iter().map(|c| &c.key)).await?;
        let known: BTreeSet<BookingId> = requests.resources().map(BookingId::from).collect();
        let known = tx.bookings_by_id(&known).await?;
        let mut bookings: BTreeMap<BookingId, Booking> =
            known.into_iter().map(|booking| (booking.booking_id, booking)).collect();
        let holds = commands.iter().map(|command| command.hold_id).collect();
        let mut board =
            tx.load_board(&BoardWanted { holds, ..BoardWanted::default() }, now).await?;
        let mut told = Vec::new();
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            let outcome = match requests.check(&command.key) {
                Ok(Remembered::Resource(id)) => {
                    let booking = bookings.get(&BookingId::from(id)).cloned();
                    booking.ok_or_else(|| Error::not_found("booking"))
                }
                Ok(Remembered::New) => unless_internal(command.open(&mut board, &mut told, now))?,
                Err(error) => Err(error),
            };
            if let Ok(booking) = &outcome {
                requests.remember_once(&command.key, booking.booking_id.uuid());
                bookings.insert(booking.booking_id, booking.clone());
            }
            outcomes.push(outcome);
        }
        for (session, email) in new_contacts(commands, &outcomes) {
            identity::service::fill_contact_email(tx, session, email).await?;
        }
        tx.save_bookings(bookings.values()).await?;
        tell_facts(tx, &told, now).await?;
        requests.save(tx, now).await?;
        tx.save_board(&board, now).await?;
        crash_point!(AfterClaim);
        Ok(outcomes)
    }
}

/// The addresses that guests have given with bookings that were made, sorted, so that two lanes
/// never wait for each other.
fn new_contacts<'c>(
    commands: &'c [CreateBooking],
    outcomes: &[Result<Booking>],
) -> BTreeMap<SessionId, &'c str> {
    let given = commands.iter().zip(outcomes).filter(|(c, _)| c.contact_email_is_new);
    let made = given.filter_map(|(command, outcome)| Some((command, outcome.as_ref().ok()?)));
    made.map(|(command, booking)| (booking.session, command.contact_email.as_str())).collect()
}

impl CreateBooking {
    fn open(&self, board: &mut Board, told: &mut Vec<Advance>, now: Timestamp) -> Result<Booking> {
        let places = board.claim(self.hold_id, self.booking_id, &self.caller, now)?;
        let hold = board.seen_hold(self.hold_id, &self.caller)?;
        let terms = board.terms_of(hold.event_id)?;
        let new = NewBooking {
            booking_id: self.booking_id,
            hold_id: self.hold_id,
            event_id: hold.event_id,
            session: hold.session,
            contact_email: self.contact_email.clone(),
        };
        let (mut booking, fact) = Booking::open(new, places, terms.currency, now)?;
        told.push(Advance { booking: booking.clone(), fact });
        if booking.total.minor == 0 {
            advance_one(&mut booking, board, told, &Trigger::NothingToPay, now)?;
        }
        Ok(booking)
    }
}
