//! What the transport and other contexts call.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{BlockSeats, CancelBooking, CreateBooking};
use crate::booking::domain::booking::{Booking, BookingState};
use crate::booking::domain::hold::Hold;
use crate::booking::domain::place::{
    GaCount, HoldPlaces, Place, PlaceSet, PlacesChange, PlacesWanted,
};
use crate::error::{Error, Reason, Result};
use crate::identity;
use crate::kernel::caller::{Caller, Scope, SessionId};
use crate::kernel::id::{BookingId, EventId, HoldId, PaymentId, SeatId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::ports::clock::Clock;
use crate::ports::holds::{HoldChange, Holds};
use crate::store::{Lanes, RequestKey, Store, Tx};

/// A hold with its places and their sum.
#[derive(Clone, Debug)]
pub struct HeldPlaces {
    /// The hold.
    pub hold: Hold,
    /// Its seats, in the venue's order.
    pub seats: Vec<Place>,
    /// Its GA offers, and how many places of each.
    pub quantities: Vec<(GaCount, u32)>,
    /// The currency of their prices.
    pub currency: Currency,
    /// The sum of their prices.
    pub total: Money,
}

/// The use cases of the sale.
#[derive(Clone)]
pub struct BookingService {
    pub(super) store: Store,
    pub(super) lanes: Lanes,
    pub(super) holds: Arc<dyn Holds>,
    pub(super) clock: Arc<dyn Clock>,
}

impl BookingService {
    /// With what it needs.
    pub fn new(store: Store, lanes: Lanes, holds: Arc<dyn Holds>, clock: Arc<dyn Clock>) -> Self {
        Self { store, lanes, holds, clock }
    }

    /// Holds all of the places or none.
    pub async fn hold_seats(
        &self,
        key: RequestKey,
        event_id: EventId,
        places: PlaceSet,
    ) -> Result<HeldPlaces> {
        let RequestKey { session, request_id, body_hash, .. } = key;
        let hold_id =
            HoldId::derived(&[session.to_string().as_bytes(), request_id.as_bytes().as_slice()]);
        let wanted = PlacesWanted { hold_id, event_id, session, places, body_hash };
        self.with_places(self.holds.hold(wanted).await?).await
    }

    /// Makes a hold larger or smaller; its time stays.
    pub async fn change_hold(
        &self,
        caller: Caller,
        key: RequestKey,
        hold_id: HoldId,
        places: PlacesChange,
    ) -> Result<HeldPlaces> {
        let change = self.change_of(caller, key, hold_id).await?;
        self.with_places(self.holds.change(change, places).await?).await
    }

    /// Starts the time of a hold anew.
    pub async fn extend_hold(
        &self,
        caller: Caller,
        key: RequestKey,
        hold_id: HoldId,
    ) -> Result<HeldPlaces> {
        let change = self.change_of(caller, key, hold_id).await?;
        self.with_places(self.holds.extend(change).await?).await
    }

    /// Gives the places of a hold back.
    pub async fn release_hold(
        &self,
        caller: Caller,
        key: RequestKey,
        hold_id: HoldId,
    ) -> Result<HeldPlaces> {
        let change = self.change_of(caller, key, hold_id).await?;
        self.with_places(self.holds.release(change).await?).await
    }

    async fn change_of(
        &self,
        caller: Caller,
        key: RequestKey,
        hold_id: HoldId,
    ) -> Result<HoldChange> {
        let event_id = self.own_hold(&caller, hold_id).await?.event_id;
        Ok(HoldChange { key, caller, event_id, hold_id })
    }

    /// One page of the caller's active holds, the newest first; of one event or of all.
    pub async fn holds(
        &self,
        caller: &Caller,
        event_id: Option<EventId>,
        page: &PageRequest,
    ) -> Result<Page<HeldPlaces>> {
        let rows = self.holds.list(caller.session, event_id, page).await?;
        let rows = self.all_with_places(rows).await?;
        Ok(Page::new(rows, page, |held| Cursor {
            position: held.hold.create_time.micros(),
            id: held.hold.hold_id.uuid(),
        }))
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
        crash_point!(AfterFreeze);
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
        if let Err(Error::Rejected(_) | Error::Duplicate(_)) = &outcome {
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

    /// Cancels a booking: for its owner, or for the organizer of its event.
    pub async fn cancel_booking(
        &self,
        caller: Caller,
        key: RequestKey,
        booking_id: BookingId,
    ) -> Result<Booking> {
        // Whose business it is, the command decides.
        let found = find_booking(&mut self.store.read().await?, booking_id).await?;
        let event_id = found.ok_or_else(|| Error::not_found("booking"))?.event_id;
        self.lanes.run(event_id, CancelBooking { key, caller, booking_id }).await
    }

    /// Takes all of the seats off sale, or puts them back on sale, or changes nothing.
    pub async fn block_seats(
        &self,
        caller: Caller,
        key: RequestKey,
        event_id: EventId,
        seats: BTreeSet<SeatId>,
        blocked: bool,
    ) -> Result<()> {
        self.lanes.run(event_id, BlockSeats { key, caller, event_id, seats, blocked }).await
    }

    async fn own_hold(&self, caller: &Caller, hold_id: HoldId) -> Result<Hold> {
        let hold = self.holds.find(hold_id).await?;
        let is_seen = |hold: &Hold| caller.may_see(hold.session) || planted!(ReleaseWithoutOwner);
        let hold = hold.filter(is_seen);
        hold.ok_or_else(|| Error::not_found("hold"))
    }

    async fn with_places(&self, hold: Hold) -> Result<HeldPlaces> {
        let held = self.all_with_places(vec![hold]).await?.pop();
        held.ok_or_else(|| Error::not_found("hold"))
    }

    /// Holds as callers see them: never as alive when their time is over or their event was called
    /// off, however late the sweep is.
    async fn all_with_places(&self, holds: Vec<Hold>) -> Result<Vec<HeldPlaces>> {
        let now = self.clock.now();
        let mut tx = self.store.read().await?;
        let ids: Vec<HoldId> = holds.iter().map(|hold| hold.hold_id).collect();
        let mut places = tx.hold_places(&ids).await?;
        let terms = tx.terms_by_id(&holds.iter().map(|hold| hold.event_id).collect()).await?;
        let held = holds.into_iter().map(|hold| {
            let terms = terms.get(&hold.event_id).ok_or_else(|| Error::not_found("event"))?;
            let currency = terms.currency;
            let HoldPlaces { seats, quantities } = places.remove(&hold.hold_id).unwrap_or_default();
            let of_seats = seats.iter().map(|place| Some(place.price_minor));
            let of_offers = quantities
                .iter()
                .map(|(offer, count)| offer.offer.price_minor.checked_mul(i64::from(*count)));
            let prices = of_seats.chain(of_offers).collect::<Option<Vec<i64>>>();
            let total = prices.and_then(|prices| Money::sum(currency, prices));
            let total = total.ok_or_else(|| Error::internal("the total of a hold does not fit"))?;
            Ok(HeldPlaces { hold: hold.at(terms, now), seats, quantities, currency, total })
        });
        held.collect()
    }

    async fn contact_email(&self, session: SessionId) -> Result<String> {
        let mut tx = self.store.read().await?;
        let known = identity::service::contact_email(&mut tx, session).await?;
        known.ok_or_else(|| Reason::ContactEmailRequired.into())
    }
}

/// A booking the caller may see: as its owner, as the organizer of its event, or as a service that
/// reads bookings. Anything else is not there.
async fn booking_of(tx: &mut Tx, caller: &Caller, booking_id: BookingId) -> Result<Booking> {
    let found = find_booking(tx, booking_id).await?;
    let booking = found.ok_or_else(|| Error::not_found("booking"))?;
    let terms = tx.terms_by_id(&BTreeSet::from([booking.event_id])).await?;
    let organizer = terms.get(&booking.event_id).map(|terms| SessionId::User(terms.organizer_id));
    let may_see = caller.may_see(booking.session)
        || organizer.is_some_and(|organizer| caller.may_see(organizer))
        || caller.has_scope(Scope::BookingsRead)
        || planted!(OwnershipNotChecked);
    if may_see { Ok(booking) } else { Err(Error::not_found("booking")) }
}

/// A booking, whoever's it is.
pub async fn find_booking(tx: &mut Tx, booking_id: BookingId) -> Result<Option<Booking>> {
    Ok(tx.bookings_by_id(&BTreeSet::from([booking_id])).await?.pop())
}
