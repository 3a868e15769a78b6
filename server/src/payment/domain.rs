//! What a payment is and what the gateway's answers make of it.

use std::time::Duration;

use crate::booking::domain::booking::Trigger;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, PaymentId, RefundId};
use crate::kernel::limits::{GATEWAY_LEASE, GATEWAY_PAUSE_MAX};
use crate::kernel::money::Money;
use crate::kernel::time::Timestamp;
use crate::ports::gateway::{Charge, ChargeOutcome};

/// The life cycle of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PaymentState {
    /// Recorded; the gateway has not answered yet.
    Pending,
    /// The money was taken.
    Succeeded,
    /// Declined; nothing was taken.
    Failed,
    /// The buyer has to do something more.
    RequiresAction,
    /// Nobody knows yet.
    Unknown,
    /// Cancelled before any money was taken.
    Canceled,
}

impl PaymentState {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pending,
        Self::Succeeded,
        Self::Failed,
        Self::RequiresAction,
        Self::Unknown,
        Self::Canceled,
    ];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::RequiresAction => "REQUIRES_ACTION",
            Self::Unknown => "UNKNOWN",
            Self::Canceled => "CANCELED",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether its outcome is still awaited.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Pending | Self::RequiresAction | Self::Unknown)
    }
}

/// One attempt to take the money for a booking.
#[derive(Clone, Debug)]
pub struct Payment {
    /// The payment.
    pub payment_id: PaymentId,
    /// The booking it pays for.
    pub booking_id: BookingId,
    /// The booking's event.
    pub event_id: EventId,
    /// Whose it is.
    pub session: SessionId,
    /// The state now.
    pub state: PaymentState,
    /// The amount: the booking's total.
    pub amount: Money,
    /// What the gateway made of the buyer's card.
    pub payment_token: String,
    /// Why it failed; empty unless it did.
    pub failure_code: String,
    /// The gateway's own reference; empty until it is known.
    pub gateway_reference: String,
    /// How much of it was given back, or is being given back.
    pub refunded_minor: i64,
    /// How often the gateway was asked without an answer.
    pub ask_count: u32,
    /// When the gateway is asked next; `None` once the outcome is known.
    pub next_ask_time: Option<Timestamp>,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it last changed.
    pub update_time: Timestamp,
    /// Raised by every fact.
    pub version: i64,
    /// The version that is stored; 0 before the first.
    pub stored_version: i64,
}

/// A fact about a payment that the world is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaymentFact {
    /// It was recorded.
    Created,
    /// The gateway's answer is not known.
    Unknown,
    /// It took the money.
    Succeeded,
    /// It was declined.
    Failed,
    /// It was cancelled.
    Canceled,
    /// Money has to be given back: how much and why.
    RefundRequested(i64, &'static str),
    /// Money was given back: how much.
    RefundSucceeded(i64),
}

/// Money to be given back.
#[derive(Clone, Debug)]
pub struct PendingRefund {
    /// The refund.
    pub refund_id: RefundId,
    /// The payment it returns money of.
    pub payment_id: PaymentId,
    /// The booking that was paid.
    pub booking_id: BookingId,
    /// The booking's event.
    pub event_id: EventId,
    /// How much.
    pub amount: Money,
    /// Why.
    pub cause: String,
    /// How often the gateway was asked in vain.
    pub ask_count: u32,
}

impl Payment {
    /// A new payment, which whoever made it asks the gateway about first.
    pub fn begin(
        payment_id: PaymentId,
        booking_id: BookingId,
        event_id: EventId,
        session: SessionId,
        amount: Money,
        payment_token: String,
        now: Timestamp,
    ) -> Self {
        Self {
            payment_id,
            booking_id,
            event_id,
            session,
            state: PaymentState::Pending,
            amount,
            payment_token,
            failure_code: String::new(),
            gateway_reference: String::new(),
            refunded_minor: 0,
            ask_count: 0,
            next_ask_time: Some(now + GATEWAY_LEASE),
            create_time: now,
            update_time: now,
            version: 1,
            stored_version: 0,
        }
    }

    /// What the gateway is asked for.
    pub fn charge(&self) -> Charge {
        Charge {
            payment_id: self.payment_id,
            amount: self.amount,
            payment_token: self.payment_token.clone(),
        }
    }

