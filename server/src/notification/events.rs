//! What mails read in events.

use boxoffice_proto::events::v1 as wire;
use boxoffice_proto::r#type::v1 as shared;
use prost::Message;

use super::domain::{Kind, Occasion, Subject};
use crate::error::{Error, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, PlaceId, ResetId, UserId};
use crate::kernel::money::{Currency, Money};
use crate::store::Event;

/// The cause of a booking's cancellation that is told as the event's.
const EVENT_CANCELLED: &str = "event_cancelled";

fn read<M: Message + Default>(event: &Event) -> Result<M> {
    M::decode(event.payload.as_slice()).map_err(|error| {
        Error::internal(format!("the event {} is unreadable: {error}", event.kind))
    })
}

fn require<T>(parsed: Option<T>, event: &Event) -> Result<T> {
    parsed.ok_or_else(|| Error::internal(format!("an event {} without an id", event.kind)))
}

fn money(amount: Option<shared::Money>) -> Option<Money> {
    let amount = amount?;
    let currency = Currency::parse(&amount.currency_code)?;
    Some(Money { currency, minor: amount.minor_units })
}

fn about(kind: Kind, booking_id: &str, event: &Event) -> Result<Occasion> {
    let subject = Subject::Booking(require(BookingId::parse(booking_id), event)?);
    Ok(Occasion::plain(kind, subject))
}

/// What an event says for a mail; `None` when there is nothing to write.
pub(super) fn occasion(event: &Event) -> Result<Option<Occasion>> {
    let occasion = match event.kind.as_str() {
        "UserRegistered" => {
            let user_id = UserId::parse(&read::<wire::UserRegistered>(event)?.user_id);
            let subject = Subject::Session(SessionId::User(require(user_id, event)?));
            Occasion::plain(Kind::Welcome, subject)
        }
        "PasswordResetRequested" => {
            let message = read::<wire::PasswordResetRequested>(event)?;
            let user = SessionId::User(require(UserId::parse(&message.user_id), event)?);
            let subject = Subject::Reset(user, require(ResetId::parse(&message.reset_id), event)?);
            Occasion::plain(Kind::PasswordReset, subject)
        }
        "BookingConfirmed" => {
            let message = read::<wire::BookingConfirmed>(event)?;
            about(Kind::BookingConfirmed, &message.booking_id, event)?
        }
        "BookingPaymentFailed" => {
            let message = read::<wire::BookingPaymentFailed>(event)?;
            let failure_code = message.failure_code;
            Occasion { failure_code, ..about(Kind::PaymentFailed, &message.booking_id, event)? }
        }
        "BookingFailed" => {
            let message = read::<wire::BookingFailed>(event)?;
            let failure_code = message.failure_code;
            Occasion { failure_code, ..about(Kind::BookingFailed, &message.booking_id, event)? }
        }
        "BookingExpired" => {
            let message = read::<wire::BookingExpired>(event)?;
            about(Kind::BookingExpired, &message.booking_id, event)?
        }
        "BookingCancelled" => {
            let message = read::<wire::BookingCancelled>(event)?;
            let kind = match message.cause.as_str() {
                EVENT_CANCELLED => Kind::EventCancelled,
                _ => Kind::BookingCancelled,
            };
            let amount = money(message.refund);
            Occasion { amount, ..about(kind, &message.booking_id, event)? }
        }
        "BookingPlacesReturned" => {
            let message = read::<wire::BookingPlacesReturned>(event)?;
            let place_ids = message.place_ids.iter().map(|id| require(PlaceId::parse(id), event));
            let (amount, place_ids) = (money(message.refund), place_ids.collect::<Result<_>>()?);
            let about = about(Kind::PlacesReturned, &message.booking_id, event)?;
            Occasion { amount, place_ids, ..about }
        }
        "RefundSucceeded" => {
            let message = read::<wire::RefundSucceeded>(event)?;
            let amount = money(message.amount);
            Occasion { amount, ..about(Kind::RefundSucceeded, &message.booking_id, event)? }
        }
        _ => return Ok(None),
    };
    Ok(Some(occasion))
}
