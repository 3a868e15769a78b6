//! A server that answers as it is told and notes what it was asked.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use boxoffice_proto::booking::v1::booking_service_server::{BookingService, BookingServiceServer};
use boxoffice_proto::booking::v1::*;
use boxoffice_proto::identity::v1::identity_service_server::{
    IdentityService, IdentityServiceServer,
};
use boxoffice_proto::identity::v1::*;
use boxoffice_proto::ticket::v1::ticket_service_server::{TicketService, TicketServiceServer};
use boxoffice_proto::ticket::v1::*;
use futures::stream::{self, Stream, StreamExt};
use tokio::sync::Notify;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The messages of a stream, or the refusal of its opening.
pub type SeatScript = Result<Vec<Result<WatchSeatsResponse, Status>>, Status>;

/// What the server answers next, and what it was asked so far.
#[derive(Default)]
pub struct Script {
    /// The answers to HoldSeats; success when there is none left.
    pub holds: VecDeque<Status>,
    /// The answers to Login; success when there is none left.
    pub logins: VecDeque<Status>,
    /// The answers to RefreshToken; success when there is none left.
    pub refreshes: VecDeque<Status>,
    /// How many calls of RefreshToken, after those, have their effect and never an answer.
    pub silent_refreshes: usize,
    /// The answers to CheckInTicket; success when there is none left.
    pub check_ins: VecDeque<Status>,
    /// What each WatchSeats brings; NOT_FOUND when there is none left.
    pub streams: VecDeque<SeatScript>,
    /// The request id and bearer of every HoldSeats.
    pub held: Vec<(String, Option<String>)>,
    /// The cursor of every WatchSeats.
    pub cursors: Vec<Option<SeatCursor>>,
    /// The refresh token of every RefreshToken.
    pub refreshed: Vec<String>,
    /// The request id of every CheckInTicket.
    pub entries: Vec<String>,
    /// How often Login was called.
    pub login_count: usize,
    /// When true, an access token other than the newest is refused as expired.
    pub checks_tokens: bool,
}

#[derive(Clone, Default)]
pub struct Scripted {
    script: Arc<Mutex<Script>>,
    /// Told when a ChangePassword has come.
    pub change_begun: Arc<Notify>,
    /// What a ChangePassword waits for before it answers.
    pub change_may_end: Arc<Notify>,
}

impl Scripted {
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().expect("no test panics while it holds the script")
    }

    /// Starts serving on a port of the system's choice; gives its address.
    pub async fn start(&self) -> String {
        let address = "127.0.0.1:0".parse().expect("an address");
        let incoming = TcpIncoming::bind(address).expect("a free port");
        let address = incoming.local_addr().expect("a bound port");
        let server = Server::builder()
            .add_service(BookingServiceServer::new(self.clone()))
            .add_service(IdentityServiceServer::new(self.clone()))
            .add_service(TicketServiceServer::new(self.clone()));
        tokio::spawn(server.serve_with_incoming(incoming));
        format!("http://{address}")
    }
}

pub fn unavailable(retry_delay: Option<Duration>) -> Status {
    let mut details = ErrorDetails::with_error_info("UNAVAILABLE", "boxoffice", []);
    details.set_retry_info(retry_delay);
    Status::with_error_details(Code::Unavailable, "not ready", details)
}

pub fn refused(code: Code, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "boxoffice", []);
    Status::with_error_details(code, "refused", details)
}

/// A pair whose access token lives this long from now, named by how often it was renewed.
pub fn tokens(renewals: usize, life: Duration) -> TokenPair {
    TokenPair {
        access_token: format!("access-{renewals}"),
        access_expire_time: Some((SystemTime::now() + life).into()),
        refresh_token: format!("refresh-{renewals}"),
        refresh_expire_time: None,
    }
}

fn bearer<T>(request: &Request<T>) -> Option<String> {
    let value = request.metadata().get("authorization")?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::to_owned)
}

