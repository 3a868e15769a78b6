//! Clients that would like to pay less.

use boxoffice_proto::POOL;
use boxoffice_proto::prost_reflect::{Kind, MessageDescriptor};
use boxoffice_sdk::booking::v1::{
    CreateBookingRequest, CreateBookingResponse, HoldSeatsRequest, HoldSeatsResponse,
};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, CreatePaymentResponse, GetPaymentRequest};
use boxoffice_sdk::r#type::v1::Money;
use boxoffice_server::adapters::sandbox::LedgerState;
use boxoffice_tests::{Person, StagePlan, World, request_id, scenarios};
use prost::Message;

use crate::wire::{call, channel};

/// Words of what no client has a say in.
const NOT_FOR_CLIENTS: [&str; 10] = [
    "price", "amount", "currency", "total", "user", "session", "discount", "money", "minor", "fee",
];
const SERVICES: [&str; 3] = [
    "boxoffice.booking.v1.BookingService",
    "boxoffice.payment.v1.PaymentService",
    "boxoffice.ticket.v1.TicketService",
];

/// The fields of a message, and of the messages in it, that have such a word in their names.
fn forgeable(message: &MessageDescriptor) -> Vec<String> {
    let mut found = Vec::new();
    for field in message.fields() {
        if field.name().split('_').any(|word| NOT_FOR_CLIENTS.contains(&word)) {
            found.push(field.full_name().to_owned());
        }
        if let Kind::Message(inner) = field.kind()
            && inner != *message
        {
            found.extend(forgeable(&inner));
        }
    }
    found
}

#[test]
fn s_20_no_request_of_the_sale_has_a_field_to_forge() {
    let services = SERVICES.map(|name| POOL.get_service_by_name(name).expect(name));
    let requests: Vec<MessageDescriptor> = services
        .iter()
        .flat_map(|service| service.methods().map(|method| method.input()).collect::<Vec<_>>())
        .collect();
    assert!(requests.len() >= 15, "only {} RPCs", requests.len());
    let found: Vec<String> = requests.iter().flat_map(forgeable).collect();
    assert!(found.is_empty(), "{found:?}");
    // The answers are full of them: what looks for them finds them.
    let booking = POOL.get_message_by_name("boxoffice.booking.v1.Booking").expect("it is there");
    assert!(forgeable(&booking).contains(&"boxoffice.booking.v1.Booking.total".to_owned()));
    assert!(forgeable(&booking).contains(&"boxoffice.booking.v1.Place.price".to_owned()));
}

/// Calls with a request to which fields were added that the server does not know: an amount, a
/// currency and somebody else's name, wherever one might guess them.
async fn call_tampered<A: Message + Default>(
    world: &World,
    person: &Person,
    rpc: &'static str,
    request: &impl Message,
) -> A {
    let mut bytes = request.encode_to_vec();
    let cheap = Money { currency_code: "JPY".into(), minor_units: 1 };
    for field in 5..15 {
        prost::encoding::message::encode(field, &cheap, &mut bytes);
    }
    for field in 15..20 {
        prost::encoding::int64::encode(field, &1, &mut bytes);
    }
    for field in 20..25 {
        prost::encoding::string::encode(field, &"gst_somebody_else".to_owned(), &mut bytes);
    }
    let token = person.tokens().expect("a session").access_token;
    let bearer = format!("Bearer {token}");
    let channel = channel(&world.url()).await;
    let answer = call(&channel, rpc, bytes, &[("authorization", &bearer)]).await;
    let answer = answer.expect("unknown fields are no fault");
    A::decode(answer.as_slice()).expect("an answer")
}

scenarios! {
    async fn s_20_what_is_paid_is_the_servers_price(world: &World) {
        let stage = world.stage(StagePlan { price_minor_units: 3_333, ..StagePlan::default() });
        let (stage, buyer) = (stage.await, world.guest().await);
        let seats: Vec<&str> = (0..3).map(|index| stage.seat(index)).collect();
        let hold = buyer.hold(&stage.event_id, &seats).await.expect("they are free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        let total = booking.total.clone().expect("a total");
        assert_eq!((total.currency_code.as_str(), total.minor_units), ("EUR", 9_999));
        let payment = buyer.pay(&booking, "tok_success").await.expect("it is taken");
        assert_eq!(payment.amount, booking.total);
        let request = GetPaymentRequest {
            payment_id: payment.payment_id.clone(),
            booking_id: String::new(),
        };
        let read = buyer.get_payment(request).await.expect("it is there").payment;
        assert_eq!(read.expect("a payment").amount, booking.total);
        let entries = world.sandbox().entries().await.expect("a ledger");
        assert_eq!(entries.len(), 1);
        assert_eq!((entries[0].state, entries[0].amount_minor), (LedgerState::Captured, 9_999));
        assert_eq!(entries[0].payment_id.to_string(), payment.payment_id);
    }

    async fn s_20_what_a_tampered_client_adds_changes_nothing(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let request = HoldSeatsRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            seat_ids: vec![stage.seat(0).to_owned()], general_admission: Vec::new() };
        let path = "/boxoffice.booking.v1.BookingService/HoldSeats";
        let held: HoldSeatsResponse = call_tampered(world, &buyer, path, &request).await;
        let request = CreateBookingRequest {
            request_id: request_id(),
            hold_id: held.hold.expect("a hold").hold_id,
            contact_email: String::new(),
        };
        let path = "/boxoffice.booking.v1.BookingService/CreateBooking";
        let booked: CreateBookingResponse = call_tampered(world, &buyer, path, &request).await;
        let booking = booked.booking.expect("a booking");
        let request = CreatePaymentRequest {
            request_id: request_id(),
            booking_id: booking.booking_id.clone(),
            payment_token: "tok_success".into(),
            wait: Some(boxoffice_sdk::Duration { seconds: 5, nanos: 0 }),
        };
        let path = "/boxoffice.payment.v1.PaymentService/CreatePayment";
        let paid: CreatePaymentResponse = call_tampered(world, &buyer, path, &request).await;
        let price = Money { currency_code: "EUR".into(), minor_units: 2_500 };
        assert_eq!(booking.total, Some(price.clone()));
        assert_eq!(paid.payment.expect("a payment").amount, Some(price));
        let entries = world.sandbox().entries().await.expect("a ledger");
        assert_eq!((entries.len(), entries[0].amount_minor), (1, 2_500));
        assert_eq!(buyer.tickets_of(&booking).await.len(), 1);
    }
}
