//! Each RPC: fields to values, the use case, and back.

use std::collections::BTreeSet;
use std::sync::Arc;

use boxoffice_proto::booking::v1 as wire;
use boxoffice_proto::booking::v1::booking_service_server::BookingService as Contract;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::watch::{BookingWatch, Responses};
use super::{map, places, watch};
use crate::booking::domain::booking::BookingState;
use crate::booking::domain::inventory::FeedCursor;
use crate::booking::feed::SeatFeeds;
use crate::booking::service::BookingService;
use crate::error::Error;
use crate::kernel::id::{BookingId, EventId, HoldId};
use crate::ports::clock::Clock;
use crate::store::Signals;
use crate::transport::auth::{caller, maybe_caller};
use crate::transport::parse::Fields;
use crate::transport::request_key::RequestKeys;
use crate::transport::streams::StreamLife;
use crate::transport::wire::money;

/// Serves `boxoffice.booking.v1.BookingService`.
pub struct BookingGrpc {
    /// The use cases it serves.
    pub bookings: BookingService,
    /// The seat feeds it serves.
    pub feeds: SeatFeeds,
    /// Where changes of bookings are heard.
    pub signals: Signals,
    /// Makes request keys.
    pub keys: RequestKeys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ends every stream.
    pub stop: CancellationToken,
}

