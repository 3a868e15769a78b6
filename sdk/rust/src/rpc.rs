//! One method for every RPC that is neither a stream nor part of signing in.

use boxoffice_proto::booking::v1::booking_service_client::BookingServiceClient;
use boxoffice_proto::booking::v1::{
    CancelBookingRequest, CancelBookingResponse, CreateBookingRequest, CreateBookingResponse,
    ExtendHoldRequest, ExtendHoldResponse, GetBookingRequest, GetBookingResponse, GetHoldRequest,
    GetHoldResponse, HoldSeatsRequest, HoldSeatsResponse, ListBookingsRequest,
    ListBookingsResponse, ReleaseHoldRequest, ReleaseHoldResponse,
};
use boxoffice_proto::catalog::v1::catalog_service_client::CatalogServiceClient;
use boxoffice_proto::catalog::v1::{
    CreateEventRequest, CreateEventResponse, CreateVenueRequest, CreateVenueResponse,
    GetEventRequest, GetEventResponse, GetSeatMapRequest, GetSeatMapResponse, GetVenueRequest,
    GetVenueResponse, ListEventsRequest, ListEventsResponse, ListVenuesRequest, ListVenuesResponse,
    PublishEventRequest, PublishEventResponse,
};
use boxoffice_proto::identity::v1::identity_service_client::IdentityServiceClient;
use boxoffice_proto::identity::v1::{
    GetMeRequest, GetMeResponse, SetUserRolesRequest, SetUserRolesResponse,
};
use boxoffice_proto::operations::v1::operations_service_client::OperationsServiceClient;
use boxoffice_proto::operations::v1::{VerifyInvariantsRequest, VerifyInvariantsResponse};
use boxoffice_proto::payment::v1::payment_service_client::PaymentServiceClient;
use boxoffice_proto::payment::v1::{
    CreatePaymentRequest, CreatePaymentResponse, GetPaymentRequest, GetPaymentResponse,
};
use boxoffice_proto::reporting::v1::reporting_service_client::ReportingServiceClient;
use boxoffice_proto::reporting::v1::{GetBookingTimelineRequest, GetBookingTimelineResponse};
use boxoffice_proto::ticket::v1::ticket_service_client::TicketServiceClient;
use boxoffice_proto::ticket::v1::{
    GetTicketRequest, GetTicketResponse, GetVerificationKeysRequest, GetVerificationKeysResponse,
    ListTicketsRequest, ListTicketsResponse,
};
use uuid::Uuid;

use crate::client::{Client, RECEIVED_BYTES_MAX};
use crate::error::Error;

/// A request that changes something. Its request id makes a repeat harmless.
trait Mutation {
    /// Fills the request id in if the caller left it empty: once, before the first try, so that
    /// every try carries the same.
    fn fill_request_id(&mut self);
}

