//! Makes the calls of a history through the SDK, and reads their answers.

use boxoffice_sdk::booking::v1::{
    Booking, CancelBookingRequest, ChangeHoldRequest, CreateBookingRequest, ExtendHoldRequest,
    GetBookingRequest, GetHoldRequest, Hold, HoldSeatsRequest, OfferQuantity, ReleaseHoldRequest,
};
use boxoffice_sdk::catalog::v1::{BlockSeatsRequest, UnblockSeatsRequest};
use boxoffice_sdk::payment::v1::{
    ConfirmPaymentActionRequest, CreatePaymentRequest, GetPaymentRequest, Payment,
    RefundPaymentRequest,
};
use boxoffice_sdk::ticket::v1::CheckInTicketRequest;
use boxoffice_sdk::r#type::v1::Money;
use boxoffice_sdk::{Client, Error, Timestamp};
use uuid::Uuid;

use crate::history::{Answer, BookingSeen, Call, HoldSeen, PaymentSeen, parse_id};
use crate::stage::Stage;

/// The gate of everybody.
const GATE: &str = "north";

fn seat(id: &Uuid) -> String {
    format!("sea_{}", id.simple())
}

fn seats(ids: &[Uuid]) -> Vec<String> {
    ids.iter().map(seat).collect()
}

fn id(prefix: &str, id: &Uuid) -> String {
    format!("{prefix}_{}", id.simple())
}

/// Makes a call with this request id and tells what was answered.
pub async fn make(
    client: &Client,
    stage: &Stage,
    call: &Call,
    request: Option<Uuid>,
) -> Result<Answer, Error> {
    let request_id = request.unwrap_or_default().to_string();
    let standing = |quantity: i32| OfferQuantity { offer_id: stage.standing.clone(), quantity };
    match call {
        Call::Hold { seats: wanted, standing: quantity, .. } => {
            let general_admission = (*quantity > 0).then(|| standing(*quantity));
            let request = HoldSeatsRequest {
                request_id,
                event_id: stage.event_id.clone(),
                seat_ids: seats(wanted),
                general_admission: general_admission.into_iter().collect(),
            };
            client.hold_seats(request).await.map(|answer| hold(answer.hold))
        }
        Call::Change { hold: hold_id, add, remove, standing: quantity } => {
            let request = ChangeHoldRequest {
                request_id,
                hold_id: id("hld", hold_id),
                add_seat_ids: seats(add),
                remove_seat_ids: seats(remove),
                general_admission: quantity.iter().map(|quantity| standing(*quantity)).collect(),
            };
            client.change_hold(request).await.map(|answer| hold(answer.hold))
        }
        Call::Extend(hold_id) => {
            let request = ExtendHoldRequest { request_id, hold_id: id("hld", hold_id) };
            client.extend_hold(request).await.map(|answer| hold(answer.hold))
        }
        Call::Release(hold_id) => {
            let request = ReleaseHoldRequest { request_id, hold_id: id("hld", hold_id) };
            client.release_hold(request).await.map(|answer| hold(answer.hold))
        }
        Call::LookAtHold(hold_id) => {
            let request = GetHoldRequest { hold_id: id("hld", hold_id) };
            client.get_hold(request).await.map(|answer| hold(answer.hold))
        }
        Call::Book(hold_id) => {
            let hold_id = id("hld", hold_id);
            let contact_email = "buyer@example.com".into();
            let request = CreateBookingRequest { request_id, hold_id, contact_email };
            client.create_booking(request).await.map(|answer| booking(answer.booking))
        }
        Call::Cancel(booking_id) => {
            let request = CancelBookingRequest { request_id, booking_id: id("bkg", booking_id) };
            client.cancel_booking(request).await.map(|answer| booking(answer.booking))
        }
        Call::LookAtBooking(booking_id) => {
            let request = GetBookingRequest { booking_id: id("bkg", booking_id) };
            client.get_booking(request).await.map(|answer| booking(answer.booking))
        }
        _ => make_other(client, stage, call, request_id).await,
    }
}

