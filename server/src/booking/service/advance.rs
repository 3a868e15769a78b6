//! Moving bookings on: payments, cancellations and times that pass. One way for all of them, so
//! that the table of the saga is applied in one place.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::booking::domain::board::Board;
use crate::booking::domain::booking::{Booking, BookingFact, PlacesMove, Step, Trigger};
use crate::booking::events;
use crate::booking::store::BoardWanted;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::BookingId;
use crate::kernel::time::Timestamp;
use crate::store::{Recollection, Remembered, RequestKey, Tx, UseCase};
use crate::ticket;

/// A fact about a booking, with the booking as it was right after it.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The booking right after it.
    pub booking: Booking,
    /// The fact.
    pub fact: BookingFact,
}

/// What became of a booking that something happened to.
#[derive(Clone, Debug)]
pub struct Advanced {
    /// The booking as it is now.
    pub booking: Booking,
    /// Why money that was taken has to be given back, if it has.
    pub refund_cause: Option<&'static str>,
}

/// Lets things happen to bookings, in their order, and does everything that follows within the
/// bookings' and tickets' own tables.
pub async fn advance(
    tx: &mut Tx,
    happenings: &[(BookingId, Trigger)],
    now: Timestamp,
) -> Result<Vec<Result<Advanced>>> {
    let ids: BTreeSet<BookingId> = happenings.iter().map(|(id, _)| *id).collect();
    let loaded = tx.bookings_by_id(&ids).await?;
    let mut bookings: BTreeMap<BookingId, Booking> =
        loaded.into_iter().map(|booking| (booking.booking_id, booking)).collect();
    let seats = bookings.values().flat_map(|booking| {
        let event_id = booking.event_id;
        booking.places.iter().map(move |place| (event_id, place.seat_id))
    });
    let wanted = BoardWanted { seats: seats.collect(), ..BoardWanted::default() };
    let mut board = tx.load_board(&wanted).await?;
    let mut told = Vec::new();
    let mut outcomes = Vec::with_capacity(happenings.len());
    for (booking_id, trigger) in happenings {
        let booking = bookings.get_mut(booking_id);
        outcomes.push(match booking {
            Some(booking) => advance_one(booking, &mut board, &mut told, trigger, now),
            None => Err(Error::not_found("booking")),
        });
    }
    tx.save_bookings(bookings.values()).await?;
    tell_facts(tx, &told, now).await?;
    tx.save_board(&board, now).await?;
    Ok(outcomes)
}

fn advance_one(
    booking: &mut Booking,
    board: &mut Board,
    told: &mut Vec<Advance>,
    trigger: &Trigger,
    now: Timestamp,
) -> Result<Advanced> {
    let (event_id, booking_id, seats) = (booking.event_id, booking.booking_id, booking.seats());
    let places_are_free = board.are_free(event_id, &seats, now);
    let Step { places, refund_cause, fact } = booking.step(trigger, places_are_free, now)?;
    match places {
        PlacesMove::Keep => {}
        PlacesMove::Free => board.free(event_id, &seats, booking_id),
        PlacesMove::Sell => board.sell(event_id, &seats, booking_id, booking.session)?,
    }
    told.extend(fact.map(|fact| Advance { booking: booking.clone(), fact }));
    Ok(Advanced { booking: booking.clone(), refund_cause })
}

/// Issues the tickets of confirmed bookings and puts every fact into the outbox.
pub(super) async fn tell_facts(tx: &mut Tx, told: &[Advance], now: Timestamp) -> Result<()> {
    let confirmed = told.iter().filter(|told| matches!(told.fact, BookingFact::Confirmed(_)));
    let wanted: Vec<ticket::domain::TicketWanted> = confirmed
        .flat_map(|told| {
            let booking = &told.booking;
            booking.places.iter().map(|place| ticket::domain::TicketWanted {
                booking_id: booking.booking_id,
                event_id: booking.event_id,
                session: booking.session,
                seat_id: place.seat_id,
                section_name: place.section_name.clone(),
                row_label: place.row_label.clone(),
                seat_label: place.seat_label.clone(),
            })
        })
        .collect();
    ticket::service::issue(tx, &wanted, now).await?;
    for Advance { booking, fact } in told {
        tx.emit(events::booking_event(booking, fact, now));
    }
    Ok(())
}

/// Cancels a booking that is not paid.
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
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            outcomes.push(command.cancel(tx, &bookings, &mut requests, now).await?);
        }
        requests.save(tx, now).await?;
        Ok(outcomes)
    }
}

impl CancelBooking {
    /// Cancellations are rare, so each is decided by itself.
    async fn cancel(
        &self,
        tx: &mut Tx,
        bookings: &[Booking],
        requests: &mut Recollection,
        now: Timestamp,
    ) -> Result<Result<Booking>> {
        let booking = bookings.iter().find(|booking| booking.booking_id == self.booking_id);
        let Some(booking) = booking.filter(|booking| self.caller.may_see(booking.session)) else {
            return Ok(Err(Error::not_found("booking")));
        };
        match requests.check(&self.key) {
            Err(error) => Ok(Err(error)),
            Ok(Remembered::Resource(_)) => booking_now(tx, booking).await.map(Ok),
            Ok(Remembered::New) => {
                let happening = [(self.booking_id, Trigger::CancelRequested)];
                let mut outcomes = advance(tx, &happening, now).await?;
                let outcome = outcomes.pop().unwrap_or_else(|| Err(Error::not_found("booking")));
                if outcome.is_ok() {
                    requests.remember(&self.key, self.booking_id.uuid());
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
        let answers = outcomes.into_iter().map(|outcome| match outcome {
            Ok(_) => Ok(()),
            // It was paid or cancelled meanwhile.
            Err(error) if error.reason() == Some(Reason::BookingState) => Ok(()),
            Err(error) => Err(error),
        });
        Ok(answers.collect())
    }
}
