//! Good requests of organizers, people and operators: for each RPC, one that does what it is for.

use boxoffice_sdk::FieldMask;
use boxoffice_sdk::catalog::v1::{
    BlockSeatsRequest, CancelEventRequest, CreateEventRequest, CreateVenueRequest,
    GetAvailabilityRequest, GetEventRequest, GetSeatMapRequest, GetVenueRequest, ListEventsRequest,
    ListVenuesRequest, PublishEventRequest, RowDraft, SectionDraft, UnblockSeatsRequest,
    UnpublishEventRequest, UpdateEventRequest, UpdateVenueRequest, VenueDraft,
};
use boxoffice_sdk::identity::v1::{
    ChangePasswordRequest, CreateGuestSessionRequest, CreateServiceAccountRequest,
    DisableServiceAccountRequest, GetMeRequest, GetUserRequest, IssueServiceTokenRequest,
    ListAuditEntriesRequest, ListServiceAccountsRequest, LoginRequest, LogoutRequest,
    RefreshTokenRequest, RegisterRequest, RequestPasswordResetRequest, ResetPasswordRequest,
    SetUserRolesRequest, VerifyEmailRequest, get_user_request,
};
use boxoffice_sdk::operations::v1::{
    DiscardDeadLetterRequest, GetStatusRequest, ListDeadLettersRequest, ListNotificationsRequest,
    ReconcileRequest, ReplayDeadLettersRequest, RetryNotificationRequest, VerifyInvariantsRequest,
};
use boxoffice_sdk::r#type::v1::Role;
use boxoffice_tests::{ADMIN, PASSWORD, request_id};
use prost::Message;

use super::scene::{Host, Scene, Whose, absent, id_of};
use crate::catalog::event_draft;
use crate::service_accounts::service;

/// A token that no mail has.
const MADE_UP: &str = "bov_AAAA";

fn mask(path: &str) -> Option<FieldMask> {
    Some(FieldMask { paths: vec![path.to_owned()] })
}

fn venue_draft() -> VenueDraft {
    let row = RowDraft { label: "A".into(), seat_count: 2, seat_labels: Vec::new() };
    let numbered = RowDraft { label: "B".into(), seat_count: 0, seat_labels: vec!["7a".into()] };
    let section =
        SectionDraft { name: "Floor".into(), rows: vec![row, numbered], ..Default::default() };
    VenueDraft {
        name: "Another Hall".into(),
        city: "Wien".into(),
        country_code: "AT".into(),
        time_zone: "Europe/Vienna".into(),
        sections: vec![section],
    }
}

