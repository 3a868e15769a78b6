//! What the transport and other contexts call.

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::{CancelBooking, CreateBooking, LapseBooking};
use crate::booking::domain::board::{Place, SeatsWanted};
use crate::booking::domain::booking::{Booking, BookingState};
use crate::booking::domain::hold::Hold;
use crate::error::{Error, Reason, Result};
use crate::identity;
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{BookingId, EventId, HoldId, PaymentId, SeatId};
use crate::kernel::limits::SEAT_CHANGES_KEPT;
use crate::kernel::money::{Currency, Money};
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::ports::clock::Clock;
use crate::ports::holds::{HoldChange, Holds};
use crate::store::{Lanes, RequestKey, Store, Tx};

/// Bookings that one sweep moves on at the most.
const SWEEP_MAX: i64 = 500;

/// A hold with its places and their sum.
#[derive(Clone, Debug)]
pub struct HeldPlaces {
    /// The hold.
    pub hold: Hold,
    /// Its places, in the venue's order.
    pub places: Vec<Place>,
    /// The currency of their prices.
    pub currency: Currency,
    /// The sum of their prices.
    pub total: Money,
}

/// The use cases of the sale.
#[derive(Clone)]
pub struct BookingService {
    store: Store,
    lanes: Lanes,
    holds: Arc<dyn Holds>,
    clock: Arc<dyn Clock>,
}

impl BookingService {
    /// With what it needs.
    pub fn new(store: Store, lanes: Lanes, holds: Arc<dyn Holds>, clock: Arc<dyn Clock>) -> Self {
        Self { store, lanes, holds, clock }
    }

    /// Holds all of the seats or none.
    pub async fn hold_seats(
        &self,
        caller: &Caller,
        request_id: Uuid,
        event_id: EventId,
        seats: Vec<SeatId>,
    ) -> Result<HeldPlaces> {
        let session = caller.session;
        let hold_id =
            HoldId::derived(&[session.to_string().as_bytes(), request_id.as_bytes().as_slice()]);
        let seats: BTreeSet<SeatId> = seats.into_iter().collect();
        let seats = seats.into_iter().collect();
        let hold = self.holds.hold(SeatsWanted { hold_id, event_id, session, seats }).await?;
        self.with_places(hold).await
    }

    /// Starts the time of a hold anew.
    pub async fn extend_hold(
        &self,
        caller: Caller,
        key: RequestKey,
        hold_id: HoldId,
    ) -> Result<HeldPlaces> {
        let event_id = self.own_hold(&caller, hold_id).await?.event_id;
        let hold = self.holds.extend(HoldChange { key, caller, event_id, hold_id }).await?;
        self.with_places(hold).await
    }

    /// Gives the seats of a hold back.
    pub async fn release_hold(
        &self,
        caller: Caller,
        key: RequestKey,
        hold_id: HoldId,
    ) -> Result<HeldPlaces> {
        let event_id = self.own_hold(&caller, hold_id).await?.event_id;
        let hold = self.holds.release(HoldChange { key, caller, event_id, hold_id }).await?;
        self.with_places(hold).await
    }

    /// Reads a hold.
    pub async fn hold(&self, caller: &Caller, hold_id: HoldId) -> Result<HeldPlaces> {
        let hold = self.own_hold(caller, hold_id).await?;
        self.with_places(hold).await
    }

    /// Makes a booking from a hold.
    pub async fn create_booking(
        &self,
        caller: Caller,
        key: RequestKey,
        hold_id: HoldId,
        contact_email: Option<String>,
    ) -> Result<Booking> {
        let hold = self.own_hold(&caller, hold_id).await?;
        let event_id = hold.event_id;
        let contact_email_is_new = contact_email.is_some();
        let contact_email = match contact_email {
            Some(address) => address,
            None => self.contact_email(hold.session).await?,
        };
        let booking_id = BookingId::new(self.clock.now(), rand::random());
        self.holds.freeze(hold_id).await?;
        let command = CreateBooking {
            key,
            caller,
            booking_id,
            hold_id,
            event_id,
            contact_email,
            contact_email_is_new,
        };
        let outcome = self.lanes.run(event_id, command).await;
        if let Err(Error::Rejected(_)) = &outcome {
            // Refused for certain. After any other failure nobody knows yet, and it stays frozen.
            self.holds.thaw(hold_id).await?;
        }
        outcome
    }

