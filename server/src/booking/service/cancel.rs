//! Ending bookings: by a person, by the time, by the event being called off, or place by place.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use super::advance::{Advanced, advance};
use crate::booking::domain::booking::Booking;
use crate::booking::domain::inventory::EventTerms;
use crate::booking::domain::saga::{Canceller, Trigger};
use crate::error::{Error, Reason, Result};
use crate::identity::service::audit;
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{BookingId, EventId, PlaceId};
use crate::kernel::money::Money;
use crate::kernel::time::Timestamp;
use crate::store::{Recollection, Remembered, RequestKey, Tx, UseCase};
use crate::ticket;

/// Cancels a booking: for its owner, or for the organizer of its event.
pub struct CancelBooking {
    /// The request.
    pub key: RequestKey,
    /// Who asks.
    pub caller: Caller,
    /// The booking.
    pub booking_id: BookingId,
}

#[async_trait]
impl UseCase for CancelBooking {
    type Answer = Booking;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Booking>>> {
        let mut requests = Recollection::load(tx, commands.iter().map(|c| &c.key)).await?;
        let ids: BTreeSet<BookingId> = commands.iter().map(|c| c.booking_id).collect();
        let bookings = tx.bookings_by_id(&ids).await?;
        let events = bookings.iter().map(|booking| booking.event_id).collect();
        let terms = tx.terms_by_id(&events).await?;
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            outcomes.push(command.cancel(tx, &bookings, &terms, &mut requests, now).await?);
        }
        requests.save(tx, now).await?;
        Ok(outcomes)
    }
}

impl CancelBooking {
    /// As whom the caller may cancel; `None` if it is none of the caller's business. Organizers and
    /// operators may do more than owners, also with what they have bought themselves.
    fn canceller(
        &self,
        booking: &Booking,
        terms: &BTreeMap<EventId, EventTerms>,
    ) -> Option<Canceller> {
        let organizer = terms.get(&booking.event_id).map(|terms| terms.organizer_id);
        if organizer.is_some_and(|organizer| self.caller.may_see(SessionId::User(organizer))) {
            return Some(Canceller::Organizer);
        }
        (self.caller.session == booking.session).then_some(Canceller::Owner)
    }

    /// Cancellations are rare, so each is decided by itself.
    async fn cancel(
        &self,
        tx: &mut Tx,
        bookings: &[Booking],
        terms: &BTreeMap<EventId, EventTerms>,
        requests: &mut Recollection,
        now: Timestamp,
    ) -> Result<Result<Booking>> {
        let booking = bookings.iter().find(|booking| booking.booking_id == self.booking_id);
        let Some((booking, by)) = booking.and_then(|b| Some((b, self.canceller(b, terms)?))) else {
            return Ok(Err(Error::not_found("booking")));
        };
        match requests.check(&self.key) {
            Err(error) => Ok(Err(error)),
            Ok(Remembered::Resource(_)) => booking_now(tx, booking).await.map(Ok),
            Ok(Remembered::New) => {
                // Whoever has entered has had what was paid for; the organizer may be generous.
                if by == Canceller::Owner {
                    let unused =
                        ticket::service::require_unused(tx, booking.session, booking.booking_id);
                    match unused.await {
                        Err(refused) if refused.reason() == Some(Reason::TicketUsed) => {
                            return Ok(Err(refused));
                        }
                        unused => unused?,
                    }
                }
                let happening = [(self.booking_id, Trigger::CancelRequested(by))];
                let mut outcomes = advance(tx, &happening, now).await?;
                let outcome = outcomes.pop().unwrap_or_else(|| Err(Error::not_found("booking")));
                if outcome.is_ok() {
                    requests.remember(&self.key, self.booking_id.uuid());
                    if by != Canceller::Owner {
                        let subject = self.booking_id.to_string();
                        audit(tx, self.key.session, "CancelBooking", &subject, now).await?;
                    }
                }
                Ok(outcome.map(|advanced| advanced.booking))
            }
        }
    }
}

async fn booking_now(tx: &mut Tx, booking: &Booking) -> Result<Booking> {
    let found = tx.bookings_by_id(&BTreeSet::from([booking.booking_id])).await?;
    found.into_iter().next().ok_or_else(|| Error::not_found("booking"))
}

/// Moves a booking on whose time to pay, or to settle, is over. Another state is left alone.
pub struct LapseBooking {
    /// The booking.
    pub booking_id: BookingId,
    /// Whether it is the time to settle that is over.
    pub settle_by_passed: bool,
}

#[async_trait]
impl UseCase for LapseBooking {
    type Answer = ();

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<()>>> {
        let happenings: Vec<(BookingId, Trigger)> = commands
            .iter()
            .map(|command| match command.settle_by_passed {
                true => (command.booking_id, Trigger::SettleByPassed),
                false => (command.booking_id, Trigger::PayByPassed),
            })
            .collect();
        let outcomes = advance(tx, &happenings, now).await?;
        Ok(outcomes.into_iter().map(unless_ended).collect())
    }
}

fn unless_ended(outcome: Result<Advanced>) -> Result<()> {
    match outcome {
        Ok(_) => Ok(()),
        // It was paid or cancelled meanwhile.
        Err(error) if error.reason() == Some(Reason::BookingState) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Cancels a booking whose event was called off. One that has ended is left alone.
pub struct CallOffBooking(pub BookingId);

#[async_trait]
impl UseCase for CallOffBooking {
    type Answer = ();

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<()>>> {
        let trigger = Trigger::CancelRequested(Canceller::Event);
        let happenings: Vec<(BookingId, Trigger)> =
            commands.iter().map(|Self(booking_id)| (*booking_id, trigger.clone())).collect();
        let outcomes = advance(tx, &happenings, now).await?;
        Ok(outcomes.into_iter().map(unless_ended).collect())
    }
}

/// What became of a booking that was given back in whole or in part.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The booking as it is now.
    pub booking: Booking,
    /// What the places had cost: the money to give back.
    pub amount: Money,
}

/// Gives places of a confirmed booking back, all of them if none is named, within the transaction
/// in which the caller sees to the money. The tickets are void at once.
pub async fn return_places(
    tx: &mut Tx,
    booking_id: BookingId,
    places: &BTreeSet<PlaceId>,
    now: Timestamp,
) -> Result<Result<Returned>> {
    let before = tx.bookings_by_id(&BTreeSet::from([booking_id])).await?.pop();
    let Some(before) = before else { return Ok(Err(Error::not_found("booking"))) };
    let happening = [(booking_id, Trigger::PlacesReturned(places.clone()))];
    let outcome = advance(tx, &happening, now).await?.pop();
    let outcome = outcome.unwrap_or_else(|| Err(Error::not_found("booking")));
    Ok(outcome.map(|Advanced { booking, .. }| {
        let minor = booking.refunded().minor - before.refunded().minor;
        Returned { amount: Money { minor, ..booking.total }, booking }
    }))
}
