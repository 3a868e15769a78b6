//! What payments tell the world.

use boxoffice_proto::events::v1 as wire;
use prost::Message;

use super::domain::{Payment, PaymentFact};
use crate::error::{Error, Result};
use crate::kernel::id::PaymentId;
use crate::kernel::money::{Currency, Money};
use crate::kernel::time::Timestamp;
use crate::ports::gateway::FailureCode;
use crate::store::Event;
use crate::transport::wire::{amount, money};

/// What a booking that was cancelled tells payments.
pub struct CancelledBooking {
    /// Who or what cancelled it.
    pub cause: String,
    /// The payment that had paid it.
    pub payment_id: PaymentId,
    /// What of that has to be given back.
    pub refund: Money,
}

/// Reads `BookingCancelled`; `None` when nothing has to be given back.
pub fn cancelled_booking(event: &Event) -> Result<Option<CancelledBooking>> {
    let message = wire::BookingCancelled::decode(event.payload.as_slice());
    let message = message.map_err(Error::internal)?;
    let Some(refund) = message.refund else { return Ok(None) };
    let unreadable = || Error::internal("a cancelled booking whose refund makes no sense");
    let payment_id = PaymentId::parse(&message.payment_id).ok_or_else(unreadable)?;
    let currency = Currency::parse(&refund.currency_code).ok_or_else(unreadable)?;
    let refund = Money { currency, minor: refund.minor_units };
    Ok(Some(CancelledBooking { cause: message.cause, payment_id, refund }))
}

/// The event of a fact about a payment, as it was right after it.
pub fn payment_event(payment: &Payment, fact: &PaymentFact, now: Timestamp) -> Event {
    let payment_id = payment.payment_id.to_string();
    let booking_id = payment.booking_id.to_string();
    let currency = payment.amount.currency;
    let (kind, payload) = match fact {
        PaymentFact::Created => {
            let amount = Some(money(payment.amount));
            let message = wire::PaymentCreated { payment_id, booking_id, amount };
            ("PaymentCreated", message.encode_to_vec())
        }
        PaymentFact::Unknown => {
            let message = wire::PaymentUnknown { payment_id, booking_id };
            ("PaymentUnknown", message.encode_to_vec())
        }
        PaymentFact::RequiresAction => {
            let message = wire::PaymentRequiresAction { payment_id, booking_id };
            ("PaymentRequiresAction", message.encode_to_vec())
        }
        PaymentFact::Succeeded => {
            let gateway_reference = payment.gateway_reference.clone();
            let message = wire::PaymentSucceeded { payment_id, booking_id, gateway_reference };
            ("PaymentSucceeded", message.encode_to_vec())
        }
        PaymentFact::Failed => {
            let failure_code = payment.failure_code.map_or("", FailureCode::name).to_owned();
            let message = wire::PaymentFailed { payment_id, booking_id, failure_code };
            ("PaymentFailed", message.encode_to_vec())
        }
        PaymentFact::Canceled => {
            let message = wire::PaymentCanceled { payment_id, booking_id };
            ("PaymentCanceled", message.encode_to_vec())
        }
        PaymentFact::RefundRequested(minor, cause) => {
            let (amount, cause) = (Some(amount(currency, *minor)), cause.clone());
            let message = wire::RefundRequested { payment_id, booking_id, amount, cause };
            ("RefundRequested", message.encode_to_vec())
        }
        PaymentFact::RefundSucceeded(minor) => {
            let amount = Some(amount(currency, *minor));
            let message = wire::RefundSucceeded { payment_id, booking_id, amount };
            ("RefundSucceeded", message.encode_to_vec())
        }
    };
    let aggregate = (payment.payment_id.uuid(), payment.version);
    Event::new("payment", kind, aggregate, payload, now)
}