/// Those about money, entry and what is on sale.
async fn make_other(
    client: &Client,
    stage: &Stage,
    call: &Call,
    request_id: String,
) -> Result<Answer, Error> {
    let event_id = stage.event_id.clone();
    match call {
        Call::Pay(booking_id, token) => {
            let request = CreatePaymentRequest {
                request_id,
                booking_id: id("bkg", booking_id),
                payment_token: (*token).into(),
                wait: None,
            };
            client.create_payment(request).await.map(|answer| payment(answer.payment))
        }
        Call::Act(payment_id, answer) => {
            let request = ConfirmPaymentActionRequest {
                request_id,
                payment_id: id("pay", payment_id),
                answer: (*answer).into(),
                wait: None,
            };
            client.confirm_payment_action(request).await.map(|answer| payment(answer.payment))
        }
        Call::LookAtPayment(payment_id) => {
            let payment_id = id("pay", payment_id);
            let request = GetPaymentRequest { payment_id, ..Default::default() };
            client.get_payment(request).await.map(|answer| payment(answer.payment))
        }
        Call::Return { payment: payment_id, places, .. } => {
            let request = RefundPaymentRequest {
                request_id,
                payment_id: id("pay", payment_id),
                place_ids: places.iter().map(|place| id("pla", place)).collect(),
                reason: "a goodwill".into(),
            };
            client.refund_payment(request).await.map(|answer| payment(answer.payment))
        }
        Call::Block(ids) => {
            let request = BlockSeatsRequest { request_id, event_id, seat_ids: seats(ids) };
            client.block_seats(request).await.map(|_| Answer::Inventory)
        }
        Call::Unblock(ids) => {
            let request = UnblockSeatsRequest { request_id, event_id, seat_ids: seats(ids) };
            client.unblock_seats(request).await.map(|_| Answer::Inventory)
        }
        Call::Admit(code) => {
            let (code, gate) = (code.clone(), GATE.into());
            let request = CheckInTicketRequest { request_id, event_id, code, gate };
            let answer = client.check_in_ticket(request).await?;
            let entry = answer.check_in.unwrap_or_default();
            Ok(Answer::Admitted(parse_id(&entry.ticket_id).unwrap_or_default()))
        }
        other => unreachable!("{other:?} is made elsewhere"),
    }
}

fn ids<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<Uuid> {
    ids.filter_map(parse_id).collect()
}

fn minor(money: Option<Money>) -> i64 {
    money.map_or(0, |money| money.minor_units)
}

fn micros(time: Option<Timestamp>) -> i64 {
    time.map_or(0, |time| time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000)
}

fn hold(hold: Option<Hold>) -> Answer {
    let hold = hold.unwrap_or_default();
    Answer::Hold(HoldSeen {
        id: parse_id(&hold.hold_id).unwrap_or_default(),
        state: hold.state(),
        seats: ids(hold.places.iter().map(|place| place.seat_id.as_str())),
        standing: hold.general_admission.iter().map(|line| line.quantity).sum(),
        expire_micros: micros(hold.expire_time),
    })
}

fn booking(booking: Option<Booking>) -> Answer {
    let booking = booking.unwrap_or_default();
    let had = || booking.places.iter().filter(|place| place.return_time.is_none());
    Answer::Booking(BookingSeen {
        id: parse_id(&booking.booking_id).unwrap_or_default(),
        hold: parse_id(&booking.hold_id).unwrap_or_default(),
        state: booking.state(),
        version: booking.version,
        seats: ids(had().map(|place| place.seat_id.as_str())),
        standing: i32::try_from(had().filter(|place| place.seat_id.is_empty()).count())
            .unwrap_or(i32::MAX),
        places: ids(had().map(|place| place.place_id.as_str())),
        total: minor(booking.total.clone()),
        refunded: minor(booking.refunded.clone()),
        pay_by_micros: micros(booking.pay_by_time),
    })
}

fn payment(payment: Option<Payment>) -> Answer {
    let payment = payment.unwrap_or_default();
    Answer::Payment(PaymentSeen {
        id: parse_id(&payment.payment_id).unwrap_or_default(),
        booking: parse_id(&payment.booking_id).unwrap_or_default(),
        state: payment.state(),
        amount: minor(payment.amount.clone()),
        refunded: minor(payment.refunded.clone()),
    })
}
