//! The resources of the contract as JSON: its own field names, states without their prefix, times
//! in RFC 3339 and amounts in minor units.

use boxoffice_sdk::Timestamp;
use boxoffice_sdk::booking::v1::{Booking, GeneralAdmission, Hold, Place};
use boxoffice_sdk::catalog::v1::{
    Event, GetSeatMapResponse, Offer, SeatMapSection, Section, Venue,
};
use boxoffice_sdk::identity::v1::{Guest, User};
use boxoffice_sdk::payment::v1::{Payment, Refund};
use boxoffice_sdk::reporting::v1::TimelineStep;
use boxoffice_sdk::ticket::v1::{CheckIn, OfflineEntryResult, Ticket};
use boxoffice_sdk::r#type::v1::Money;
use serde_json::{Value, json};

use crate::text::short;

mod operations;

pub use operations::{comparison, dead_letter, invariant, notification, replayed, status};

/// A list of resources.
pub fn list<T>(resources: &[T], resource: impl Fn(&T) -> Value) -> Value {
    resources.iter().map(resource).collect()
}

/// A time, or null.
pub fn time(time: Option<&Timestamp>) -> Value {
    time.map(Timestamp::to_string).into()
}

fn money(amount: Option<&Money>) -> Value {
    amount.map_or(Value::Null, |amount| {
        json!({ "currency_code": amount.currency_code, "minor_units": amount.minor_units })
    })
}

fn duration(duration: Option<&boxoffice_sdk::Duration>) -> Value {
    duration.map(boxoffice_sdk::Duration::to_string).into()
}

/// A user.
pub fn user(user: &User) -> Value {
    json!({
        "user_id": user.user_id,
        "email": user.email,
        "display_name": user.display_name,
        "roles": user.roles().map(|role| short(role.as_str_name())).collect::<Vec<_>>(),
        "create_time": time(user.create_time.as_ref()),
        "email_verified": user.email_verified,
    })
}

/// A guest.
pub fn guest(guest: &Guest) -> Value {
    json!({
        "guest_id": guest.guest_id,
        "contact_email": guest.contact_email,
        "create_time": time(guest.create_time.as_ref()),
        "service_account_id": guest.service_account_id,
        "external_reference": guest.external_reference,
    })
}

/// A venue, with its seats if it has them.
pub fn venue(venue: &Venue) -> Value {
    json!({
        "venue_id": venue.venue_id,
        "name": venue.name,
        "city": venue.city,
        "country_code": venue.country_code,
        "time_zone": venue.time_zone,
        "seat_count": venue.seat_count,
        "create_time": time(venue.create_time.as_ref()),
        "etag": venue.etag,
        "organizer_id": venue.organizer_id,
        "sections": list(&venue.sections, section),
    })
}

fn section(section: &Section) -> Value {
    let rows = list(&section.rows, |row| {
        let seats =
            list(&row.seats, |seat| json!({ "seat_id": seat.seat_id, "label": seat.label }));
        json!({ "label": row.label, "seats": seats })
    });
    json!({ "section_id": section.section_id, "name": section.name, "rows": rows })
}

/// An event.
pub fn event(event: &Event) -> Value {
    let venue = event.venue.as_ref().map_or(Value::Null, |venue| {
        json!({
            "name": venue.name,
            "city": venue.city,
            "country_code": venue.country_code,
            "time_zone": venue.time_zone,
        })
    });
    json!({
        "event_id": event.event_id,
        "venue_id": event.venue_id,
        "title": event.title,
        "description": event.description,
        "category": event.category,
        "tags": event.tags,
        "image_url": event.image_url,
        "organizer_id": event.organizer_id,
        "state": short(event.state().as_str_name()),
        "start_time": time(event.start_time.as_ref()),
        "end_time": time(event.end_time.as_ref()),
        "currency_code": event.currency_code,
        "offers": list(&event.offers, offer),
        "hold_ttl": duration(event.hold_ttl.as_ref()),
        "hold_life_max": duration(event.hold_life_max.as_ref()),
        "places_per_buyer_max": event.places_per_buyer_max,
        "cancel_until": duration(event.cancel_until.as_ref()),
        "venue": venue,
        "create_time": time(event.create_time.as_ref()),
        "etag": event.etag,
    })
}

fn offer(offer: &Offer) -> Value {
    json!({
        "offer_id": offer.offer_id,
        "section_id": offer.section_id,
        "name": offer.name,
        "price": money(offer.price.as_ref()),
        "quantity": offer.quantity,
    })
}

/// A seat map.
pub fn seat_map(map: &GetSeatMapResponse) -> Value {
    let cursor = map.cursor.map_or(
        Value::Null,
        |cursor| json!({ "epoch": cursor.epoch, "revision": cursor.revision }),
    );
    json!({
        "event_id": map.event_id,
        "cursor": cursor,
        "offers": list(&map.offers, offer),
        "sections": list(&map.sections, seat_map_section),
        "offer_statuses": list(&map.offer_statuses, |status| {
            json!({ "offer_id": status.offer_id, "available_count": status.available_count })
        }),
    })
}

