//! Identity on the wire.

use boxoffice_proto::identity::v1 as pb;
use boxoffice_proto::identity::v1::identity_service_server::IdentityService as Rpcs;
use boxoffice_proto::r#type::v1 as wire_type;
use tonic::{Request, Response, Status};

use super::domain::account::{Guest, User};
use super::domain::password::NewPassword;
use super::service::{IdentityService, Session, TokenPair};
use crate::kernel::caller::{Role, Roles};
use crate::kernel::id::UserId;
use crate::transport::auth;
use crate::transport::parse::Fields;
use crate::transport::request_key::RequestKeys;
use crate::transport::wire;

/// Roles that SetUserRoles may name at the most; there are not as many.
const ROLES_MAX: usize = 16;

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

fn user(user: User) -> pb::User {
    pb::User {
        user_id: user.user_id.to_string(),
        email: user.email,
        display_name: user.display_name,
        roles: user.roles.iter().map(|role| wire::role(role).into()).collect(),
        create_time: Some(wire::time(user.create_time)),
    }
}

fn guest(guest: Guest) -> pb::Guest {
    pb::Guest {
        guest_id: guest.guest_id.to_string(),
        contact_email: guest.contact_email.unwrap_or_default(),
        create_time: Some(wire::time(guest.create_time)),
    }
}

fn tokens(tokens: TokenPair) -> pb::TokenPair {
    pb::TokenPair {
        access_token: tokens.access_token,
        access_expire_time: Some(wire::time(tokens.access_expire_time)),
        refresh_token: tokens.refresh_token,
        refresh_expire_time: Some(wire::time(tokens.refresh_expire_time)),
    }
}

fn new_password(fields: &mut Fields, text: &str) -> Option<NewPassword> {
    match NewPassword::parse(text) {
        Ok(password) => Some(password),
        Err(fault) => fields.fault("password", fault.description()),
    }
}

/// Text that only has to be there: what is wrong with it, a look-up will tell.
fn given(fields: &mut Fields, field: &str, text: String) -> Option<String> {
    if text.is_empty() { fields.fault(field, "must be given") } else { Some(text) }
}

fn roles(fields: &mut Fields, numbers: &[i32]) -> Option<Roles> {
    fields.number("roles", numbers.len(), 0..=ROLES_MAX)?;
    let parsed: Option<Vec<Role>> = numbers
        .iter()
        .map(|number| wire_type::Role::try_from(*number).ok().and_then(wire::role_from))
        .map(|role| role.filter(|role| *role != Role::Guest))
        .collect();
    match parsed {
        Some(roles) => Some(roles.into_iter().collect()),
        None => fields.fault("roles", "must be ROLE_CUSTOMER, ROLE_ORGANIZER or ROLE_ADMIN each"),
    }
}

#[tonic::async_trait]
impl Rpcs for IdentityGrpc {
    async fn register(
        &self,
        request: Request<pb::RegisterRequest>,
    ) -> Result<Response<pb::RegisterResponse>, Status> {
        let request = request.into_inner();
        let mut fields = Fields::default();
        let email = fields.email("email", &request.email);
        let password = new_password(&mut fields, &request.password);
        let display_name = fields.text("display_name", &request.display_name, 1..=100);
        let (Some(email), Some(password), Some(display_name)) = (email, password, display_name)
        else {
            return Err(fields.error().into());
        };
        let made = self.service.register(email, password, display_name).await?;
        let (user, tokens) = (Some(user(made.user)), Some(tokens(made.tokens)));
        Ok(Response::new(pb::RegisterResponse { user, tokens }))
    }

    async fn login(
        &self,
        request: Request<pb::LoginRequest>,
    ) -> Result<Response<pb::LoginResponse>, Status> {
        let request = request.into_inner();
        let mut fields = Fields::default();
        let email = given(&mut fields, "email", request.email);
        let password = given(&mut fields, "password", request.password);
        let (Some(email), Some(password)) = (email, password) else {
            return Err(fields.error().into());
        };
        let signed_in = self.service.login(&email, password).await?;
        let (user, tokens) = (Some(user(signed_in.user)), Some(tokens(signed_in.tokens)));
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
        let tokens = Some(tokens(self.service.refresh(&token).await?));
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

    async fn get_me(
        &self,
        request: Request<pb::GetMeRequest>,
    ) -> Result<Response<pb::GetMeResponse>, Status> {
        let caller = auth::caller(&request)?;
        let session = match self.service.me(&caller).await? {
            Session::User(me) => pb::get_me_response::Session::User(user(me)),
            Session::Guest(me) => pb::get_me_response::Session::Guest(guest(me)),
        };
        Ok(Response::new(pb::GetMeResponse { session: Some(session) }))
    }

    async fn create_guest_session(
        &self,
        request: Request<pb::CreateGuestSessionRequest>,
    ) -> Result<Response<pb::CreateGuestSessionResponse>, Status> {
        let email = request.into_inner().contact_email;
        let mut fields = Fields::default();
        let email = match email.as_str() {
            "" => None,
            email => fields.email("contact_email", email),
        };
        if !fields.are_good() {
            return Err(fields.error().into());
        }
        let made = self.service.create_guest_session(email).await?;
        let (guest, tokens) = (Some(guest(made.guest)), Some(tokens(made.tokens)));
        Ok(Response::new(pb::CreateGuestSessionResponse { guest, tokens }))
    }

    async fn set_user_roles(
        &self,
        request: Request<pb::SetUserRolesRequest>,
    ) -> Result<Response<pb::SetUserRolesResponse>, Status> {
        let caller = auth::caller(&request)?;
        let request = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&request.request_id);
        let user_id = fields.id("user_id", &request.user_id, UserId::parse);
        let roles = roles(&mut fields, &request.roles);
        let (Some(request_id), Some(user_id), Some(roles)) = (request_id, user_id, roles) else {
            return Err(fields.error().into());
        };
        let key = self.request_keys.key(&caller, "SetUserRoles", request_id, &request);
        let changed = self.service.set_user_roles(&key, user_id, roles).await?;
        // Privileged calls leave a trace of who did what to whom.
        tracing::info!(by = %caller.session, user = %user_id, "roles set");
        Ok(Response::new(pb::SetUserRolesResponse { user: Some(user(changed)) }))
    }
}

#[cfg(test)]
mod tests;
