//! What payments tell the world.

use boxoffice_proto::events::v1 as wire;
use prost::Message;

use super::domain::{Payment, PaymentFact};
use crate::kernel::time::Timestamp;
use crate::store::Event;
use crate::transport::wire::{amount, money};

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
        PaymentFact::Succeeded => {
            let gateway_reference = payment.gateway_reference.clone();
            let message = wire::PaymentSucceeded { payment_id, booking_id, gateway_reference };
            ("PaymentSucceeded", message.encode_to_vec())
        }
        PaymentFact::Failed => {
            let failure_code = payment.failure_code.clone();
            let message = wire::PaymentFailed { payment_id, booking_id, failure_code };
            ("PaymentFailed", message.encode_to_vec())
        }
        PaymentFact::Canceled => {
            let message = wire::PaymentCanceled { payment_id, booking_id };
            ("PaymentCanceled", message.encode_to_vec())
        }
        PaymentFact::RefundRequested(minor, cause) => {
            let (amount, cause) = (Some(amount(currency, *minor)), (*cause).to_owned());
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
