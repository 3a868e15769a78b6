//! The RPCs, each thin: parse, run the use case, map.

use boxoffice_proto::identity::v1 as pb;
use boxoffice_proto::identity::v1::identity_service_server::IdentityService as Rpcs;
use tonic::{Request, Response, Status};

use super::request::{self, given, new_password};
use super::response;
use crate::identity::service::{Arrival, IdentityService, Session};
use crate::kernel::id::{ServiceAccountId, UserId};
use crate::transport::auth::{caller, maybe_caller, peer_address};
use crate::transport::parse::Fields;
use crate::transport::request_key::RequestKeys;
use crate::transport::wire;

/// The RPCs of identity.
#[derive(Clone)]
pub struct IdentityGrpc {
    service: IdentityService,
    request_keys: RequestKeys,
}

impl IdentityGrpc {
    /// Serves this service.
    pub fn new(service: IdentityService, request_keys: RequestKeys) -> Self {
        Self { service, request_keys }
    }
}

#[tonic::async_trait]
impl Rpcs for IdentityGrpc {
    async fn register(
        &self,
        request: Request<pb::RegisterRequest>,
    ) -> Result<Response<pb::RegisterResponse>, Status> {
        let address = peer_address(&request);
        let request = request.into_inner();
        let mut fields = Fields::default();
        let email = fields.email("email", &request.email);
        let password = new_password(&mut fields, "password", &request.password);
        let name = fields.text("display_name", &request.display_name, request::NAME_LENGTH);
        let (Some(email), Some(password), Some(name)) = (email, password, name) else {
            return Err(fields.error().into());
        };
        let guest_refresh_token = request::optional(request.guest_refresh_token);
        let arrival = Arrival { address, guest_refresh_token };
        let made = self.service.register(email, password, name, &arrival).await?;
        let user = Some(response::user(made.user));
        let tokens = Some(response::tokens(made.tokens));
        Ok(Response::new(pb::RegisterResponse { user, tokens }))
    }

    async fn login(
        &self,
        request: Request<pb::LoginRequest>,
    ) -> Result<Response<pb::LoginResponse>, Status> {
        let address = peer_address(&request);
        let request = request.into_inner();
        let mut fields = Fields::default();
        let email = given(&mut fields, "email", request.email);
        let password = given(&mut fields, "password", request.password);
        let (Some(email), Some(password)) = (email, password) else {
            return Err(fields.error().into());
        };
        let guest_refresh_token = request::optional(request.guest_refresh_token);
        let arrival = Arrival { address, guest_refresh_token };
        let signed_in = self.service.login(&email, password, &arrival).await?;
        let user = Some(response::user(signed_in.user));
        let tokens = Some(response::tokens(signed_in.tokens));
        Ok(Response::new(pb::LoginResponse { user, tokens }))
    }

    async fn refresh_token(
        &self,
        request: Request<pb::RefreshTokenRequest>,
    ) -> Result<Response<pb::RefreshTokenResponse>, Status> {
        let mut fields = Fields::default();
        let token = request.into_inner().refresh_token;
        let Some(token) = given(&mut fields, "refresh_token", token) else {
            return Err(fields.error().into());
        };
        let tokens = Some(response::tokens(self.service.refresh(&token).await?));
        Ok(Response::new(pb::RefreshTokenResponse { tokens }))
    }

    async fn logout(
        &self,
        request: Request<pb::LogoutRequest>,
    ) -> Result<Response<pb::LogoutResponse>, Status> {
        let mut fields = Fields::default();
        let token = request.into_inner().refresh_token;
        let Some(token) = given(&mut fields, "refresh_token", token) else {
            return Err(fields.error().into());
        };
        self.service.logout(&token).await?;
        Ok(Response::new(pb::LogoutResponse {}))
    }

    async fn verify_email(
        &self,
        request: Request<pb::VerifyEmailRequest>,
    ) -> Result<Response<pb::VerifyEmailResponse>, Status> {
        let mut fields = Fields::default();
        let Some(token) = given(&mut fields, "token", request.into_inner().token) else {
            return Err(fields.error().into());
        };
        self.service.verify_email(&token).await?;
        Ok(Response::new(pb::VerifyEmailResponse {}))
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        let (caller, address) = (caller(&request)?, peer_address(&request));
        let request = request.into_inner();
        let mut fields = Fields::default();
        let current = given(&mut fields, "current_password", request.current_password);
        let new = new_password(&mut fields, "new_password", &request.new_password);
        let (Some(current), Some(new)) = (current, new) else {
            return Err(fields.error().into());
        };
        let tokens = self.service.change_password(&caller, current, new, address).await?;
        let tokens = Some(response::tokens(tokens));
        Ok(Response::new(pb::ChangePasswordResponse { tokens }))
    }

    async fn request_password_reset(
        &self,
        request: Request<pb::RequestPasswordResetRequest>,
    ) -> Result<Response<pb::RequestPasswordResetResponse>, Status> {
        let mut fields = Fields::default();
        let Some(email) = fields.email("email", &request.into_inner().email) else {
            return Err(fields.error().into());
        };
        self.service.request_password_reset(&email).await?;
        Ok(Response::new(pb::RequestPasswordResetResponse {}))
    }

    async fn reset_password(
        &self,
        request: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        let address = peer_address(&request);
        let request = request.into_inner();
        let mut fields = Fields::default();
        let token = given(&mut fields, "token", request.token);
        let new = new_password(&mut fields, "new_password", &request.new_password);
        let (Some(token), Some(new)) = (token, new) else {
            return Err(fields.error().into());
        };
        self.service.reset_password(&token, new, address).await?;
        Ok(Response::new(pb::ResetPasswordResponse {}))
    }

