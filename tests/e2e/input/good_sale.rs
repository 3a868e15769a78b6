//! Good requests of buyers and gates: for each RPC, one that does what it is for.

use std::time::SystemTime;

use boxoffice_sdk::booking::v1::{
    CancelBookingRequest, ChangeHoldRequest, CreateBookingRequest, ExtendHoldRequest,
    GetBookingRequest, GetHoldRequest, HoldSeatsRequest, ListBookingsRequest, ListHoldsRequest,
    OfferQuantity, ReleaseHoldRequest, WatchBookingRequest, WatchSeatsRequest, booking,
};
use boxoffice_sdk::payment::v1::{
    ConfirmPaymentActionRequest, CreatePaymentRequest, GetPaymentRequest, ListPaymentsRequest,
    RefundPaymentRequest,
};
use boxoffice_sdk::reporting::v1::GetBookingTimelineRequest;
use boxoffice_sdk::ticket::v1::{
    CheckInTicketRequest, GetTicketRequest, GetVerificationKeysRequest, ListCheckInsRequest,
    ListEventTicketsRequest, ListTicketsRequest, OfflineEntry, RenderTicketRequest,
    SyncCheckInsRequest, render_ticket_request, ticket,
};
use boxoffice_tests::request_id;
use prost::Message;

use super::scene::{Scene, Whose, absent, book, hold};

/// How long a payment's outcome is waited for.
const WAIT: boxoffice_sdk::Duration = boxoffice_sdk::Duration { seconds: 5, nanos: 0 };

