//! What booking tells the world.

use boxoffice_proto::events::v1 as wire;
use prost::Message;

use super::domain::booking::Booking;
use super::domain::saga::BookingFact;
use crate::kernel::id::TicketId;
use crate::kernel::time::Timestamp;
use crate::store::Event;
use crate::ticket;
use crate::transport::wire::{money, time};

/// The event of a fact about a booking, as it was right after it.
pub fn booking_event(booking: &Booking, fact: &BookingFact, now: Timestamp) -> Event {
    let booking_id = booking.booking_id.to_string();
    let (kind, payload) = match fact {
        BookingFact::Created => {
            let message = wire::BookingCreated {
                booking_id,
                event_id: booking.event_id.to_string(),
                session_id: booking.session.to_string(),
                seat_ids: booking.place_set().seats.iter().map(ToString::to_string).collect(),
                place_ids: booking.places.iter().map(|p| p.place_id.to_string()).collect(),
                total: Some(money(booking.total)),
                pay_by_time: Some(time(booking.pay_by_time)),
            };
            ("BookingCreated", message.encode_to_vec())
        }
        BookingFact::PaymentStarted(payment_id) => {
            let payment_id = payment_id.to_string();
            let message = wire::BookingPaymentStarted { booking_id, payment_id };
            ("BookingPaymentStarted", message.encode_to_vec())
        }
        BookingFact::PaymentFailed(payment_id, code) => {
            let (payment_id, failure_code) = (payment_id.to_string(), code.clone());
            let message = wire::BookingPaymentFailed { booking_id, payment_id, failure_code };
            ("BookingPaymentFailed", message.encode_to_vec())
        }
        BookingFact::Settling => {
            ("BookingSettling", wire::BookingSettling { booking_id }.encode_to_vec())
        }
        BookingFact::Confirmed(payment_id) => {
            let message = wire::BookingConfirmed {
                booking_id,
                event_id: booking.event_id.to_string(),
                payment_id: payment_id.map(|id| id.to_string()).unwrap_or_default(),
                ticket_ids: ticket_ids(booking).map(|id| id.to_string()).collect(),
            };
            ("BookingConfirmed", message.encode_to_vec())
        }
        BookingFact::Failed(code) => {
            let message = wire::BookingFailed { booking_id, failure_code: code.clone() };
            ("BookingFailed", message.encode_to_vec())
        }
        BookingFact::Expired => {
            ("BookingExpired", wire::BookingExpired { booking_id }.encode_to_vec())
        }
        BookingFact::Cancelled(told) => {
            let message = wire::BookingCancelled {
                booking_id,
                cause: told.by.name().to_owned(),
                payment_id: told.paid_payment.map(|id| id.to_string()).unwrap_or_default(),
                refund: told.refund.map(money),
            };
            ("BookingCancelled", message.encode_to_vec())
        }
        BookingFact::PlacesReturned(places, refund) => {
            let message = wire::BookingPlacesReturned {
                booking_id,
                place_ids: places.iter().map(ToString::to_string).collect(),
                refund: Some(money(*refund)),
            };
            ("BookingPlacesReturned", message.encode_to_vec())
        }
        BookingFact::PlacesFreed => {
            ("BookingPlacesFreed", wire::BookingPlacesFreed { booking_id }.encode_to_vec())
        }
    };
    let aggregate = (booking.booking_id.uuid(), booking.version);
    Event::new("booking", kind, aggregate, payload, now)
}

fn ticket_ids(booking: &Booking) -> impl Iterator<Item = TicketId> {
    let booking_id = booking.booking_id;
    booking.live_places().map(move |p| ticket::domain::ticket_id(booking_id, p.place_id))
}