    async fn get_me(
        &self,
        request: Request<pb::GetMeRequest>,
    ) -> Result<Response<pb::GetMeResponse>, Status> {
        let session = match self.service.me(&caller(&request)?).await? {
            Session::User(me) => pb::get_me_response::Session::User(response::user(me)),
            Session::Guest(me) => pb::get_me_response::Session::Guest(response::guest(me)),
        };
        Ok(Response::new(pb::GetMeResponse { session: Some(session) }))
    }

    async fn create_guest_session(
        &self,
        request: Request<pb::CreateGuestSessionRequest>,
    ) -> Result<Response<pb::CreateGuestSessionResponse>, Status> {
        let caller = maybe_caller(&request);
        let opening = request::opening(caller.as_ref(), request.into_inner())?;
        let made = self.service.create_guest_session(opening).await?;
        let guest = Some(response::guest(made.guest));
        let tokens = Some(response::tokens(made.tokens));
        Ok(Response::new(pb::CreateGuestSessionResponse { guest, tokens }))
    }

    async fn get_user(
        &self,
        request: Request<pb::GetUserRequest>,
    ) -> Result<Response<pb::GetUserResponse>, Status> {
        let caller = caller(&request)?;
        let mut fields = Fields::default();
        let Some(key) = request::user_key(&mut fields, request.into_inner().key) else {
            return Err(fields.error().into());
        };
        let user = self.service.look_up_user(&caller, &key).await?;
        Ok(Response::new(pb::GetUserResponse { user: Some(response::user(user)) }))
    }

    async fn set_user_roles(
        &self,
        request: Request<pb::SetUserRolesRequest>,
    ) -> Result<Response<pb::SetUserRolesResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let user_id = fields.id("user_id", &request.user_id, UserId::parse);
        let roles = request::roles(&mut fields, &request.roles);
        let (Some(request_id), Some(user_id), Some(roles)) = (request_id, user_id, roles) else {
            return Err(fields.error().into());
        };
        let key = self.request_keys.key(&caller, "SetUserRoles", request_id, &request);
        let changed = self.service.set_user_roles(&key, user_id, roles).await?;
        Ok(Response::new(pb::SetUserRolesResponse { user: Some(response::user(changed)) }))
    }

    async fn create_service_account(
        &self,
        request: Request<pb::CreateServiceAccountRequest>,
    ) -> Result<Response<pb::CreateServiceAccountResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let new = request::service_account(&mut fields, &request);
        let (Some(request_id), Some(new)) = (request_id, new) else {
            return Err(fields.error().into());
        };
        let key = self.request_keys.key(&caller, "CreateServiceAccount", request_id, &request);
        let (made, secret) = self.service.create_service_account(&caller, &key, &new).await?;
        let service_account = Some(response::service_account(made));
        let secret = secret.map(|secret| secret.into_text()).unwrap_or_default();
        Ok(Response::new(pb::CreateServiceAccountResponse { service_account, secret }))
    }

    async fn list_service_accounts(
        &self,
        request: Request<pb::ListServiceAccountsRequest>,
    ) -> Result<Response<pb::ListServiceAccountsResponse>, Status> {
        let request = request.into_inner();
        let mut fields = Fields::default();
        let Some(page) = fields.page(request.page_size, &request.page_token) else {
            return Err(fields.error().into());
        };
        let page = self.service.service_accounts(&page).await?;
        Ok(Response::new(pb::ListServiceAccountsResponse {
            next_page_token: page.next_token(),
            service_accounts: page.items.into_iter().map(response::service_account).collect(),
        }))
    }

    async fn disable_service_account(
        &self,
        request: Request<pb::DisableServiceAccountRequest>,
    ) -> Result<Response<pb::DisableServiceAccountResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let id = &request.service_account_id;
        let id = fields.id("service_account_id", id, ServiceAccountId::parse);
        let (Some(request_id), Some(id)) = (request_id, id) else {
            return Err(fields.error().into());
        };
        let key = self.request_keys.key(&caller, "DisableServiceAccount", request_id, &request);
        let disabled = self.service.disable_service_account(&caller, &key, id).await?;
        let service_account = Some(response::service_account(disabled));
        Ok(Response::new(pb::DisableServiceAccountResponse { service_account }))
    }

    async fn issue_service_token(
        &self,
        request: Request<pb::IssueServiceTokenRequest>,
    ) -> Result<Response<pb::IssueServiceTokenResponse>, Status> {
        let address = peer_address(&request);
        let request = request.into_inner();
        let mut fields = Fields::default();
        let id = &request.service_account_id;
        let id = fields.id("service_account_id", id, ServiceAccountId::parse);
        let secret = given(&mut fields, "secret", request.secret);
        let (Some(id), Some(secret)) = (id, secret) else {
            return Err(fields.error().into());
        };
        let token = self.service.issue_service_token(id, &secret, address).await?;
        Ok(Response::new(pb::IssueServiceTokenResponse {
            access_token: token.text,
            access_expire_time: Some(wire::time(token.expire_time)),
        }))
    }

    async fn list_audit_entries(
        &self,
        request: Request<pb::ListAuditEntriesRequest>,
    ) -> Result<Response<pb::ListAuditEntriesResponse>, Status> {
        let request = request.into_inner();
        let mut fields = Fields::default();
        let Some(page) = fields.page(request.page_size, &request.page_token) else {
            return Err(fields.error().into());
        };
        let page = self.service.audit_entries(&page).await?;
        Ok(Response::new(pb::ListAuditEntriesResponse {
            next_page_token: page.next_token(),
            audit_entries: page.items.into_iter().map(response::audit_entry).collect(),
        }))
    }
}
