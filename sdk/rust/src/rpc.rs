//! One method for every RPC that is neither a stream nor part of signing in.

use boxoffice_proto::booking::v1::booking_service_client::BookingServiceClient;
use boxoffice_proto::booking::v1::{
    CancelBookingRequest, CancelBookingResponse, ChangeHoldRequest, ChangeHoldResponse,
    CreateBookingRequest, CreateBookingResponse, ExtendHoldRequest, ExtendHoldResponse,
    GetBookingRequest, GetBookingResponse, GetHoldRequest, GetHoldResponse, HoldSeatsRequest,
    HoldSeatsResponse, ListBookingsRequest, ListBookingsResponse, ListHoldsRequest,
    ListHoldsResponse, ReleaseHoldRequest, ReleaseHoldResponse,
};
use boxoffice_proto::catalog::v1::catalog_service_client::CatalogServiceClient;
use boxoffice_proto::catalog::v1::{
    BlockSeatsRequest, BlockSeatsResponse, CancelEventRequest, CancelEventResponse,
    CreateEventRequest, CreateEventResponse, CreateVenueRequest, CreateVenueResponse,
    GetAvailabilityRequest, GetAvailabilityResponse, GetEventRequest, GetEventResponse,
    GetSeatMapRequest, GetSeatMapResponse, GetVenueRequest, GetVenueResponse, ListEventsRequest,
    ListEventsResponse, ListVenuesRequest, ListVenuesResponse, PublishEventRequest,
    PublishEventResponse, UnblockSeatsRequest, UnblockSeatsResponse, UnpublishEventRequest,
    UnpublishEventResponse, UpdateEventRequest, UpdateEventResponse, UpdateVenueRequest,
    UpdateVenueResponse,
};
use boxoffice_proto::identity::v1::identity_service_client::IdentityServiceClient;
use boxoffice_proto::identity::v1::{
    CreateServiceAccountRequest, CreateServiceAccountResponse, DisableServiceAccountRequest,
    DisableServiceAccountResponse, GetMeRequest, GetMeResponse, GetUserRequest, GetUserResponse,
    ListAuditEntriesRequest, ListAuditEntriesResponse, ListServiceAccountsRequest,
    ListServiceAccountsResponse, SetUserRolesRequest, SetUserRolesResponse,
};
use boxoffice_proto::operations::v1::operations_service_client::OperationsServiceClient;
use boxoffice_proto::operations::v1::{
    DiscardDeadLetterRequest, DiscardDeadLetterResponse, GetStatusRequest, GetStatusResponse,
    ListDeadLettersRequest, ListDeadLettersResponse, ListNotificationsRequest,
    ListNotificationsResponse, ReconcileRequest, ReconcileResponse, ReplayDeadLettersRequest,
    ReplayDeadLettersResponse, RetryNotificationRequest, RetryNotificationResponse,
    VerifyInvariantsRequest, VerifyInvariantsResponse,
};
use boxoffice_proto::payment::v1::payment_service_client::PaymentServiceClient;
use boxoffice_proto::payment::v1::{
    ConfirmPaymentActionRequest, ConfirmPaymentActionResponse, CreatePaymentRequest,
    CreatePaymentResponse, GetPaymentRequest, GetPaymentResponse, ListPaymentsRequest,
    ListPaymentsResponse, RefundPaymentRequest, RefundPaymentResponse,
};
use boxoffice_proto::reporting::v1::reporting_service_client::ReportingServiceClient;
use boxoffice_proto::reporting::v1::{GetBookingTimelineRequest, GetBookingTimelineResponse};
use boxoffice_proto::ticket::v1::ticket_service_client::TicketServiceClient;
use boxoffice_proto::ticket::v1::{
    CheckInTicketRequest, CheckInTicketResponse, GetTicketRequest, GetTicketResponse,
    GetVerificationKeysRequest, GetVerificationKeysResponse, ListCheckInsRequest,
    ListCheckInsResponse, ListEventTicketsRequest, ListEventTicketsResponse, ListTicketsRequest,
    ListTicketsResponse, RenderTicketRequest, RenderTicketResponse, SyncCheckInsRequest,
    SyncCheckInsResponse,
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
        /// Changes the fields of a venue that the mask names.
        mutation update_venue(UpdateVenueRequest) -> UpdateVenueResponse;
        /// Creates a draft of an event at one of the caller's venues.
        mutation create_event(CreateEventRequest) -> CreateEventResponse;
        /// Changes the fields of an event that the mask names.
        mutation update_event(UpdateEventRequest) -> UpdateEventResponse;
        /// Puts a draft on sale.
        mutation publish_event(PublishEventRequest) -> PublishEventResponse;
        /// Takes an event off sale, while nothing of it is held, booked or sold.
        mutation unpublish_event(UnpublishEventRequest) -> UnpublishEventResponse;
        /// Calls an event off, for good. Its bookings are cancelled and refunded.
        mutation cancel_event(CancelEventRequest) -> CancelEventResponse;
        /// Takes seats of an event off sale, all of them or none.
        mutation block_seats(BlockSeatsRequest) -> BlockSeatsResponse;
        /// Puts blocked seats of an event on sale again, all of them or none.
        mutation unblock_seats(UnblockSeatsRequest) -> UnblockSeatsResponse;
        /// Reads an event.
        read get_event(GetEventRequest) -> GetEventResponse;
        /// Lists the published events that have not ended, by start time.
        read list_events(ListEventsRequest) -> ListEventsResponse;
        /// Reads every seat of a published event with its place, price and state, at one instant.
        read get_seat_map(GetSeatMapRequest) -> GetSeatMapResponse;
        /// Counts the places of events by offer and state, at one instant.
        read get_availability(GetAvailabilityRequest) -> GetAvailabilityResponse;
    }
    IdentityServiceClient {
        /// Tells who is signed in.
        read get_me(GetMeRequest) -> GetMeResponse;
        /// Sets the roles of a user. For admins.
        mutation set_user_roles(SetUserRolesRequest) -> SetUserRolesResponse;
        /// Looks a user up. For services with the scope users:read, and for admins.
        read get_user(GetUserRequest) -> GetUserResponse;
        /// Makes an account for another backend. For admins. The secret is in the first answer
        /// only: it is empty if that was lost and the call repeated.
        mutation create_service_account(CreateServiceAccountRequest)
            -> CreateServiceAccountResponse;
        /// Lists all service accounts, the newest first. For admins.
        read list_service_accounts(ListServiceAccountsRequest) -> ListServiceAccountsResponse;
        /// Ends a service account for good. For admins.
        mutation disable_service_account(DisableServiceAccountRequest)
            -> DisableServiceAccountResponse;
        /// Lists who made which privileged call, the newest first. For admins.
        read list_audit_entries(ListAuditEntriesRequest) -> ListAuditEntriesResponse;
    }
    BookingServiceClient {
        /// Holds all of the places or none: [`crate::ErrorReason::SeatsTaken`] with
        /// [`Error::conflicts`] and [`Error::offer_conflicts`] when any is not free. Give a request
        /// id of your own to find the same hold again later.
        mutation hold_seats(HoldSeatsRequest) -> HoldSeatsResponse;
        /// Makes a hold larger or smaller: all of the change or nothing.
        mutation change_hold(ChangeHoldRequest) -> ChangeHoldResponse;
        /// Starts the time of a hold anew, up to its limit.
        mutation extend_hold(ExtendHoldRequest) -> ExtendHoldResponse;
        /// Gives the seats of a hold back. A hold that is over already is no error.
        mutation release_hold(ReleaseHoldRequest) -> ReleaseHoldResponse;
        /// Reads a hold.
        read get_hold(GetHoldRequest) -> GetHoldResponse;
        /// Lists the caller's active holds, the newest first.
        read list_holds(ListHoldsRequest) -> ListHoldsResponse;
        /// Makes a booking from a hold and claims its seats until the booking's pay-by time.
        mutation create_booking(CreateBookingRequest) -> CreateBookingResponse;
        /// Reads a booking.
        read get_booking(GetBookingRequest) -> GetBookingResponse;
        /// Lists the caller's bookings, the newest first.
        read list_bookings(ListBookingsRequest) -> ListBookingsResponse;
        /// Cancels a booking, for its owner or the organizer of its event. What was paid is given
        /// back.
        mutation cancel_booking(CancelBookingRequest) -> CancelBookingResponse;
    }
    PaymentServiceClient {
        /// Starts a payment for a booking. A declined payment is an answer, not an error. A `wait`
        /// has to be shorter than the client's deadline.
        mutation create_payment(CreatePaymentRequest) -> CreatePaymentResponse;
        /// Reads a payment by its id, or the newest payment of a booking.
        read get_payment(GetPaymentRequest) -> GetPaymentResponse;
        /// Lists the caller's payments, or those of one booking, the newest first.
        read list_payments(ListPaymentsRequest) -> ListPaymentsResponse;
        /// Tells what the action gave that a payment requires of its buyer.
        mutation confirm_payment_action(ConfirmPaymentActionRequest)
            -> ConfirmPaymentActionResponse;
        /// Gives money back by returning places of a booking. For the event's organizer.
        mutation refund_payment(RefundPaymentRequest) -> RefundPaymentResponse;
    }
    TicketServiceClient {
        /// Reads a ticket.
        read get_ticket(GetTicketRequest) -> GetTicketResponse;
        /// Lists the caller's tickets, all or those of one booking, the newest first.
        read list_tickets(ListTicketsRequest) -> ListTicketsResponse;
        /// Draws a ticket as an image with its QR code.
        read render_ticket(RenderTicketRequest) -> RenderTicketResponse;
        /// Lets the holder of a ticket in, once. For the event's organizer.
        mutation check_in_ticket(CheckInTicketRequest) -> CheckInTicketResponse;
        /// Tells of entries that gates gave while they were offline. Each has a request id of its
        /// own, made when it was given, so that telling it again is harmless.
        read sync_check_ins(SyncCheckInsRequest) -> SyncCheckInsResponse;
        /// Lists the entries of an event, those told last first. For its organizer.
        read list_check_ins(ListCheckInsRequest) -> ListCheckInsResponse;
        /// Lists the tickets of an event without their codes. For its organizer.
        read list_event_tickets(ListEventTicketsRequest) -> ListEventTicketsResponse;
        /// Reads the keys that ticket codes are verified with.
        read get_verification_keys(GetVerificationKeysRequest) -> GetVerificationKeysResponse;
    }
    ReportingServiceClient {
        /// Reads every step of a booking, in order.
        read get_booking_timeline(GetBookingTimelineRequest) -> GetBookingTimelineResponse;
    }
    OperationsServiceClient {
        /// Tells how the platform is. For admins.
        read get_status(GetStatusRequest) -> GetStatusResponse;
        /// Checks the promises of the platform over the real tables. For admins.
        read verify_invariants(VerifyInvariantsRequest) -> VerifyInvariantsResponse;
        /// Compares the payment gateway's books with the platform's. For admins.
        read reconcile(ReconcileRequest) -> ReconcileResponse;
        /// Lists events that a consumer could not take, the first parked first. For admins.
        read list_dead_letters(ListDeadLettersRequest) -> ListDeadLettersResponse;
        /// Delivers parked events once more, in order. For admins.
        mutation replay_dead_letters(ReplayDeadLettersRequest) -> ReplayDeadLettersResponse;
        /// Lets a consumer do without a parked event, for a reason. For admins.
        mutation discard_dead_letter(DiscardDeadLetterRequest) -> DiscardDeadLetterResponse;
        /// Lists mails, the newest first: all for admins, for others those to themselves.
        read list_notifications(ListNotificationsRequest) -> ListNotificationsResponse;
        /// Has a mail that failed tried again. For admins.
        mutation retry_notification(RetryNotificationRequest) -> RetryNotificationResponse;
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
