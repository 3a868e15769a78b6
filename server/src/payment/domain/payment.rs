//! What a payment is and what the gateway's answers make of it.

use std::time::Duration;

use super::refund::{Refund, RefundState};
use crate::booking::domain::saga::Trigger;
use crate::error::{Reason, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, PaymentId, RefundId};
use crate::kernel::limits::{
    GATEWAY_LEASE, GATEWAY_LONG_PAUSE_MAX, GATEWAY_PATIENT_ASKS, GATEWAY_PAUSE_MAX,
};
use crate::kernel::money::Money;
use crate::kernel::time::Timestamp;
use crate::ports::gateway::{Charge, ChargeOutcome, FailureCode, PaymentMethod};

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

    /// Whether it is the gateway, and not the buyer, who has to go on.
    pub const fn awaits_gateway(self) -> bool {
        matches!(self, Self::Pending | Self::Unknown)
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
    /// How the buyer pays.
    pub method: PaymentMethod,
    /// What the gateway made of the buyer's card.
    pub payment_token: String,
    /// Why it failed, if it did.
    pub failure_code: Option<FailureCode>,
    /// Where the buyer has to do something more; empty unless he has.
    pub action_url: String,
    /// What that gave; empty until it is known. The gateway is asked with it from then on.
    pub action_answer: String,
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
    /// The buyer has to do something more.
    RequiresAction,
    /// It took the money.
    Succeeded,
    /// It was declined.
    Failed,
    /// It was cancelled.
    Canceled,
    /// Money has to be given back: how much and why.
    RefundRequested(i64, String),
    /// Money was given back: how much.
    RefundSucceeded(i64),
}

/// What a payment is made of.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// The payment.
    pub payment_id: PaymentId,
    /// The booking it pays for.
    pub booking_id: BookingId,
    /// The booking's event.
    pub event_id: EventId,
    /// Whose it is.
    pub session: SessionId,
    /// The booking's total.
    pub amount: Money,
    /// How the buyer pays.
    pub method: PaymentMethod,
    /// What the gateway made of the buyer's card.
    pub payment_token: String,
}

/// Money that is wanted back.
#[derive(Clone, Debug)]
pub struct RefundWanted {
    /// The refund.
    pub refund_id: RefundId,
    /// How much, in minor units.
    pub minor: i64,
    /// What it follows from.
    pub cause: String,
    /// What whoever asks for it says about it.
    pub reason: String,
}

impl Payment {
    /// A new payment, which whoever made it asks the gateway about first.
    pub fn begin(new: NewPayment, now: Timestamp) -> Self {
        Self {
            payment_id: new.payment_id,
            booking_id: new.booking_id,
            event_id: new.event_id,
            session: new.session,
            state: PaymentState::Pending,
            amount: new.amount,
            method: new.method,
            payment_token: new.payment_token,
            failure_code: None,
            action_url: String::new(),
            action_answer: String::new(),
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
            (PaymentState::Succeeded, ChargeOutcome::Failed { failure_code })
                if planted!(DeclineUndoesSuccess) =>
            {
                let trigger = Trigger::PaymentFailed(id, failure_code.name().to_owned());
                (PaymentState::Failed, PaymentFact::Failed, Some(trigger))
            }
            (PaymentState::Succeeded, _) => return None,
            (_, ChargeOutcome::Succeeded { gateway_reference }) => {
                self.gateway_reference.clone_from(gateway_reference);
                self.failure_code = None;
                let trigger = Trigger::PaymentSucceeded(id);
                (PaymentState::Succeeded, PaymentFact::Succeeded, Some(trigger))
            }
            (PaymentState::Failed | PaymentState::Canceled, _) => return None,
            (_, ChargeOutcome::Failed { failure_code }) => {
                self.failure_code = Some(*failure_code);
                let trigger = Trigger::PaymentFailed(id, failure_code.name().to_owned());
                (PaymentState::Failed, PaymentFact::Failed, Some(trigger))
            }
            (_, ChargeOutcome::Canceled) => {
                let trigger = Trigger::PaymentCanceled(id);
                (PaymentState::Canceled, PaymentFact::Canceled, Some(trigger))
            }
            (state, ChargeOutcome::RequiresAction { redirect_url }) => {
                self.ask_later(now);
                if state == PaymentState::RequiresAction {
                    return None;
                }
                self.action_url.clone_from(redirect_url);
                (PaymentState::RequiresAction, PaymentFact::RequiresAction, None)
            }
            (state, ChargeOutcome::Unknown) => {
                self.ask_later(now);
                // What the buyer has to do is not forgotten because the gateway is silent for once.
                if state != PaymentState::Pending {
                    return None;
                }
                (PaymentState::Unknown, PaymentFact::Unknown, None)
            }
        };
        self.state = state;
        if !state.is_open() {
            self.next_ask_time = None;
            self.action_url.clear();
        }
        self.tell(now);
        Some((fact, trigger))
    }

