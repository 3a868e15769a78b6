//! Bookings: buyers' orders.

use super::place::{Place, PlaceSet};
use super::saga::BookingFact;
use crate::error::{Error, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, HoldId, PaymentId, PlaceId};
use crate::kernel::limits::PAY_BY_SPAN;
use crate::kernel::money::{Currency, Money};
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;

/// The life cycle of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BookingState {
    /// The seats are claimed; it can be paid.
    Pending,
    /// A payment is open.
    AwaitingPayment,
    /// Paid.
    Confirmed,
    /// Cancelled.
    Cancelled,
    /// Payment failed for good.
    Failed,
    /// Not paid in time.
    Expired,
}

impl BookingState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::AwaitingPayment,
        Self::Confirmed,
        Self::Cancelled,
        Self::Failed,
        Self::Expired,
    ];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::AwaitingPayment => "AWAITING_PAYMENT",
            Self::Confirmed => "CONFIRMED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A buyer's order.
#[derive(Clone, Debug)]
pub struct Booking {
    /// The booking.
    pub booking_id: BookingId,
    /// The event.
    pub event_id: EventId,
    /// The hold it was made from.
    pub hold_id: HoldId,
    /// Whose it is.
    pub session: SessionId,
    /// Where tickets go.
    pub contact_email: String,
    /// The state now.
    pub state: BookingState,
    /// What has to be paid.
    pub total: Money,
    /// How many payments were declined.
    pub failed_payment_count: u32,
    /// Why the last payment, or the whole booking, failed; empty if nothing did.
    pub failure_code: String,
    /// The payment whose outcome is awaited.
    pub open_payment: Option<PaymentId>,
    /// The payment that paid it.
    pub paid_payment: Option<PaymentId>,
    /// Until when it can be paid.
    pub pay_by_time: Timestamp,
    /// Set once the outcome of a payment is awaited beyond the time to pay: until when.
    pub settle_by_time: Option<Timestamp>,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it last changed.
    pub update_time: Timestamp,
    /// Raised by every fact; 0 before the first.
    pub version: i64,
    /// The version that is stored.
    pub stored_version: i64,
    /// The places it is for, those among them that were given back since.
    pub places: Vec<Place>,
    /// Places that were given back and are not stored as such yet.
    pub newly_returned: Vec<PlaceId>,
}

/// What a booking is made of.
#[derive(Clone, Debug)]
pub struct NewBooking {
    /// The booking.
    pub booking_id: BookingId,
    /// The hold it is made from.
    pub hold_id: HoldId,
    /// The event.
    pub event_id: EventId,
    /// Whose it is.
    pub session: SessionId,
    /// Where tickets go.
    pub contact_email: String,
}

impl Booking {
    /// A new booking of places that have just been claimed for it.
    pub fn open(
        new: NewBooking,
        places: Vec<Place>,
        currency: Currency,
        now: Timestamp,
    ) -> Result<(Self, BookingFact)> {
        let priced = places.iter().skip(usize::from(planted!(WrongTotal)));
        let total = Money::sum(currency, priced.map(|place| place.price_minor))
            .ok_or_else(|| Error::internal("the total of a booking does not fit"))?;
        let booking = Self {
            booking_id: new.booking_id,
            event_id: new.event_id,
            hold_id: new.hold_id,
            session: new.session,
            contact_email: new.contact_email,
            state: BookingState::Pending,
            total,
            failed_payment_count: 0,
            failure_code: String::new(),
            open_payment: None,
            paid_payment: None,
            pay_by_time: now + PAY_BY_SPAN,
            settle_by_time: None,
            create_time: now,
            update_time: now,
            version: 1,
            stored_version: 0,
            places,
            newly_returned: Vec::new(),
        };
        Ok((booking, BookingFact::Created))
    }

    /// The places that belong to it: all but those that were given back.
    pub fn live_places(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| place.return_time.is_none())
    }

    /// The same as a set.
    pub fn place_set(&self) -> PlaceSet {
        self.live_places().collect()
    }

    /// In which state it has its places; `None` when it has lost them or given them back.
    pub fn holding(&self) -> Option<SeatState> {
        match self.state {
            BookingState::Pending | BookingState::AwaitingPayment => Some(SeatState::Claimed),
            BookingState::Cancelled if self.open_payment.is_some() => Some(SeatState::Claimed),
            BookingState::Confirmed => Some(SeatState::Sold),
            BookingState::Cancelled | BookingState::Failed | BookingState::Expired => None,
        }
    }

    /// What was paid for the places that were given back.
    pub fn refunded(&self) -> Money {
        let returned = self.places.iter().filter(|place| place.return_time.is_some());
        let prices = returned.map(|place| place.price_minor);
        // A part of the total, which fits.
        let minor = prices.fold(0, i64::saturating_add);
        Money { currency: self.total.currency, minor }
    }

    /// Whether this payment may still take money: it is the one that is awaited, and in time.
    pub fn awaits(&self, payment: PaymentId) -> bool {
        self.state == BookingState::AwaitingPayment
            && self.open_payment == Some(payment)
            && self.settle_by_time.is_none()
    }
}
