//! Bookings and the purchase saga: what each happening makes of a booking in each state.

use super::board::Place;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, HoldId, PaymentId, SeatId};
use crate::kernel::limits::{FAILED_PAYMENTS_MAX, PAY_BY_SPAN, SETTLE_BY_SPAN};
use crate::kernel::money::Money;
use crate::kernel::time::Timestamp;

/// The failure code of a booking whose time to pay passed after a decline.
pub const PAY_BY_PASSED: &str = "pay_by_passed";
/// The failure code of a payment that was cancelled while the booking could still be paid.
pub const PAYMENT_CANCELED: &str = "payment_canceled";

/// The life cycle of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BookingState {
    /// The seats are claimed; it can be paid.
    Pending,
    /// A payment is open.
    AwaitingPayment,
    /// Paid.
    Confirmed,
    /// Cancelled by its owner.
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
    /// The places it is for.
    pub places: Vec<Place>,
}

/// What can happen to a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A payment begins.
    PaymentStarted(PaymentId),
    /// Its total is zero, so nothing has to be paid.
    NothingToPay,
    /// A payment took the money.
    PaymentSucceeded(PaymentId),
    /// A payment was declined, with its failure code.
    PaymentFailed(PaymentId, String),
    /// A payment was cancelled before any money was taken.
    PaymentCanceled(PaymentId),
    /// Its owner cancels it.
    CancelRequested,
    /// The time to pay is over.
    PayByPassed,
    /// The time to wait for an outcome is over.
    SettleByPassed,
}

/// What happens to the places of a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlacesMove {
    /// They stay as they are.
    Keep,
    /// They are free for others.
    Free,
    /// They are sold to this booking.
    Sell,
}

/// A fact about a booking that the world is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookingFact {
    /// It was made.
    Created,
    /// A payment began.
    PaymentStarted(PaymentId),
    /// A payment failed and it can still be paid.
    PaymentFailed(PaymentId, String),
    /// The outcome of its payment is awaited beyond the time to pay.
    Settling,
    /// It is paid, by this payment unless there was nothing to pay.
    Confirmed(Option<PaymentId>),
    /// It failed for good.
    Failed(String),
    /// It was not paid in time.
    Expired,
    /// Its owner cancelled it.
    Cancelled,
    /// Its places were given back after it was cancelled.
    PlacesFreed,
}

/// What follows from a happening, besides the new state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What becomes of the places.
    pub places: PlacesMove,
    /// Why money that was taken has to be given back, if it has.
    pub refund_cause: Option<&'static str>,
    /// The fact to tell; `None` when nothing changed.
    pub fact: Option<BookingFact>,
}

impl Step {
    const NOTHING: Self = Self { places: PlacesMove::Keep, refund_cause: None, fact: None };

    fn refund(cause: &'static str) -> Self {
        Self { refund_cause: Some(cause), ..Self::NOTHING }
    }