    /// Reads a booking.
    pub async fn booking(&self, caller: &Caller, booking_id: BookingId) -> Result<Booking> {
        booking_of(&mut self.store.read().await?, caller, booking_id).await
    }

    /// Whether a booking still awaits this payment, so that it may take money.
    pub async fn awaits(&self, booking_id: BookingId, payment_id: PaymentId) -> Result<bool> {
        let found = find_booking(&mut self.store.read().await?, booking_id).await?;
        Ok(found.is_some_and(|booking| booking.awaits(payment_id)))
    }

    /// One page of the caller's bookings, the newest first, in these states or in any.
    pub async fn bookings(
        &self,
        caller: &Caller,
        states: &[BookingState],
        page: &PageRequest,
    ) -> Result<Page<Booking>> {
        let rows = self.store.read().await?.bookings_of(caller.session, states, page).await?;
        Ok(Page::new(rows, page, |booking| Cursor {
            position: booking.create_time.micros(),
            id: booking.booking_id.uuid(),
        }))
    }

    /// Cancels a booking that is not paid.
    pub async fn cancel_booking(
        &self,
        caller: Caller,
        key: RequestKey,
        booking_id: BookingId,
    ) -> Result<Booking> {
        let event_id = self.booking(&caller, booking_id).await?.event_id;
        self.lanes.run(event_id, CancelBooking { key, caller, booking_id }).await
    }

    /// Ends holds whose time is over. Says whether there may be more.
    pub async fn sweep_holds(&self) -> Result<bool> {
        self.holds.sweep().await
    }

    /// Moves bookings on that were not paid, or not settled, in time. Says whether there may be
    /// more.
    pub async fn sweep_bookings(&self) -> Result<bool> {
        let over = self.store.read().await?.bookings_over(self.clock.now(), SWEEP_MAX).await?;
        let lapses = over.iter().map(|(event_id, booking_id, settle_by_passed)| {
            let settle_by_passed = *settle_by_passed;
            self.lanes.run(*event_id, LapseBooking { booking_id: *booking_id, settle_by_passed })
        });
        for lapsed in futures::future::join_all(lapses).await {
            lapsed?;
        }
        Ok(i64::try_from(over.len()).is_ok_and(|count| count == SWEEP_MAX))
    }

    /// Forgets seat changes that no watcher will ask for any more. Says whether there may be more.
    pub async fn sweep_changes(&self) -> Result<bool> {
        let mut tx = self.store.begin().await?;
        let more = tx.sweep_changes(self.clock.now() - SEAT_CHANGES_KEPT).await?;
        tx.commit().await?;
        Ok(more)
    }

    async fn own_hold(&self, caller: &Caller, hold_id: HoldId) -> Result<Hold> {
        let hold = self.holds.find(hold_id).await?;
        let hold = hold.filter(|hold| caller.may_see(hold.session));
        hold.ok_or_else(|| Error::not_found("hold"))
    }

    /// A hold as callers see it: never as alive when its time is over, however late the sweep is.
    async fn with_places(&self, hold: Hold) -> Result<HeldPlaces> {
        let hold = hold.at(self.clock.now());
        let mut tx = self.store.read().await?;
        let places = tx.hold_places(hold.hold_id).await?;
        let terms = tx.terms_by_id(&BTreeSet::from([hold.event_id])).await?;
        let terms = terms.get(&hold.event_id).ok_or_else(|| Error::not_found("event"))?;
        let currency = terms.currency;
        let total = Money::sum(currency, places.iter().map(|place| place.price_minor))
            .ok_or_else(|| Error::internal("the total of a hold does not fit"))?;
        Ok(HeldPlaces { hold, places, currency, total })
    }

    async fn contact_email(&self, session: SessionId) -> Result<String> {
        let mut tx = self.store.read().await?;
        let known = identity::service::contact_email(&mut tx, session).await?;
        known.ok_or_else(|| Reason::ContactEmailRequired.into())
    }
}

/// A booking the caller may see; anything else is not there.
async fn booking_of(tx: &mut Tx, caller: &Caller, booking_id: BookingId) -> Result<Booking> {
    let found = find_booking(tx, booking_id).await?;
    let own = found.filter(|booking| caller.may_see(booking.session));
    own.ok_or_else(|| Error::not_found("booking"))
}

/// A booking, whoever's it is.
pub async fn find_booking(tx: &mut Tx, booking_id: BookingId) -> Result<Option<Booking>> {
    Ok(tx.bookings_by_id(&BTreeSet::from([booking_id])).await?.pop())
}
