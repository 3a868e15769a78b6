//! A walk with nothing but gRPC-Web: a page in a browser buys a ticket and shows it.

use boxoffice_sdk::booking::v1::{
    CreateBookingRequest, CreateBookingResponse, HoldSeatsRequest, HoldSeatsResponse, SeatState,
};
use boxoffice_sdk::catalog::v1::{
    GetSeatMapRequest, GetSeatMapResponse, ListEventsRequest, ListEventsResponse,
};
use boxoffice_sdk::identity::v1::{CreateGuestSessionRequest, CreateGuestSessionResponse};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, CreatePaymentResponse, payment};
use boxoffice_sdk::ticket::v1::{
    ListTicketsRequest, ListTicketsResponse, RenderTicketRequest, RenderTicketResponse,
    render_ticket_request,
};
use boxoffice_tests::{StagePlan, World, request_id, scenarios};
use http::StatusCode;
use prost::Message;

use crate::wire::{bearer, web_call};

/// A page of the origin that the world's server admits.
struct Page<'w> {
    world: &'w World,
    token: String,
    text: bool,
}

impl Page<'_> {
    /// Calls an RPC as browsers do, in the name of whoever is signed in.
    async fn call<A: Message + Default>(&self, rpc: &str, request: &impl Message) -> A {
        let mut headers = vec![("origin", "https://shop.example")];
        if !self.token.is_empty() {
            headers.push(("authorization", &self.token));
        }
        let (url, path) = (self.world.url(), format!("/boxoffice.{rpc}"));
        let answer = web_call(&url, &path, &request.encode_to_vec(), self.text, &headers).await;
        assert_eq!(answer.status, StatusCode::OK, "{rpc}");
        assert!(answer.trailers.contains("grpc-status:0"), "{rpc}: {}", answer.trailers);
        let [message] = answer.messages.as_slice() else { panic!("{rpc}: one message") };
        A::decode(message.as_slice()).expect("a message")
    }

    async fn buy(&mut self) {
        let request = ListEventsRequest { city: "Graz".into(), ..Default::default() };
        let listed: ListEventsResponse =
            self.call("catalog.v1.CatalogService/ListEvents", &request).await;
        let event_id = listed.events[0].event_id.clone();
        let request = GetSeatMapRequest { event_id: event_id.clone() };
        let map: GetSeatMapResponse =
            self.call("catalog.v1.CatalogService/GetSeatMap", &request).await;
        let seats =
            map.sections.iter().flat_map(|section| &section.rows).flat_map(|row| &row.seats);
        let free = seats.filter(|seat| seat.state() == SeatState::Available);
        let seat_ids = free.take(2).map(|seat| seat.seat_id.clone()).collect();
        let request = CreateGuestSessionRequest {
            contact_email: "page@example.com".into(),
            ..Default::default()
        };
        let guest: CreateGuestSessionResponse =
            self.call("identity.v1.IdentityService/CreateGuestSession", &request).await;
        self.token = bearer(&guest.tokens.expect("tokens").access_token);
        let request =
            HoldSeatsRequest { request_id: request_id(), event_id, seat_ids, ..Default::default() };
        let held: HoldSeatsResponse =
            self.call("booking.v1.BookingService/HoldSeats", &request).await;
        let hold_id = held.hold.expect("a hold").hold_id;
        let request =
            CreateBookingRequest { request_id: request_id(), hold_id, ..Default::default() };
        let booked: CreateBookingResponse =
            self.call("booking.v1.BookingService/CreateBooking", &request).await;
        let booking_id = booked.booking.expect("a booking").booking_id;
        let request = CreatePaymentRequest {
            request_id: request_id(),
            booking_id: booking_id.clone(),
            payment_token: "tok_success".into(),
            wait: Some(boxoffice_sdk::Duration { seconds: 10, nanos: 0 }),
        };
        let paid: CreatePaymentResponse =
            self.call("payment.v1.PaymentService/CreatePayment", &request).await;
        assert_eq!(paid.payment.expect("a payment").state(), payment::State::Succeeded);
        let request = ListTicketsRequest { booking_id, ..Default::default() };
        let listed: ListTicketsResponse =
            self.call("ticket.v1.TicketService/ListTickets", &request).await;
        assert_eq!(listed.tickets.len(), 2);
        let request = RenderTicketRequest {
            ticket_id: listed.tickets[0].ticket_id.clone(),
            format: render_ticket_request::Format::Svg.into(),
        };
        let drawn: RenderTicketResponse =
            self.call("ticket.v1.TicketService/RenderTicket", &request).await;
        assert!(String::from_utf8_lossy(&drawn.content).contains("<svg"));
    }
}

scenarios! {
    async fn s_93_a_page_buys_tickets_by_grpc_web_alone(world: &World) {
        world.stage(StagePlan::default()).await;
        for text in [false, true] {
            Page { world, token: String::new(), text }.buy().await;
        }
    }
}
