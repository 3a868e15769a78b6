//! People who use the server, each through the SDK.

use std::ops::Deref;

use boxoffice_sdk::Client;
use boxoffice_sdk::booking::v1::{
    Booking, CancelBookingRequest, CreateBookingRequest, GetBookingRequest, Hold, HoldSeatsRequest,
    OfferQuantity, booking,
};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, GetPaymentRequest, Payment, payment};
use boxoffice_sdk::reporting::v1::{GetBookingTimelineRequest, TimelineStep};
use boxoffice_sdk::ticket::v1::{ListTicketsRequest, Ticket};
use uuid::Uuid;

use crate::patience::{eventually, look_until};

/// A fresh request id.
pub fn request_id() -> String {
    Uuid::new_v4().to_string()
}

/// Somebody with a session of their own. Every call of the SDK's client can be made through it.
#[derive(Clone)]
pub struct Person {
    pub(crate) client: Client,
}

impl From<Client> for Person {
    fn from(client: Client) -> Self {
        Self { client }
    }
}

impl Deref for Person {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Person {
    /// Holds seats.
    pub async fn hold(&self, event_id: &str, seats: &[&str]) -> Result<Hold, boxoffice_sdk::Error> {
        self.hold_places(event_id, seats, &[]).await
    }

    /// Holds seats, and so many places of offers of general admission.
    pub async fn hold_places(
        &self,
        event_id: &str,
        seats: &[&str],
        quantities: &[(&str, i32)],
    ) -> Result<Hold, boxoffice_sdk::Error> {
        let line = |(offer_id, quantity): &(&str, i32)| OfferQuantity {
            offer_id: (*offer_id).to_owned(),
            quantity: *quantity,
        };
        let request = HoldSeatsRequest {
            request_id: request_id(),
            event_id: event_id.to_owned(),
            seat_ids: seats.iter().map(|seat| (*seat).to_owned()).collect(),
            general_admission: quantities.iter().map(line).collect(),
        };
        Ok(self.hold_seats(request).await?.hold.expect("a hold"))
    }

    /// Makes a booking from a hold.
    pub async fn book(&self, hold: &Hold) -> Result<Booking, boxoffice_sdk::Error> {
        let request = CreateBookingRequest {
            request_id: request_id(),
            hold_id: hold.hold_id.clone(),
            contact_email: "buyer@example.com".into(),
        };
        Ok(self.create_booking(request).await?.booking.expect("a booking"))
    }

    /// Pays a booking with a sandbox token and waits up to five seconds for the outcome.
    pub async fn pay(
        &self,
        booking: &Booking,
        token: &str,
    ) -> Result<Payment, boxoffice_sdk::Error> {
        let request = CreatePaymentRequest {
            request_id: request_id(),
            booking_id: booking.booking_id.clone(),
            payment_token: token.to_owned(),
            wait: Some(boxoffice_sdk::Duration { seconds: 5, nanos: 0 }),
        };
        Ok(self.create_payment(request).await?.payment.expect("a payment"))
    }

    /// Starts paying a booking with a sandbox token and does not wait for the outcome.
    pub async fn start_paying(
        &self,
        booking: &Booking,
        token: &str,
    ) -> Result<Payment, boxoffice_sdk::Error> {
        let request = CreatePaymentRequest {
            request_id: request_id(),
            booking_id: booking.booking_id.clone(),
            payment_token: token.to_owned(),
            wait: None,
        };
        Ok(self.create_payment(request).await?.payment.expect("a payment"))
    }

    /// Cancels a booking.
    pub async fn cancel(&self, booking: &Booking) -> Result<Booking, boxoffice_sdk::Error> {
        let booking_id = booking.booking_id.clone();
        let request = CancelBookingRequest { request_id: request_id(), booking_id };
        Ok(self.cancel_booking(request).await?.booking.expect("a booking"))
    }

    /// Buys seats: holds, books, pays, and looks at the booking.
    pub async fn buy(&self, event_id: &str, seats: &[&str]) -> Booking {
        let hold = self.hold(event_id, seats).await.expect("the seats are free");
        let booking = self.book(&hold).await.expect("the hold is good");
        self.pay(&booking, "tok_success").await.expect("the payment is taken");
        self.look_at(&booking).await
    }

    /// Reads a booking anew.
    pub async fn look_at(&self, booking: &Booking) -> Booking {
        let request = GetBookingRequest { booking_id: booking.booking_id.clone() };
        self.get_booking(request).await.expect("it is there").booking.expect("a booking")
    }

    /// Waits until a booking is in that state.
    pub async fn wait_for(&self, booking: &Booking, state: booking::State) -> Booking {
        look_until(async || self.look_at(booking).await, |now| now.state() == state).await
    }

    /// Reads a payment anew.
    pub async fn look_at_payment(&self, payment: &Payment) -> Payment {
        let payment_id = payment.payment_id.clone();
        let request = GetPaymentRequest { payment_id, ..Default::default() };
        self.get_payment(request).await.expect("it is there").payment.expect("a payment")
    }

    /// Waits until a payment is in that state.
    pub async fn wait_for_payment(&self, payment: &Payment, state: payment::State) -> Payment {
        look_until(async || self.look_at_payment(payment).await, |now| now.state() == state).await
    }

    /// Waits until the outcome of a payment is known.
    pub async fn wait_for_outcome(&self, payment: &Payment) -> Payment {
        let open = [payment::State::Pending, payment::State::Unknown];
        let is_known = |now: &Payment| !open.contains(&now.state());
        look_until(async || self.look_at_payment(payment).await, is_known).await
    }

    /// The steps of a booking so far; none until the first has arrived.
    pub async fn timeline_of(&self, booking: &Booking) -> Vec<TimelineStep> {
        let request = GetBookingTimelineRequest { booking_id: booking.booking_id.clone() };
        match self.get_booking_timeline(request).await {
            Ok(timeline) => timeline.steps,
            Err(error) if error.reason() == boxoffice_sdk::ErrorReason::NotFound => Vec::new(),
            Err(error) => panic!("the timeline cannot be read: {error}"),
        }
    }

    /// Waits until the timeline of a booking is exactly this; no step of it goes away again.
    pub async fn wait_for_timeline(&self, booking: &Booking, kinds: &[&str]) {
        eventually(async || {
            let steps = self.timeline_of(booking).await;
            let now: Vec<&str> = steps.iter().map(|step| step.r#type.as_str()).collect();
            let difference = format!("expected {kinds:?}, found {now:?}");
            assert!(now.len() <= kinds.len(), "{difference}");
            if now == kinds { Ok(()) } else { Err(difference) }
        })
        .await;
    }

    /// The tickets of a booking.
    pub async fn tickets_of(&self, booking: &Booking) -> Vec<Ticket> {
        let request = ListTicketsRequest {
            booking_id: booking.booking_id.clone(),
            page_size: 200,
            ..Default::default()
        };
        self.list_tickets(request).await.expect("tickets are listed").tickets
    }
}