#[tonic::async_trait]
impl Contract for BookingGrpc {
    async fn hold_seats(
        &self,
        request: Request<wire::HoldSeatsRequest>,
    ) -> Result<Response<wire::HoldSeatsResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let event_id = fields.id("event_id", &body.event_id, EventId::parse);
        let places = places::wanted(&mut fields, &body);
        let (Some(request_id), Some(event_id), Some(places)) = (request_id, event_id, places)
        else {
            return Err(fields.error().into());
        };
        places::require_different(&body.seat_ids)?;
        let key = self.keys.key(&caller, "HoldSeats", request_id, &body);
        let held = self.bookings.hold_seats(key, event_id, places).await?;
        Ok(Response::new(wire::HoldSeatsResponse { hold: Some(map::hold(held)) }))
    }

    async fn change_hold(
        &self,
        request: Request<wire::ChangeHoldRequest>,
    ) -> Result<Response<wire::ChangeHoldResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let hold_id = fields.id("hold_id", &body.hold_id, HoldId::parse);
        let change = places::change(&mut fields, &body);
        let (Some(request_id), Some(hold_id), Some(change)) = (request_id, hold_id, change) else {
            return Err(fields.error().into());
        };
        places::require_different(&body.add_seat_ids)?;
        places::require_different(&body.remove_seat_ids)?;
        let key = self.keys.key(&caller, "ChangeHold", request_id, &body);
        let held = self.bookings.change_hold(caller, key, hold_id, change).await?;
        Ok(Response::new(wire::ChangeHoldResponse { hold: Some(map::hold(held)) }))
    }

    async fn extend_hold(
        &self,
        request: Request<wire::ExtendHoldRequest>,
    ) -> Result<Response<wire::ExtendHoldResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let hold_id = fields.id("hold_id", &body.hold_id, HoldId::parse);
        let (Some(request_id), Some(hold_id)) = (request_id, hold_id) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "ExtendHold", request_id, &body);
        let held = self.bookings.extend_hold(caller, key, hold_id).await?;
        Ok(Response::new(wire::ExtendHoldResponse { hold: Some(map::hold(held)) }))
    }

    async fn release_hold(
        &self,
        request: Request<wire::ReleaseHoldRequest>,
    ) -> Result<Response<wire::ReleaseHoldResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let hold_id = fields.id("hold_id", &body.hold_id, HoldId::parse);
        let (Some(request_id), Some(hold_id)) = (request_id, hold_id) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "ReleaseHold", request_id, &body);
        let held = self.bookings.release_hold(caller, key, hold_id).await?;
        Ok(Response::new(wire::ReleaseHoldResponse { hold: Some(map::hold(held)) }))
    }

    async fn get_hold(
        &self,
        request: Request<wire::GetHoldRequest>,
    ) -> Result<Response<wire::GetHoldResponse>, Status> {
        let caller = caller(&request)?;
        let mut fields = Fields::default();
        let hold_id = fields.id("hold_id", &request.get_ref().hold_id, HoldId::parse);
        let Some(hold_id) = hold_id else { return Err(fields.error().into()) };
        let held = self.bookings.hold(&caller, hold_id).await?;
        Ok(Response::new(wire::GetHoldResponse { hold: Some(map::hold(held)) }))
    }

    async fn list_holds(
        &self,
        request: Request<wire::ListHoldsRequest>,
    ) -> Result<Response<wire::ListHoldsResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let page = fields.page(body.page_size, &body.page_token);
        let event_id = match body.event_id.as_str() {
            "" => Some(None),
            text => fields.id("event_id", text, EventId::parse).map(Some),
        };
        let (Some(page), Some(event_id)) = (page, event_id) else {
            return Err(fields.error().into());
        };
        let page = self.bookings.holds(&caller, event_id, &page).await?;
        Ok(Response::new(wire::ListHoldsResponse {
            next_page_token: page.next_token(),
            holds: page.items.into_iter().map(map::hold).collect(),
        }))
    }

    async fn create_booking(
        &self,
        request: Request<wire::CreateBookingRequest>,
    ) -> Result<Response<wire::CreateBookingResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let hold_id = fields.id("hold_id", &body.hold_id, HoldId::parse);
        let email = match body.contact_email.as_str() {
            "" => Some(None),
            email => fields.email("contact_email", email).map(Some),
        };
        let (Some(request_id), Some(hold_id), Some(email)) = (request_id, hold_id, email) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "CreateBooking", request_id, &body);
        let booking = self.bookings.create_booking(caller, key, hold_id, email).await?;
        Ok(Response::new(wire::CreateBookingResponse { booking: Some(map::booking(booking)) }))
    }

    async fn get_booking(
        &self,
        request: Request<wire::GetBookingRequest>,
    ) -> Result<Response<wire::GetBookingResponse>, Status> {
        let caller = caller(&request)?;
        let booking_id = booking_id(&request.get_ref().booking_id)?;
        let booking = self.bookings.booking(&caller, booking_id).await?;
        Ok(Response::new(wire::GetBookingResponse { booking: Some(map::booking(booking)) }))
    }

    async fn list_bookings(
        &self,
        request: Request<wire::ListBookingsRequest>,
    ) -> Result<Response<wire::ListBookingsResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let page = fields.page(body.page_size, &body.page_token);
        let states: Option<BTreeSet<BookingState>> = body
            .states
            .iter()
            .map(|state| {
                let known = wire::booking::State::try_from(*state).ok();
                let known = known.and_then(map::booking_state_from);
                known.or_else(|| fields.fault("states", "must be known states"))
            })
            .collect();
        let (Some(page), Some(states)) = (page, states) else {
            return Err(fields.error().into());
        };
        let states: Vec<_> = states.into_iter().collect();
        let page = self.bookings.bookings(&caller, &states, &page).await?;
        Ok(Response::new(wire::ListBookingsResponse {
            next_page_token: page.next_token(),
            bookings: page.items.into_iter().map(map::booking).collect(),
        }))
    }

    async fn cancel_booking(
        &self,
        request: Request<wire::CancelBookingRequest>,
    ) -> Result<Response<wire::CancelBookingResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let booking_id = fields.id("booking_id", &body.booking_id, BookingId::parse);
        let (Some(request_id), Some(booking_id)) = (request_id, booking_id) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "CancelBooking", request_id, &body);
        let booking = self.bookings.cancel_booking(caller, key, booking_id).await?;
        Ok(Response::new(wire::CancelBookingResponse {
            refund_amount: Some(money(booking.refunded())),
            booking: Some(map::booking(booking)),
        }))
    }

    type WatchSeatsStream = Responses<wire::WatchSeatsResponse>;

    async fn watch_seats(
        &self,
        request: Request<wire::WatchSeatsRequest>,
    ) -> Result<Response<Self::WatchSeatsStream>, Status> {
        let caller = maybe_caller(&request);
        let body = request.into_inner();
        let mut fields = Fields::default();
        let event_id = fields.id("event_id", &body.event_id, EventId::parse);
        let Some(event_id) = event_id else { return Err(fields.error().into()) };
        let cursor = body.cursor.map(|at| FeedCursor { epoch: at.epoch, revision: at.revision });
        let watched = self.feeds.watch(event_id, cursor).await?;
        let life = StreamLife::begin(caller.as_ref(), self.clock.now(), self.stop.clone());
        Ok(Response::new(watch::seats(watched, life)))
    }

    type WatchBookingStream = Responses<wire::WatchBookingResponse>;

    async fn watch_booking(
        &self,
        request: Request<wire::WatchBookingRequest>,
    ) -> Result<Response<Self::WatchBookingStream>, Status> {
        let caller = caller(&request)?;
        let booking_id = booking_id(&request.get_ref().booking_id)?;
        // Listening begins before the booking is read, so that no change is missed in between.
        let signals = self.signals.listen();
        self.bookings.booking(&caller, booking_id).await?;
        let bookings = self.bookings.clone();
        let watched = BookingWatch { bookings, caller, booking_id, signals, version: 0 };
        let life = StreamLife::begin(Some(&caller), self.clock.now(), self.stop.clone());
        Ok(Response::new(watch::booking(watched, life)))
    }
}

fn booking_id(text: &str) -> Result<BookingId, Error> {
    let mut fields = Fields::default();
    fields.id("booking_id", text, BookingId::parse).ok_or_else(|| fields.error())
}