impl Scene<'_> {
    /// A request that does what its RPC is for.
    pub async fn good(&self, rpc: &str, whose: Whose<'_>) -> Vec<u8> {
        if let Some(request) = self.good_hold(rpc, whose).await {
            return request;
        }
        if let Some(request) = self.good_payment(rpc, whose).await {
            return request;
        }
        if let Some(request) = self.good_ticket(rpc, whose).await {
            return request;
        }
        if let Some(request) = self.good_look(rpc, whose) {
            return request;
        }
        if let Some(request) = self.good_change(rpc, whose).await {
            return request;
        }
        if let Some(request) = self.good_credential(rpc).await {
            return request;
        }
        if let Some(request) = self.good_account(rpc).await {
            return request;
        }
        let request = good_operation(rpc, whose);
        request.unwrap_or_else(|| panic!("there is no good request for {rpc}: add one"))
    }

    fn host_of<'a>(&'a self, whose: Whose<'a>) -> &'a Host {
        match whose {
            Whose::Host(host) => host,
            _ => &self.hosts[0],
        }
    }

    /// What is looked up in the catalog.
    fn good_look(&self, rpc: &str, whose: Whose<'_>) -> Option<Vec<u8>> {
        let host = self.host_of(whose);
        let is_absent = matches!(whose, Whose::Absent);
        let id = |id: &str| if is_absent { absent(id) } else { id.to_owned() };
        let event_id = id(&host.small.event_id);
        let (page_size, page_token) = (2, String::new());
        Some(match rpc {
            "GetVenue" => GetVenueRequest { venue_id: id(&host.venue.venue_id) }.encode_to_vec(),
            "ListVenues" => {
                ListVenuesRequest { page_size, page_token, ..Default::default() }.encode_to_vec()
            }
            "GetEvent" => GetEventRequest { event_id }.encode_to_vec(),
            "ListEvents" => ListEventsRequest {
                page_size,
                city: "Graz".into(),
                text: "Night".into(),
                ..Default::default()
            }
            .encode_to_vec(),
            "GetSeatMap" => GetSeatMapRequest { event_id }.encode_to_vec(),
            "GetAvailability" => {
                GetAvailabilityRequest { event_ids: vec![event_id] }.encode_to_vec()
            }
            _ => return None,
        })
    }

    /// What organizers do with venues and events.
    async fn good_change(&self, rpc: &str, whose: Whose<'_>) -> Option<Vec<u8>> {
        let (request_id, host) = (request_id(), self.host_of(whose));
        let is_absent = matches!(whose, Whose::Absent);
        let id = |id: String| if is_absent { absent(&id) } else { id };
        let (event_id, seat_ids) =
            (id(host.stage.event_id.clone()), || vec![self.fresh_seat(host)]);
        Some(match rpc {
            "CreateVenue" => {
                CreateVenueRequest { request_id, venue: Some(venue_draft()) }.encode_to_vec()
            }
            "UpdateVenue" => {
                let venue = host.fresh_venue().await;
                UpdateVenueRequest {
                    request_id,
                    venue_id: id(venue.venue_id),
                    venue: Some(venue_draft()),
                    update_mask: mask("name"),
                    etag: venue.etag,
                }
                .encode_to_vec()
            }
            "CreateEvent" => {
                let mut draft = event_draft(&host.venue, "A Night");
                draft.venue_id = id(draft.venue_id);
                draft.tags = vec!["jazz".into()];
                draft.image_url = "https://shop.example/a.png".into();
                CreateEventRequest { request_id, event: Some(draft) }.encode_to_vec()
            }
            "UpdateEvent" => {
                let event = host.draft().await;
                UpdateEventRequest {
                    request_id,
                    event_id: id(event.event_id),
                    event: Some(event_draft(&host.venue, "Another Night")),
                    update_mask: mask("title"),
                    etag: event.etag,
                }
                .encode_to_vec()
            }
            "PublishEvent" => {
                let event_id = id(host.draft().await.event_id);
                PublishEventRequest { request_id, event_id }.encode_to_vec()
            }
            "UnpublishEvent" => {
                let event_id = id(host.unsold().await.event_id);
                UnpublishEventRequest { request_id, event_id }.encode_to_vec()
            }
            "CancelEvent" => {
                let event_id = id(host.unsold().await.event_id);
                CancelEventRequest { request_id, event_id }.encode_to_vec()
            }
            "BlockSeats" => {
                BlockSeatsRequest { request_id, event_id, seat_ids: seat_ids() }.encode_to_vec()
            }
            "UnblockSeats" => {
                UnblockSeatsRequest { request_id, event_id, seat_ids: seat_ids() }.encode_to_vec()
            }
            _ => return None,
        })
    }

    /// How people come by tokens and passwords.
    async fn good_credential(&self, rpc: &str) -> Option<Vec<u8>> {
        let guest_token = async || {
            let guest = self.world.guest().await;
            guest.tokens().expect("a session").refresh_token
        };
        Some(match rpc {
            "Register" => RegisterRequest {
                email: format!("{}@example.com", request_id()),
                password: PASSWORD.into(),
                display_name: "Somebody".into(),
                guest_refresh_token: guest_token().await,
            }
            .encode_to_vec(),
            "Login" => LoginRequest {
                email: self.email.clone(),
                password: PASSWORD.into(),
                ..Default::default()
            }
            .encode_to_vec(),
            "RefreshToken" => {
                RefreshTokenRequest { refresh_token: guest_token().await }.encode_to_vec()
            }
            "Logout" => LogoutRequest { refresh_token: guest_token().await }.encode_to_vec(),
            "VerifyEmail" => VerifyEmailRequest { token: MADE_UP.into() }.encode_to_vec(),
            "ChangePassword" => ChangePasswordRequest {
                current_password: PASSWORD.into(),
                new_password: PASSWORD.into(),
            }
            .encode_to_vec(),
            "RequestPasswordReset" => {
                RequestPasswordResetRequest { email: self.email.clone() }.encode_to_vec()
            }
            "ResetPassword" => {
                let (token, new_password) = (MADE_UP.into(), PASSWORD.into());
                ResetPasswordRequest { token, new_password }.encode_to_vec()
            }
            "CreateGuestSession" => CreateGuestSessionRequest {
                contact_email: "guest@example.com".into(),
                ..Default::default()
            }
            .encode_to_vec(),
            "IssueServiceToken" => {
                let (_, account, secret) = service(self.world, &["users:read"]).await;
                let service_account_id = account.service_account_id;
                IssueServiceTokenRequest { service_account_id, secret }.encode_to_vec()
            }
            _ => return None,
        })
    }

    /// Accounts, and what is known of them.
    async fn good_account(&self, rpc: &str) -> Option<Vec<u8>> {
        let (page_size, page_token) = (2, String::new());
        Some(match rpc {
            "GetMe" => GetMeRequest {}.encode_to_vec(),
            "GetUser" => {
                let key = Some(get_user_request::Key::Email(ADMIN.into()));
                GetUserRequest { key }.encode_to_vec()
            }
            "SetUserRoles" => SetUserRolesRequest {
                request_id: request_id(),
                user_id: id_of(&self.world.customer().await).await,
                roles: vec![Role::Organizer.into()],
            }
            .encode_to_vec(),
            "CreateServiceAccount" => CreateServiceAccountRequest {
                request_id: request_id(),
                name: "Shop".into(),
                scopes: vec!["users:read".into()],
                calls_per_minute: Some(600),
            }
            .encode_to_vec(),
            "ListServiceAccounts" => {
                ListServiceAccountsRequest { page_size, page_token }.encode_to_vec()
            }
            "DisableServiceAccount" => {
                let (_, account, _) = service(self.world, &["users:read"]).await;
                let service_account_id = account.service_account_id;
                DisableServiceAccountRequest { request_id: request_id(), service_account_id }
                    .encode_to_vec()
            }
            "ListAuditEntries" => ListAuditEntriesRequest { page_size, page_token }.encode_to_vec(),
            _ => return None,
        })
    }
}