macro_rules! rpcs {
    ($($stub:ident { $(
        $(#[$documentation:meta])*
        $kind:ident $name:ident($request:ident) -> $response:ident;
    )* })*) => {
        impl Client { $($(
            $(#[$documentation])*
            pub async fn $name(&self, request: $request) -> Result<$response, Error> {
                let request = rpcs!(@prepared $kind request);
                self.call(request, |channel, request| async move {
                    let stub = $stub::new(channel);
                    stub.max_decoding_message_size(RECEIVED_BYTES_MAX).$name(request).await
                })
                .await
            }
        )*)* }
        $($( rpcs!(@trait $kind $request); )*)*
    };
    (@prepared read $request:ident) => { $request };
    (@prepared mutation $request:ident) => {{
        let mut request = $request;
        request.fill_request_id();
        request
    }};
    (@trait read $request:ident) => {};
    (@trait mutation $request:ident) => {
        impl Mutation for $request {
            fn fill_request_id(&mut self) {
                if self.request_id.is_empty() {
                    self.request_id = Uuid::new_v4().to_string();
                }
            }
        }
    };
}

rpcs! {
    CatalogServiceClient {
        /// Creates a venue with all its seats, or nothing at all.
        mutation create_venue(CreateVenueRequest) -> CreateVenueResponse;
        /// Reads a venue with its sections, rows and seats.
        read get_venue(GetVenueRequest) -> GetVenueResponse;
        /// Lists venues, the newest first.
        read list_venues(ListVenuesRequest) -> ListVenuesResponse;
        /// Creates a draft of an event at one of the caller's venues.
        mutation create_event(CreateEventRequest) -> CreateEventResponse;
        /// Puts a draft on sale.
        mutation publish_event(PublishEventRequest) -> PublishEventResponse;
        /// Reads an event.
        read get_event(GetEventRequest) -> GetEventResponse;
        /// Lists the published events that have not ended, by start time.
        read list_events(ListEventsRequest) -> ListEventsResponse;
        /// Reads every seat of a published event with its place, price and state, at one instant.
        read get_seat_map(GetSeatMapRequest) -> GetSeatMapResponse;
    }
    IdentityServiceClient {
        /// Tells who is signed in.
        read get_me(GetMeRequest) -> GetMeResponse;
        /// Sets the roles of a user. For admins.
        mutation set_user_roles(SetUserRolesRequest) -> SetUserRolesResponse;
    }
    BookingServiceClient {
        /// Holds all named seats or none: [`crate::ErrorReason::SeatsTaken`] with
        /// [`Error::conflicts`] when any is not free. Give a request id of your own to find the
        /// same hold again later.
        mutation hold_seats(HoldSeatsRequest) -> HoldSeatsResponse;
        /// Starts the time of a hold anew, up to its limit.
        mutation extend_hold(ExtendHoldRequest) -> ExtendHoldResponse;
        /// Gives the seats of a hold back. A hold that is over already is no error.
        mutation release_hold(ReleaseHoldRequest) -> ReleaseHoldResponse;
        /// Reads a hold.
        read get_hold(GetHoldRequest) -> GetHoldResponse;
        /// Makes a booking from a hold and claims its seats until the booking's pay-by time.
        mutation create_booking(CreateBookingRequest) -> CreateBookingResponse;
        /// Reads a booking.
        read get_booking(GetBookingRequest) -> GetBookingResponse;
        /// Lists the caller's bookings, the newest first.
        read list_bookings(ListBookingsRequest) -> ListBookingsResponse;
        /// Cancels a booking that is not paid.
        mutation cancel_booking(CancelBookingRequest) -> CancelBookingResponse;
    }
    PaymentServiceClient {
        /// Starts a payment for a booking. A declined payment is an answer, not an error. A `wait`
        /// has to be shorter than the client's deadline.
        mutation create_payment(CreatePaymentRequest) -> CreatePaymentResponse;
        /// Reads a payment by its id, or the newest payment of a booking.
        read get_payment(GetPaymentRequest) -> GetPaymentResponse;
    }
    TicketServiceClient {
        /// Reads a ticket.
        read get_ticket(GetTicketRequest) -> GetTicketResponse;
        /// Lists the caller's tickets, all or those of one booking, the newest first.
        read list_tickets(ListTicketsRequest) -> ListTicketsResponse;
        /// Reads the keys that ticket codes are verified with.
        read get_verification_keys(GetVerificationKeysRequest) -> GetVerificationKeysResponse;
    }
    ReportingServiceClient {
        /// Reads every step of a booking, in order.
        read get_booking_timeline(GetBookingTimelineRequest) -> GetBookingTimelineResponse;
    }
    OperationsServiceClient {
        /// Checks the promises of the platform over the real tables. For admins.
        read verify_invariants(VerifyInvariantsRequest) -> VerifyInvariantsResponse;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_request_id_is_filled_and_a_given_one_is_kept() {
        let mut request = HoldSeatsRequest::default();
        request.fill_request_id();
        let filled = Uuid::parse_str(&request.request_id).expect("a UUID");
        assert_eq!(filled.get_version_num(), 4);
        let before = request.request_id.clone();
        request.fill_request_id();
        assert_eq!(request.request_id, before);
    }
}