impl Scene<'_> {
    /// A request about a hold; `None` if the RPC is another one.
    pub(super) async fn good_hold(&self, rpc: &str, whose: Whose<'_>) -> Option<Vec<u8>> {
        let (request_id, host) = (request_id(), &self.hosts[0]);
        let hold_id = async || match whose {
            Whose::Buyer(buyer) => hold(&buyer.person, host).await.hold_id,
            _ => absent(&format!("hld_{}", "0".repeat(32))),
        };
        let event_id = host.stage.event_id.clone();
        let standing =
            || vec![OfferQuantity { offer_id: host.stage.standing.clone(), quantity: 2 }];
        Some(match rpc {
            "HoldSeats" => {
                let seat_ids = vec![self.fresh_seat(host)];
                let general_admission = standing();
                HoldSeatsRequest { request_id, event_id, seat_ids, general_admission }
                    .encode_to_vec()
            }
            "ChangeHold" => ChangeHoldRequest {
                request_id,
                hold_id: hold_id().await,
                add_seat_ids: vec![self.fresh_seat(host)],
                remove_seat_ids: Vec::new(),
                general_admission: standing(),
            }
            .encode_to_vec(),
            "ExtendHold" => {
                ExtendHoldRequest { request_id, hold_id: hold_id().await }.encode_to_vec()
            }
            "ReleaseHold" => {
                ReleaseHoldRequest { request_id, hold_id: hold_id().await }.encode_to_vec()
            }
            "GetHold" => GetHoldRequest { hold_id: hold_id().await }.encode_to_vec(),
            "ListHolds" => {
                let page_size = 2;
                ListHoldsRequest { page_size, event_id, ..Default::default() }.encode_to_vec()
            }
            "CreateBooking" => CreateBookingRequest {
                request_id,
                hold_id: hold_id().await,
                contact_email: "buyer@example.com".into(),
            }
            .encode_to_vec(),
            _ => return self.good_booking(rpc, whose).await,
        })
    }

    async fn good_booking(&self, rpc: &str, whose: Whose<'_>) -> Option<Vec<u8>> {
        let (request_id, host) = (request_id(), &self.hosts[0]);
        let absent_booking = absent(&format!("bkg_{}", "0".repeat(32)));
        let kept_booking = match whose {
            Whose::Buyer(buyer) => buyer.booking.booking_id.clone(),
            _ => absent_booking.clone(),
        };
        Some(match rpc {
            "GetBooking" => GetBookingRequest { booking_id: kept_booking }.encode_to_vec(),
            "ListBookings" => ListBookingsRequest {
                page_size: 2,
                states: vec![booking::State::Confirmed.into()],
                ..Default::default()
            }
            .encode_to_vec(),
            "CancelBooking" => {
                let booking_id = match whose {
                    Whose::Buyer(buyer) => book(&buyer.person, host).await.booking_id,
                    _ => absent_booking,
                };
                CancelBookingRequest { request_id, booking_id }.encode_to_vec()
            }
            "WatchSeats" => {
                let event_id = match whose {
                    Whose::Absent => absent(&host.small.event_id),
                    _ => host.small.event_id.clone(),
                };
                WatchSeatsRequest { event_id, cursor: None }.encode_to_vec()
            }
            "WatchBooking" => WatchBookingRequest { booking_id: kept_booking }.encode_to_vec(),
            "GetBookingTimeline" => {
                GetBookingTimelineRequest { booking_id: kept_booking }.encode_to_vec()
            }
            _ => return None,
        })
    }

    /// A request about a payment; `None` if the RPC is another one.
    pub(super) async fn good_payment(&self, rpc: &str, whose: Whose<'_>) -> Option<Vec<u8>> {
        let request_id = request_id();
        let template = &format!("pay_{}", "0".repeat(32));
        let absent_booking = absent(&format!("bkg_{}", "0".repeat(32)));
        Some(match rpc {
            "CreatePayment" => {
                let booking_id = match whose {
                    Whose::Buyer(buyer) => book(&buyer.person, &self.hosts[0]).await.booking_id,
                    _ => absent_booking,
                };
                let payment_token = "tok_success".into();
                CreatePaymentRequest { request_id, booking_id, payment_token, wait: Some(WAIT) }
                    .encode_to_vec()
            }
            "GetPayment" => {
                let payment_id = match whose {
                    Whose::Buyer(buyer) => buyer.payment.payment_id.clone(),
                    _ => absent(template),
                };
                GetPaymentRequest { payment_id, ..Default::default() }.encode_to_vec()
            }
            "ListPayments" => {
                let booking_id = match whose {
                    Whose::Buyer(buyer) => buyer.booking.booking_id.clone(),
                    _ => absent_booking,
                };
                let page_size = 2;
                ListPaymentsRequest { booking_id, page_size, ..Default::default() }.encode_to_vec()
            }
            "ConfirmPaymentAction" => {
                let payment_id = match whose {
                    Whose::Buyer(buyer) => self.challenged(&buyer.person).await.payment_id,
                    _ => absent(template),
                };
                let (answer, wait) = ("succeed".into(), Some(WAIT));
                ConfirmPaymentActionRequest { request_id, payment_id, answer, wait }.encode_to_vec()
            }
            "RefundPayment" => {
                let (payment_id, place_ids) = match whose {
                    Whose::Host(host) => {
                        let buyer = self.fresh_buyer(host).await;
                        let place = buyer.booking.places[0].place_id.clone();
                        (buyer.payment.payment_id, vec![place])
                    }
                    _ => (absent(template), Vec::new()),
                };
                let reason = "the view is bad".into();
                RefundPaymentRequest { request_id, payment_id, place_ids, reason }.encode_to_vec()
            }
            _ => return None,
        })
    }

    /// A request about tickets; `None` if the RPC is another one.
    pub(super) async fn good_ticket(&self, rpc: &str, whose: Whose<'_>) -> Option<Vec<u8>> {
        let ticket_id = match whose {
            Whose::Buyer(buyer) => buyer.ticket.ticket_id.clone(),
            _ => absent(&format!("tkt_{}", "0".repeat(32))),
        };
        Some(match rpc {
            "GetTicket" => GetTicketRequest { ticket_id }.encode_to_vec(),
            "ListTickets" => {
                let booking_id = match whose {
                    Whose::Buyer(buyer) => buyer.booking.booking_id.clone(),
                    _ => absent(&format!("bkg_{}", "0".repeat(32))),
                };
                let page_size = 2;
                ListTicketsRequest { page_size, booking_id, ..Default::default() }.encode_to_vec()
            }
            "RenderTicket" => {
                let format = render_ticket_request::Format::Svg.into();
                RenderTicketRequest { ticket_id, format }.encode_to_vec()
            }
            "GetVerificationKeys" => GetVerificationKeysRequest {}.encode_to_vec(),
            _ => return self.good_gate(rpc, whose).await,
        })
    }

    async fn good_gate(&self, rpc: &str, whose: Whose<'_>) -> Option<Vec<u8>> {
        let (host, is_absent) = match whose {
            Whose::Host(host) => (host, false),
            _ => (&self.hosts[0], true),
        };
        let event_id = match is_absent {
            true => absent(&host.stage.event_id),
            false => host.stage.event_id.clone(),
        };
        let (gate, request_id) = ("north".to_owned(), request_id());
        Some(match rpc {
            "CheckInTicket" => {
                let code = self.fresh_buyer(host).await.ticket.code;
                CheckInTicketRequest { request_id, event_id, code, gate }.encode_to_vec()
            }
            "SyncCheckIns" => {
                let code = self.fresh_buyer(host).await.ticket.code;
                let entry_time = Some(SystemTime::now().into());
                let entries = vec![OfflineEntry { request_id, code, gate, entry_time }];
                SyncCheckInsRequest { event_id, entries }.encode_to_vec()
            }
            "ListCheckIns" => {
                let page_size = 2;
                ListCheckInsRequest { event_id, page_size, ..Default::default() }.encode_to_vec()
            }
            "ListEventTickets" => ListEventTicketsRequest {
                event_id,
                page_size: 2,
                states: vec![ticket::State::Valid.into()],
                ..Default::default()
            }
            .encode_to_vec(),
            _ => return None,
        })
    }
}