fn next<T>(answers: &mut VecDeque<Status>, success: T) -> Result<Response<T>, Status> {
    answers.pop_front().map_or_else(|| Ok(Response::new(success)), Err)
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send + 'a>>;

/// Written as `async_trait` would write it, for it does not look into macros.
macro_rules! not_scripted {
    ($($name:ident($request:ty) -> $response:ty;)*) => {
        $(fn $name<'a, 'b>(&'a self, _: Request<$request>) -> Answer<'b, $response>
        where
            'a: 'b,
            Self: 'b,
        {
            Box::pin(async { Err(Status::unimplemented("not scripted")) })
        })*
    };
}

#[tonic::async_trait]
impl BookingService for Scripted {
    type WatchSeatsStream = Pin<Box<dyn Stream<Item = Result<WatchSeatsResponse, Status>> + Send>>;
    type WatchBookingStream =
        Pin<Box<dyn Stream<Item = Result<WatchBookingResponse, Status>> + Send>>;

    async fn hold_seats(
        &self,
        request: Request<HoldSeatsRequest>,
    ) -> Result<Response<HoldSeatsResponse>, Status> {
        let mut script = self.script();
        let bearer = bearer(&request);
        script.held.push((request.into_inner().request_id, bearer.clone()));
        let newest = format!("access-{}", script.refreshed.len());
        if script.checks_tokens && bearer.is_some_and(|bearer| bearer != newest) {
            return Err(refused(Code::Unauthenticated, "TOKEN_EXPIRED"));
        }
        next(&mut script.holds, HoldSeatsResponse::default())
    }

    async fn watch_seats(
        &self,
        request: Request<WatchSeatsRequest>,
    ) -> Result<Response<Self::WatchSeatsStream>, Status> {
        let mut script = self.script();
        script.cursors.push(request.into_inner().cursor);
        let over = || Err(refused(Code::NotFound, "NOT_FOUND"));
        let messages = script.streams.pop_front().unwrap_or_else(over)?;
        Ok(Response::new(stream::iter(messages).boxed()))
    }

    async fn watch_booking(
        &self,
        _: Request<WatchBookingRequest>,
    ) -> Result<Response<Self::WatchBookingStream>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    not_scripted! {
        change_hold(ChangeHoldRequest) -> ChangeHoldResponse;
        list_holds(ListHoldsRequest) -> ListHoldsResponse;
        extend_hold(ExtendHoldRequest) -> ExtendHoldResponse;
        release_hold(ReleaseHoldRequest) -> ReleaseHoldResponse;
        get_hold(GetHoldRequest) -> GetHoldResponse;
        create_booking(CreateBookingRequest) -> CreateBookingResponse;
        get_booking(GetBookingRequest) -> GetBookingResponse;
        list_bookings(ListBookingsRequest) -> ListBookingsResponse;
        cancel_booking(CancelBookingRequest) -> CancelBookingResponse;
    }
}

#[tonic::async_trait]
impl IdentityService for Scripted {
    async fn login(&self, _: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let mut script = self.script();
        script.login_count += 1;
        let tokens = Some(tokens(0, Duration::from_secs(900)));
        next(&mut script.logins, LoginResponse { tokens, user: None })
    }

    async fn refresh_token(
        &self,
        request: Request<RefreshTokenRequest>,
    ) -> Result<Response<RefreshTokenResponse>, Status> {
        let answer = {
            let mut script = self.script();
            script.refreshed.push(request.into_inner().refresh_token);
            let tokens = Some(tokens(script.refreshed.len(), Duration::from_secs(900)));
            let answer = next(&mut script.refreshes, RefreshTokenResponse { tokens });
            let silent = answer.is_ok() && script.silent_refreshes > 0;
            script.silent_refreshes -= usize::from(silent);
            if silent { None } else { Some(answer) }
        };
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    async fn change_password(
        &self,
        _: Request<ChangePasswordRequest>,
    ) -> Result<Response<ChangePasswordResponse>, Status> {
        self.change_begun.notify_one();
        self.change_may_end.notified().await;
        let tokens = Some(tokens(100, Duration::from_secs(900)));
        Ok(Response::new(ChangePasswordResponse { tokens }))
    }

    async fn logout(&self, _: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        Ok(Response::new(LogoutResponse {}))
    }

    not_scripted! {
        register(RegisterRequest) -> RegisterResponse;
        get_me(GetMeRequest) -> GetMeResponse;
        create_guest_session(CreateGuestSessionRequest) -> CreateGuestSessionResponse;
        set_user_roles(SetUserRolesRequest) -> SetUserRolesResponse;
        verify_email(VerifyEmailRequest) -> VerifyEmailResponse;
        request_password_reset(RequestPasswordResetRequest) -> RequestPasswordResetResponse;
        reset_password(ResetPasswordRequest) -> ResetPasswordResponse;
        get_user(GetUserRequest) -> GetUserResponse;
        create_service_account(CreateServiceAccountRequest) -> CreateServiceAccountResponse;
        list_service_accounts(ListServiceAccountsRequest) -> ListServiceAccountsResponse;
        disable_service_account(DisableServiceAccountRequest) -> DisableServiceAccountResponse;
        issue_service_token(IssueServiceTokenRequest) -> IssueServiceTokenResponse;
        list_audit_entries(ListAuditEntriesRequest) -> ListAuditEntriesResponse;
    }
}

#[tonic::async_trait]
impl TicketService for Scripted {
    async fn check_in_ticket(
        &self,
        request: Request<CheckInTicketRequest>,
    ) -> Result<Response<CheckInTicketResponse>, Status> {
        let mut script = self.script();
        script.entries.push(request.into_inner().request_id);
        let check_in = Some(CheckIn::default());
        next(&mut script.check_ins, CheckInTicketResponse { check_in })
    }

    async fn list_event_tickets(
        &self,
        _: Request<ListEventTicketsRequest>,
    ) -> Result<Response<ListEventTicketsResponse>, Status> {
        Ok(Response::new(ListEventTicketsResponse::default()))
    }

    async fn get_verification_keys(
        &self,
        _: Request<GetVerificationKeysRequest>,
    ) -> Result<Response<GetVerificationKeysResponse>, Status> {
        Ok(Response::new(GetVerificationKeysResponse::default()))
    }

    not_scripted! {
        get_ticket(GetTicketRequest) -> GetTicketResponse;
        list_tickets(ListTicketsRequest) -> ListTicketsResponse;
        render_ticket(RenderTicketRequest) -> RenderTicketResponse;
        sync_check_ins(SyncCheckInsRequest) -> SyncCheckInsResponse;
        list_check_ins(ListCheckInsRequest) -> ListCheckInsResponse;
    }
}
