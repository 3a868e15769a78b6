//! What the timeline reads in events.

use boxoffice_proto::events::v1 as wire;
use prost::Message;

use super::domain::{TimelineEntry, TimelineStep};
use crate::error::{Error, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, PaymentId, TicketId};
use crate::store::Event;

/// What an event says: the booking, what it happened to, and a word more.
struct Said {
    booking_id: String,
    subject_id: String,
    session_id: String,
    detail: String,
}

/// What an event says for a timeline; `None` when it is of a kind that timelines do not know.
pub fn timeline_entry(event: &Event) -> Result<Option<TimelineEntry>> {
    let said = match event.context.as_str() {
        "booking" => booking_said(event)?,
        "payment" => payment_said(event)?,
        "ticket" => ticket_said(event)?,
        _ => None,
    };
    let Some(said) = said else { return Ok(None) };
    let unreadable = || Error::internal(format!("an event {} without a booking", event.kind));
    Ok(Some(TimelineEntry {
        booking_id: BookingId::parse(&said.booking_id).ok_or_else(unreadable)?,
        session: SessionId::parse(&said.session_id),
        rank: rank(event),
        step: TimelineStep {
            message_id: event.message_id,
            kind: event.kind.clone(),
            subject_id: said.subject_id,
            occur_time: event.occur_time,
            detail: said.detail,
        },
    }))
}

/// Contexts are further apart than any aggregate has versions.
const CONTEXT_DISTANCE: i64 = 1 << 32;

fn rank(event: &Event) -> i64 {
    let context = match event.context.as_str() {
        "payment" => 0,
        "booking" => 1,
        _ => 2,
    };
    context * CONTEXT_DISTANCE + event.aggregate_version
}

fn read<M: Message + Default>(event: &Event) -> Result<M> {
    M::decode(event.payload.as_slice()).map_err(|error| {
        Error::internal(format!("the event {} is unreadable: {error}", event.kind))
    })
}

fn booking_said(event: &Event) -> Result<Option<Said>> {
    let booking_id = BookingId::from(event.aggregate_id).to_string();
    let (session_id, detail) = match event.kind.as_str() {
        "BookingCreated" => (read::<wire::BookingCreated>(event)?.session_id, String::new()),
        "BookingPaymentStarted" => {
            (String::new(), read::<wire::BookingPaymentStarted>(event)?.payment_id)
        }
        "BookingPaymentFailed" => {
            (String::new(), read::<wire::BookingPaymentFailed>(event)?.failure_code)
        }
        "BookingFailed" => (String::new(), read::<wire::BookingFailed>(event)?.failure_code),
        "BookingSettling"
        | "BookingConfirmed"
        | "BookingExpired"
        | "BookingCancelled"
        | "BookingPlacesReturned"
        | "BookingPlacesFreed" => Default::default(),
        _ => return Ok(None),
    };
    Ok(Some(Said { subject_id: booking_id.clone(), booking_id, session_id, detail }))
}

fn payment_said(event: &Event) -> Result<Option<Said>> {
    let (booking_id, detail) = match event.kind.as_str() {
        "PaymentCreated" => (read::<wire::PaymentCreated>(event)?.booking_id, String::new()),
        "PaymentUnknown" => (read::<wire::PaymentUnknown>(event)?.booking_id, String::new()),
        "PaymentRequiresAction" => {
            (read::<wire::PaymentRequiresAction>(event)?.booking_id, String::new())
        }
        "PaymentSucceeded" => {
            let message = read::<wire::PaymentSucceeded>(event)?;
            (message.booking_id, message.gateway_reference)
        }
        "PaymentFailed" => {
            let message = read::<wire::PaymentFailed>(event)?;
            (message.booking_id, message.failure_code)
        }
        "PaymentCanceled" => (read::<wire::PaymentCanceled>(event)?.booking_id, String::new()),
        "RefundRequested" => {
            let message = read::<wire::RefundRequested>(event)?;
            (message.booking_id, message.cause)
        }
        "RefundSucceeded" => (read::<wire::RefundSucceeded>(event)?.booking_id, String::new()),
        _ => return Ok(None),
    };
    let subject_id = PaymentId::from(event.aggregate_id).to_string();
    Ok(Some(Said { booking_id, subject_id, session_id: String::new(), detail }))
}

fn ticket_said(event: &Event) -> Result<Option<Said>> {
    let (booking_id, detail) = match event.kind.as_str() {
        "TicketUsed" => {
            let message = read::<wire::TicketUsed>(event)?;
            (message.booking_id, message.gate)
        }
        "TicketVoided" => (read::<wire::TicketVoided>(event)?.booking_id, String::new()),
        "TicketIssued" => {
            let message = read::<wire::TicketIssued>(event)?;
            let general_admission = message.seat_id.is_empty();
            let place = if general_admission { message.place_id } else { message.seat_id };
            (message.booking_id, place)
        }
        _ => return Ok(None),
    };
    let subject_id = TicketId::from(event.aggregate_id).to_string();
    Ok(Some(Said { booking_id, subject_id, session_id: String::new(), detail }))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::kernel::time::Timestamp;

    fn event(context: &'static str, kind: &'static str, payload: Vec<u8>) -> Event {
        Event::new(context, kind, (Uuid::from_u128(7), 1), payload, Timestamp::from_micros(1))
    }

    #[test]
    fn kinds_that_are_not_known_are_no_steps() {
        let booking_id = BookingId::from(Uuid::from_u128(7)).to_string();
        let payload = wire::RefundSucceeded { booking_id, ..Default::default() }.encode_to_vec();
        for context in ["booking", "payment", "ticket", "catalog"] {
            let unknown = event(context, "SomethingNew", payload.clone());
            assert!(timeline_entry(&unknown).unwrap().is_none(), "{context}");
        }
        let known = event("payment", "RefundSucceeded", payload);
        assert_eq!(timeline_entry(&known).unwrap().unwrap().step.kind, "RefundSucceeded");
        let settling = event("booking", "BookingSettling", Vec::new());
        assert_eq!(timeline_entry(&settling).unwrap().unwrap().step.kind, "BookingSettling");
    }
}
