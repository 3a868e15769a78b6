//! The purchase saga: what each happening makes of a booking in each state.

use std::collections::{BTreeMap, BTreeSet};

use super::booking::{Booking, BookingState};
use super::inventory::EventTerms;
use super::place::Place;
use crate::error::{Error, Reason, Result};
use crate::kernel::id::{PaymentId, PlaceId};
use crate::kernel::limits::{FAILED_PAYMENTS_MAX, SETTLE_BY_SPAN};
use crate::kernel::money::Money;
use crate::kernel::time::Timestamp;

/// The failure code of a booking whose time to pay passed after a decline.
pub const PAY_BY_PASSED: &str = "pay_by_passed";
/// The failure code of a payment that was cancelled while the booking could still be paid.
pub const PAYMENT_CANCELED: &str = "payment_canceled";

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
    /// It is to be cancelled.
    CancelRequested(Canceller),
    /// Some of its places are given back, or, if none is named, all of them. The money is the
    /// affair of whoever asks for it.
    PlacesReturned(BTreeSet<PlaceId>),
    /// The time to pay is over.
    PayByPassed,
    /// The time to wait for an outcome is over.
    SettleByPassed,
}

/// Who cancels a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceller {
    /// Its owner; a paid one only until the event's policy says.
    Owner,
    /// The organizer of its event, or an operator.
    Organizer,
    /// Nobody in person: the event was called off.
    Event,
}

impl Canceller {
    /// The name that events use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Organizer => "organizer",
            Self::Event => "event_cancelled",
        }
    }
}

/// What a happening depends on besides the booking.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'e> {
    /// The terms of its event.
    pub terms: &'e EventTerms,
    /// Whether its places, if they are no longer its own, could be had again now.
    pub places_are_free: bool,
}

/// What happens to the places of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacesMove {
    /// They stay as they are.
    Keep,
    /// They are free for others.
    Free,
    /// They are taken from the booking and sold to nobody any more.
    Block,
    /// These of them are free for others.
    Return(Vec<Place>),
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
    /// It was cancelled.
    Cancelled(Cancellation),
    /// These of its places were given back, which had cost so much.
    PlacesReturned(Vec<PlaceId>, Money),
    /// Its places were given back after it was cancelled.
    PlacesFreed,
}

/// What is told of a cancelled booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// Who cancelled it.
    pub by: Canceller,
    /// Whether it was confirmed, so that it had tickets.
    pub was_confirmed: bool,
    /// The payment that had paid it.
    pub paid_payment: Option<PaymentId>,
    /// What of that payment has to be given back now.
    pub refund: Option<Money>,
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

/// What becomes of places that nobody is asked about any more.
fn freed_by(by: Canceller) -> PlacesMove {
    match by {
        Canceller::Owner | Canceller::Organizer => PlacesMove::Free,
        Canceller::Event => PlacesMove::Block,
    }
}

impl Booking {
    /// What a happening makes of it. A refusal changes nothing. The cells are the table of the
    /// purchase saga in ARCHITECTURE.md.
    pub fn step(
        &mut self,
        trigger: &Trigger,
        circumstances: Circumstances<'_>,
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
            (Expired | Failed, Trigger::PaymentSucceeded(payment))
                if circumstances.places_are_free || planted!(LateMoneyTakesPlaces) =>
            {
                self.confirm(Some(*payment))
            }
            (Expired | Failed, Trigger::PaymentSucceeded(_)) => Step::refund("places_taken"),
            (Confirmed | Cancelled, Trigger::PaymentSucceeded(payment))
                if self.paid_payment == Some(*payment) =>
            {
                Step::NOTHING
            }
            (Confirmed, Trigger::PaymentSucceeded(_)) => Step::refund("second_capture"),
            (Cancelled, Trigger::PaymentSucceeded(payment)) => {
                Step { refund_cause: Some("booking_cancelled"), ..self.free_after_cancel(*payment) }
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
            (Pending | AwaitingPayment, Trigger::CancelRequested(by)) => self.cancel(*by, now),
            (Confirmed, Trigger::CancelRequested(by)) => {
                self.cancel_confirmed(*by, circumstances.terms, now)?
            }
            (Confirmed, Trigger::PlacesReturned(places)) => self.return_places(places, now)?,
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
            self.version += if planted!(VersionGap) { 2 } else { 1 };
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
        let places = if planted!(DeclineFreesPlaces) { PlacesMove::Free } else { PlacesMove::Keep };
        Step::fact(places, BookingFact::PaymentFailed(payment, code.to_owned()))
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

    fn cancel(&mut self, by: Canceller, now: Timestamp) -> Step {
        self.state = BookingState::Cancelled;
        let told = Cancellation { by, was_confirmed: false, paid_payment: None, refund: None };
        let fact = BookingFact::Cancelled(told);
        if self.open_payment.is_none() && !planted!(CancelledKeepsPlaces) {
            return Step::fact(freed_by(by), fact);
        }
        // Cancelling does not start the time to settle anew.
        self.settle_by_time.get_or_insert(now + SETTLE_BY_SPAN);
        Step::fact(PlacesMove::Keep, fact)
    }

    fn cancel_confirmed(
        &mut self,
        by: Canceller,
        terms: &EventTerms,
        now: Timestamp,
    ) -> Result<Step> {
        if by == Canceller::Owner {
            terms.require_cancellable(now)?;
        }
        let refund = self.take_back(|_| true, now);
        let is_due = |refund: &Money| refund.minor > 0 && !planted!(CancelledKeepsMoney);
        Ok(self.cancel_paid(by, Some(refund).filter(is_due)))
    }

    /// Ends a paid booking, all of whose places were taken back.
    fn cancel_paid(&mut self, by: Canceller, refund: Option<Money>) -> Step {
        self.state = BookingState::Cancelled;
        let paid_payment = self.paid_payment;
        let told = Cancellation { by, was_confirmed: true, paid_payment, refund };
        let fact = BookingFact::Cancelled(told);
        Step::fact(freed_by(by), fact)
    }

    fn return_places(&mut self, wanted: &BTreeSet<PlaceId>, now: Timestamp) -> Result<Step> {
        let live: BTreeMap<PlaceId, &Place> =
            self.live_places().map(|place| (place.place_id, place)).collect();
        if let Some(unknown) = wanted.iter().find(|id| !live.contains_key(id)) {
            return Err(Reason::PlaceUnknown.with("place_id", unknown));
        }
        if wanted.is_empty() || wanted.len() == live.len() {
            self.take_back(|_| true, now);
            return Ok(self.cancel_paid(Canceller::Organizer, None));
        }
        let returned = wanted.iter().filter_map(|id| live.get(id)).map(|place| (*place).clone());
        let returned: Vec<Place> = returned.collect();
        let refund = self.take_back(|place| wanted.contains(&place.place_id), now);
        let fact = BookingFact::PlacesReturned(wanted.iter().copied().collect(), refund);
        Ok(Step::fact(PlacesMove::Return(returned), fact))
    }

    /// Marks those of its places as given back. Answers with what they had cost.
    fn take_back(&mut self, wanted: impl Fn(&Place) -> bool, now: Timestamp) -> Money {
        let mut minor = 0_i64;
        for place in &mut self.places {
            if place.return_time.is_none() && wanted(place) {
                place.return_time = Some(now);
                minor = minor.saturating_add(place.price_minor);
                self.newly_returned.push(place.place_id);
            }
        }
        Money { currency: self.total.currency, minor }
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