fn seat_map_section(section: &SeatMapSection) -> Value {
    let rows = list(&section.rows, |row| {
        let seats = list(&row.seats, |seat| {
            let state = short(seat.state().as_str_name());
            json!({ "seat_id": seat.seat_id, "label": seat.label, "state": state })
        });
        json!({ "label": row.label, "seats": seats })
    });
    json!({
        "section_id": section.section_id,
        "name": section.name,
        "offer_id": section.offer_id,
        "rows": rows,
    })
}

fn place(place: &Place) -> Value {
    json!({
        "seat_id": place.seat_id,
        "section_name": place.section_name,
        "row_label": place.row_label,
        "seat_label": place.seat_label,
        "offer_id": place.offer_id,
        "price": money(place.price.as_ref()),
        "place_id": place.place_id,
        "offer_name": place.offer_name,
        "return_time": time(place.return_time.as_ref()),
    })
}

fn general_admission(line: &GeneralAdmission) -> Value {
    json!({
        "offer_id": line.offer_id,
        "offer_name": line.offer_name,
        "quantity": line.quantity,
        "price": money(line.price.as_ref()),
    })
}

/// A hold.
pub fn hold(hold: &Hold) -> Value {
    json!({
        "hold_id": hold.hold_id,
        "event_id": hold.event_id,
        "state": short(hold.state().as_str_name()),
        "places": list(&hold.places, place),
        "general_admission": list(&hold.general_admission, general_admission),
        "total": money(hold.total.as_ref()),
        "create_time": time(hold.create_time.as_ref()),
        "expire_time": time(hold.expire_time.as_ref()),
        "expire_time_max": time(hold.expire_time_max.as_ref()),
    })
}

/// A booking.
pub fn booking(booking: &Booking) -> Value {
    json!({
        "booking_id": booking.booking_id,
        "event_id": booking.event_id,
        "hold_id": booking.hold_id,
        "state": short(booking.state().as_str_name()),
        "places": list(&booking.places, place),
        "total": money(booking.total.as_ref()),
        "refunded": money(booking.refunded.as_ref()),
        "failed_payment_count": booking.failed_payment_count,
        "failure_code": booking.failure_code,
        "pay_by_time": time(booking.pay_by_time.as_ref()),
        "create_time": time(booking.create_time.as_ref()),
        "update_time": time(booking.update_time.as_ref()),
        "version": booking.version,
    })
}

fn refund(refund: &Refund) -> Value {
    json!({
        "refund_id": refund.refund_id,
        "state": short(refund.state().as_str_name()),
        "amount": money(refund.amount.as_ref()),
        "cause": refund.cause,
        "reason": refund.reason,
        "create_time": time(refund.create_time.as_ref()),
        "update_time": time(refund.update_time.as_ref()),
    })
}

/// A payment.
pub fn payment(payment: &Payment) -> Value {
    json!({
        "payment_id": payment.payment_id,
        "booking_id": payment.booking_id,
        "state": short(payment.state().as_str_name()),
        "amount": money(payment.amount.as_ref()),
        "failure_code": payment.failure_code,
        "gateway_reference": payment.gateway_reference,
        "refunded": money(payment.refunded.as_ref()),
        "method": short(payment.method().as_str_name()),
        "failure": short(payment.failure().as_str_name()),
        "action": payment.action.as_ref().map(|action| json!({
            "type": short(action.r#type().as_str_name()),
            "redirect_url": action.redirect_url,
            "answers": action.answers,
        })),
        "refunds": list(&payment.refunds, refund),
        "create_time": time(payment.create_time.as_ref()),
        "update_time": time(payment.update_time.as_ref()),
    })
}

/// A ticket.
pub fn ticket(ticket: &Ticket) -> Value {
    json!({
        "ticket_id": ticket.ticket_id,
        "booking_id": ticket.booking_id,
        "event_id": ticket.event_id,
        "place_id": ticket.place_id,
        "seat_id": ticket.seat_id,
        "offer_name": ticket.offer_name,
        "section_name": ticket.section_name,
        "row_label": ticket.row_label,
        "seat_label": ticket.seat_label,
        "gate": ticket.gate,
        "use_time": time(ticket.use_time.as_ref()),
        "state": short(ticket.state().as_str_name()),
        "code": ticket.code,
        "create_time": time(ticket.create_time.as_ref()),
    })
}

/// An entry that a gate gave.
pub fn check_in(entry: &CheckIn) -> Value {
    json!({
        "check_in_id": entry.check_in_id,
        "ticket_id": entry.ticket_id,
        "event_id": entry.event_id,
        "place_label": entry.place_label,
        "gate": entry.gate,
        "entry_time": time(entry.entry_time.as_ref()),
        "create_time": time(entry.create_time.as_ref()),
        "outcome": short(entry.outcome().as_str_name()),
    })
}

/// What became of an entry that a gate told of.
pub fn entry_result(result: &OfflineEntryResult) -> Value {
    json!({
        "request_id": result.request_id,
        "outcome": short(result.outcome().as_str_name()),
        "check_in": result.check_in.as_ref().map(check_in),
        "other": result.other.as_ref().map(check_in),
    })
}

/// A step of a booking's timeline.
pub fn timeline_step(step: &TimelineStep) -> Value {
    json!({
        "event_id": step.event_id,
        "type": step.r#type,
        "subject_id": step.subject_id,
        "occur_time": time(step.occur_time.as_ref()),
        "detail": step.detail,
    })
}