    /// What the gateway's answer makes of it: the fact, and what it means for the booking. A
    /// success counts whenever it comes; anything else only while the outcome is awaited.
    pub fn hear(
        &mut self,
        outcome: &ChargeOutcome,
        now: Timestamp,
    ) -> Option<(PaymentFact, Option<Trigger>)> {
        let id = self.payment_id;
        let (state, fact, trigger) = match (self.state, outcome) {
            (PaymentState::Succeeded, _) => return None,
            (_, ChargeOutcome::Succeeded { gateway_reference }) => {
                self.gateway_reference.clone_from(gateway_reference);
                self.failure_code.clear();
                let trigger = Trigger::PaymentSucceeded(id);
                (PaymentState::Succeeded, PaymentFact::Succeeded, Some(trigger))
            }
            (PaymentState::Failed | PaymentState::Canceled, _) => return None,
            (_, ChargeOutcome::Failed { failure_code }) => {
                (*failure_code).clone_into(&mut self.failure_code);
                let trigger = Trigger::PaymentFailed(id, self.failure_code.clone());
                (PaymentState::Failed, PaymentFact::Failed, Some(trigger))
            }
            (_, ChargeOutcome::Canceled) => {
                let trigger = Trigger::PaymentCanceled(id);
                (PaymentState::Canceled, PaymentFact::Canceled, Some(trigger))
            }
            (state, ChargeOutcome::Unknown) => {
                self.next_ask_time = Some(now + pause(self.ask_count));
                self.ask_count = self.ask_count.saturating_add(1);
                if state == PaymentState::Unknown {
                    return None;
                }
                (PaymentState::Unknown, PaymentFact::Unknown, None)
            }
        };
        self.state = state;
        if !state.is_open() {
            self.next_ask_time = None;
        }
        self.tell(now);
        Some((fact, trigger))
    }

    /// Gives all of it back that was not given back before.
    pub fn refund(&mut self, cause: &'static str, now: Timestamp) -> Option<PendingRefund> {
        let minor = self.amount.minor - self.refunded_minor;
        if self.state != PaymentState::Succeeded || minor <= 0 {
            return None;
        }
        self.refunded_minor = self.amount.minor;
        self.tell(now);
        Some(PendingRefund {
            refund_id: RefundId::derived(&[self.payment_id.uuid().as_bytes(), cause.as_bytes()]),
            payment_id: self.payment_id,
            booking_id: self.booking_id,
            event_id: self.event_id,
            amount: Money { currency: self.amount.currency, minor },
            cause: cause.to_owned(),
            ask_count: 0,
        })
    }

    /// Raises the version for one more fact.
    pub fn tell(&mut self, now: Timestamp) {
        self.version += 1;
        self.update_time = now;
    }
}

/// How long to wait before the gateway is asked again: 1, 2, 4 … seconds.
pub fn pause(ask_count: u32) -> Duration {
    let seconds = 1_u64.checked_shl(ask_count).unwrap_or(u64::MAX);
    Duration::from_secs(seconds).min(GATEWAY_PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::GuestId;
    use crate::kernel::money::Currency;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn payment() -> Payment {
        Payment::begin(
            PaymentId::new(NOW, [1; 10]),
            BookingId::new(NOW, [2; 10]),
            EventId::new(NOW, [3; 10]),
            SessionId::Guest(GuestId::new(NOW, [4; 10])),
            Money { currency: Currency::parse("EUR").unwrap(), minor: 500 },
            "tok_success".into(),
            NOW,
        )
    }

    fn succeeded() -> ChargeOutcome {
        ChargeOutcome::Succeeded { gateway_reference: "ref".into() }
    }

    #[test]
    fn a_late_failure_never_undoes_a_success() {
        let mut payment = payment();
        payment.hear(&succeeded(), NOW).unwrap();
        let late = [
            ChargeOutcome::Failed { failure_code: "card_declined" },
            ChargeOutcome::Canceled,
            ChargeOutcome::Unknown,
            succeeded(),
        ];
        for outcome in late {
            assert_eq!(payment.hear(&outcome, NOW), None);
            assert_eq!(payment.state, PaymentState::Succeeded);
        }
    }

    #[test]
    fn an_unknown_outcome_is_asked_about_with_growing_pauses_and_told_once() {
        let mut payment = payment();
        assert_eq!(payment.hear(&ChargeOutcome::Unknown, NOW), Some((PaymentFact::Unknown, None)));
        assert_eq!(payment.next_ask_time, Some(NOW + Duration::from_secs(1)));
        assert_eq!(payment.hear(&ChargeOutcome::Unknown, NOW), None);
        assert_eq!(payment.next_ask_time, Some(NOW + Duration::from_secs(2)));
        assert_eq!(pause(200), GATEWAY_PAUSE_MAX);
        let (fact, _) = payment.hear(&succeeded(), NOW).unwrap();
        assert_eq!((fact, payment.next_ask_time), (PaymentFact::Succeeded, None));
    }

    #[test]
    fn money_is_given_back_once_and_only_if_it_was_taken() {
        let mut payment = payment();
        assert!(payment.refund("second_capture", NOW).is_none());
        payment.hear(&succeeded(), NOW).unwrap();
        let refund = payment.refund("second_capture", NOW).unwrap();
        assert_eq!(refund.amount.minor, 500);
        assert!(payment.refund("second_capture", NOW).is_none());
    }
}