/// What operators do. Of dead letters and failed mails there are none in a healthy sale.
fn good_operation(rpc: &str, whose: Whose<'_>) -> Option<Vec<u8>> {
    let request_id = request_id();
    let dead_letter_id = format!("dlt_{}", "0".repeat(32));
    Some(match rpc {
        "GetStatus" => GetStatusRequest {}.encode_to_vec(),
        "VerifyInvariants" => VerifyInvariantsRequest::default().encode_to_vec(),
        "Reconcile" => ReconcileRequest { only_changes: true, settle: None }.encode_to_vec(),
        "ListDeadLetters" => {
            ListDeadLettersRequest { page_size: 2, ..Default::default() }.encode_to_vec()
        }
        "ReplayDeadLetters" => {
            ReplayDeadLettersRequest { request_id, dead_letter_id, ..Default::default() }
                .encode_to_vec()
        }
        "DiscardDeadLetter" => {
            let reason = "it is not needed".into();
            DiscardDeadLetterRequest { request_id, dead_letter_id, reason }.encode_to_vec()
        }
        "ListNotifications" => {
            let booking_id = match whose {
                Whose::Buyer(buyer) => buyer.booking.booking_id.clone(),
                _ => absent(&format!("bkg_{}", "0".repeat(32))),
            };
            ListNotificationsRequest { page_size: 2, booking_id, ..Default::default() }
                .encode_to_vec()
        }
        "RetryNotification" => {
            let notification_id = format!("ntf_{}", "0".repeat(32));
            RetryNotificationRequest { request_id, notification_id }.encode_to_vec()
        }
        _ => return None,
    })
}