    fn fact(places: PlacesMove, fact: BookingFact) -> Self {
        Self { places, fact: Some(fact), ..Self::NOTHING }
    }
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
        currency: crate::kernel::money::Currency,
        now: Timestamp,
    ) -> Result<(Self, BookingFact)> {
        let total = Money::sum(currency, places.iter().map(|place| place.price_minor))
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
        };
        Ok((booking, BookingFact::Created))
    }

    /// The seats it is for.
    pub fn seats(&self) -> Vec<SeatId> {
        self.places.iter().map(|place| place.seat_id).collect()
    }

    /// Whether this payment may still take money: it is the one that is awaited, and in time.
    pub fn awaits(&self, payment: PaymentId) -> bool {
        self.state == BookingState::AwaitingPayment
            && self.open_payment == Some(payment)
            && self.settle_by_time.is_none()
    }

    /// What a happening makes of it. `places_are_free` tells whether its places, if they are no
    /// longer its own, could be had again now. A refusal changes nothing. The cells are the table
    /// of the purchase saga in ARCHITECTURE.md.
    pub fn step(
        &mut self,
        trigger: &Trigger,
        places_are_free: bool,
        now: Timestamp,
    ) -> Result<Step> {
        use BookingState::{AwaitingPayment, Cancelled, Confirmed, Expired, Failed, Pending};
        let step = match (self.state, trigger) {
            (Pending, Trigger::PaymentStarted(payment)) if now < self.pay_by_time => {
                self.state = AwaitingPayment;
                self.open_payment = Some(*payment);
                Step::fact(PlacesMove::Keep, BookingFact::PaymentStarted(*payment))
            }
            (AwaitingPayment, Trigger::PaymentStarted(_)) => return Err(self.payment_open()),
            (Pending, Trigger::NothingToPay) if self.total.minor == 0 => self.confirm(None),
            (Pending | AwaitingPayment, Trigger::PaymentSucceeded(payment)) => {
                self.confirm(Some(*payment))
            }
            (Expired | Failed, Trigger::PaymentSucceeded(payment)) if places_are_free => {
                self.confirm(Some(*payment))
            }
            (Expired | Failed, Trigger::PaymentSucceeded(_)) => Step::refund("places_taken"),
            (Confirmed, Trigger::PaymentSucceeded(payment)) => {
                let again = self.paid_payment == Some(*payment);
                if again { Step::NOTHING } else { Step::refund("second_capture") }
            }
            (Cancelled, Trigger::PaymentSucceeded(payment)) => {
                let freed = self.free_after_cancel(*payment);
                Step { refund_cause: Some("booking_cancelled"), ..freed }
            }
            (AwaitingPayment, Trigger::PaymentFailed(payment, code)) => {
                self.payment_failed(*payment, code, now)
            }
            (AwaitingPayment, Trigger::PaymentCanceled(payment)) => {
                self.payment_canceled(*payment, now)
            }
            (Cancelled, Trigger::PaymentFailed(payment, _) | Trigger::PaymentCanceled(payment)) => {
                self.free_after_cancel(*payment)
            }
            (
                Pending | Confirmed | Expired | Failed,
                Trigger::PaymentFailed(..) | Trigger::PaymentCanceled(_),
            ) => Step::NOTHING,
            (Pending | AwaitingPayment, Trigger::CancelRequested) => self.cancel(now),
            (Pending, Trigger::PayByPassed) if self.pay_by_time <= now => self.lapse(),
            (AwaitingPayment, Trigger::PayByPassed) if self.waits_too_long(now) => {
                self.settle_by_time = Some(now + SETTLE_BY_SPAN);
                Step::fact(PlacesMove::Keep, BookingFact::Settling)
            }
            (AwaitingPayment, Trigger::SettleByPassed) if self.settling_is_over(now) => {
                self.lapse()
            }
            (Cancelled, Trigger::SettleByPassed) if self.settling_is_over(now) => {
                self.open_payment.map_or(Step::NOTHING, |payment| self.free_after_cancel(payment))
            }
            (state, _) => return Err(Reason::BookingState.with("state", state.name())),
        };
        if step.fact.is_some() {
            self.version += 1;
            self.update_time = now;
        }
        Ok(step)
    }

    fn payment_open(&self) -> Error {
        match self.open_payment {
            Some(payment) => Reason::PaymentOpen.with("payment_id", payment),
            None => Reason::PaymentOpen.into(),
        }
    }

    fn waits_too_long(&self, now: Timestamp) -> bool {
        self.pay_by_time <= now && self.settle_by_time.is_none()
    }

    fn settling_is_over(&self, now: Timestamp) -> bool {
        self.settle_by_time.is_some_and(|until| until <= now)
    }

    fn confirm(&mut self, payment: Option<PaymentId>) -> Step {
        self.state = BookingState::Confirmed;
        self.paid_payment = payment;
        self.open_payment = None;
        self.settle_by_time = None;
        self.failure_code.clear();
        Step::fact(PlacesMove::Sell, BookingFact::Confirmed(payment))
    }

    fn payment_failed(&mut self, payment: PaymentId, code: &str, now: Timestamp) -> Step {
        if self.open_payment != Some(payment) {
            return Step::NOTHING;
        }
        self.open_payment = None;
        self.failed_payment_count += 1;
        code.clone_into(&mut self.failure_code);
        let over = self.settle_by_time.is_some() || self.pay_by_time <= now;
        if over || self.failed_payment_count >= FAILED_PAYMENTS_MAX {
            self.state = BookingState::Failed;
            self.settle_by_time = None;
            return Step::fact(PlacesMove::Free, BookingFact::Failed(code.to_owned()));
        }
        self.state = BookingState::Pending;
        Step::fact(PlacesMove::Keep, BookingFact::PaymentFailed(payment, code.to_owned()))
    }

    fn payment_canceled(&mut self, payment: PaymentId, now: Timestamp) -> Step {
        if self.open_payment != Some(payment) {
            return Step::NOTHING;
        }
        if self.settle_by_time.is_some() || self.pay_by_time <= now {
            return self.lapse();
        }
        self.open_payment = None;
        self.state = BookingState::Pending;
        PAYMENT_CANCELED.clone_into(&mut self.failure_code);
        let fact = BookingFact::PaymentFailed(payment, PAYMENT_CANCELED.to_owned());
        Step::fact(PlacesMove::Keep, fact)
    }

    fn cancel(&mut self, now: Timestamp) -> Step {
        self.state = BookingState::Cancelled;
        if self.open_payment.is_none() {
            return Step::fact(PlacesMove::Free, BookingFact::Cancelled);
        }
        // Cancelling does not start the time to settle anew.
        self.settle_by_time.get_or_insert(now + SETTLE_BY_SPAN);
        Step::fact(PlacesMove::Keep, BookingFact::Cancelled)
    }

    fn free_after_cancel(&mut self, payment: PaymentId) -> Step {
        if self.open_payment != Some(payment) {
            return Step::NOTHING;
        }
        self.open_payment = None;
        self.settle_by_time = None;
        Step::fact(PlacesMove::Free, BookingFact::PlacesFreed)
    }

    /// Ends it unpaid. A payment that is still open goes on being asked about.
    fn lapse(&mut self) -> Step {
        self.open_payment = None;
        self.settle_by_time = None;
        if self.failed_payment_count == 0 {
            self.state = BookingState::Expired;
            return Step::fact(PlacesMove::Free, BookingFact::Expired);
        }
        self.state = BookingState::Failed;
        PAY_BY_PASSED.clone_into(&mut self.failure_code);
        Step::fact(PlacesMove::Free, BookingFact::Failed(PAY_BY_PASSED.to_owned()))
    }
}