    fn ask_later(&mut self, now: Timestamp) {
        self.next_ask_time = Some(now + pause(self.ask_count));
        self.ask_count = self.ask_count.saturating_add(1);
    }

    /// Takes what the buyer's action gave, with which the gateway is asked from now on.
    pub fn answer_action(&mut self, answer: String, now: Timestamp) -> Result<()> {
        if self.state != PaymentState::RequiresAction || !self.action_answer.is_empty() {
            return Err(Reason::PaymentActionNotAwaited.with("state", self.state.name()));
        }
        self.action_answer = answer;
        self.ask_count = 0;
        // Whoever records it asks the gateway first.
        self.next_ask_time = Some(now + GATEWAY_LEASE);
        self.update_time = now;
        Ok(())
    }

    /// Gives all of it back that was not given back before.
    pub fn refund(&mut self, cause: &'static str, now: Timestamp) -> Option<Refund> {
        let wanted = RefundWanted {
            refund_id: RefundId::derived(&[self.payment_id.uuid().as_bytes(), cause.as_bytes()]),
            minor: self.left_minor(),
            cause: cause.to_owned(),
            reason: String::new(),
        };
        self.refund_part(wanted, now)
    }

    /// Gives so much of it back, and never more than was taken and not given back before; `None` if
    /// there is nothing to give back.
    pub fn refund_part(&mut self, wanted: RefundWanted, now: Timestamp) -> Option<Refund> {
        let minor = wanted.minor.min(self.left_minor());
        if minor <= 0 {
            return None;
        }
        self.refunded_minor += minor;
        self.tell(now);
        Some(Refund {
            refund_id: wanted.refund_id,
            payment_id: self.payment_id,
            booking_id: self.booking_id,
            event_id: self.event_id,
            state: RefundState::Pending,
            amount: Money { currency: self.amount.currency, minor },
            cause: wanted.cause,
            reason: wanted.reason,
            ask_count: 0,
            create_time: now,
            update_time: now,
        })
    }

    /// How much of it was taken and not given back.
    pub fn left_minor(&self) -> i64 {
        match self.state {
            PaymentState::Succeeded => self.amount.minor - self.refunded_minor,
            _ => 0,
        }
    }

    /// Raises the version for one more fact.
    pub fn tell(&mut self, now: Timestamp) {
        self.version += 1;
        self.update_time = now;
    }
}

/// How long to wait before the gateway is asked again: 1, 2, 4 … seconds up to a minute, and once
/// nobody can be waiting any more, 2, 4, 8 … minutes up to an hour.
pub fn pause(ask_count: u32) -> Duration {
    let doubled = |span: Duration, times: u32| {
        span.saturating_mul(1_u32.checked_shl(times).unwrap_or(u32::MAX))
    };
    match ask_count.checked_sub(GATEWAY_PATIENT_ASKS) {
        None => doubled(Duration::from_secs(1), ask_count).min(GATEWAY_PAUSE_MAX),
        Some(more) => {
            doubled(GATEWAY_PAUSE_MAX, more.saturating_add(1)).min(GATEWAY_LONG_PAUSE_MAX)
        }
    }
}

#[cfg(test)]
#[path = "payment_tests.rs"]
mod tests;
