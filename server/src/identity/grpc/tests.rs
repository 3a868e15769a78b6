//! The RPCs behind the layer that knows who calls, called by the generated client in this
//! process.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_proto::POOL;
use boxoffice_proto::identity::v1 as pb;
use boxoffice_proto::identity::v1::identity_service_client::IdentityServiceClient;
use boxoffice_proto::identity::v1::identity_service_server::IdentityServiceServer;
use boxoffice_proto::r#type::v1 as wire_type;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt;
use tower::Layer;

use super::*;
use crate::identity::tests::fixture::{EMAIL, Fixture, PASSWORD, secrets};
use crate::ports::clock::Clock;
use crate::transport::access::AccessRules;
use crate::transport::auth::{Auth, AuthLayer};
use crate::transport::request_key::RequestKeys;

type Client = IdentityServiceClient<Auth<IdentityServiceServer<IdentityGrpc>>>;

const REQUEST_ID: &str = "0191d7a4-7b7e-7c2e-9a63-7f3a1f6c2b11";

fn client(f: &Fixture) -> Client {
    let rpcs = IdentityGrpc::new(f.service.clone(), RequestKeys::new(&secrets()));
    let rules = AccessRules::load(&POOL).expect("every RPC has a rule");
    let clock: Arc<dyn Clock> = f.clock.clone();
    let layer = AuthLayer::new(rules, Arc::clone(&f.tokens), clock);
    IdentityServiceClient::new(layer.layer(IdentityServiceServer::new(rpcs)))
}

fn signed<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {token}").parse().expect("metadata");
    request.metadata_mut().insert("authorization", value);
    request
}

fn reason(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().expect("a reason").reason)
}

fn violations(status: &Status) -> Vec<String> {
    let faults = status.get_details_bad_request().expect("the faults");
    faults.field_violations.into_iter().map(|fault| fault.field).collect()
}

fn registration() -> pb::RegisterRequest {
    pb::RegisterRequest {
        email: EMAIL.into(),
        password: PASSWORD.into(),
        display_name: "Ada".into(),
        ..Default::default()
    }
}

async fn registered(f: &Fixture) -> (pb::User, pb::TokenPair) {
    let made = client(f).register(registration()).await.expect("an account").into_inner();
    (made.user.expect("a user"), made.tokens.expect("tokens"))
}

#[tokio::test]
async fn an_account_is_made_used_and_left() {
    let f = Fixture::new().await;
    let mut client = client(&f);
    let (user, tokens) = registered(&f).await;
    assert_eq!(user.roles, [i32::from(wire_type::Role::Customer)]);
    let me = client.get_me(signed(pb::GetMeRequest {}, &tokens.access_token)).await;
    let me = me.expect("me").into_inner().session;
    assert_eq!(me, Some(pb::get_me_response::Session::User(user.clone())));

    f.clock.advance(Duration::from_secs(15 * 60));
    let late = client.get_me(signed(pb::GetMeRequest {}, &tokens.access_token)).await;
    let late = late.expect_err("expired");
    assert_eq!(reason(&late), (Code::Unauthenticated, "TOKEN_EXPIRED".into()));

    // The expired token that is still sent along does not stand in the way.
    let refresh = pb::RefreshTokenRequest { refresh_token: tokens.refresh_token.clone() };
    let next = client.refresh_token(signed(refresh, &tokens.access_token)).await;
    let next = next.expect("the next pair").into_inner().tokens.expect("tokens");
    assert!(client.get_me(signed(pb::GetMeRequest {}, &next.access_token)).await.is_ok());

    let logout = pb::LogoutRequest { refresh_token: next.refresh_token.clone() };
    client.logout(logout).await.expect("logged out");
    let gone = pb::RefreshTokenRequest { refresh_token: next.refresh_token };
    let gone = client.refresh_token(gone).await.expect_err("revoked");
    assert_eq!(reason(&gone), (Code::Unauthenticated, "REFRESH_TOKEN_INVALID".into()));
}

#[tokio::test]
async fn refusals_of_credentials_have_their_codes() {
    let f = Fixture::new().await;
    let mut client = client(&f);
    let (_, tokens) = registered(&f).await;
    let taken = client.register(registration()).await.expect_err("taken");
    assert_eq!(reason(&taken), (Code::AlreadyExists, "EMAIL_TAKEN".into()));
    let login = pb::LoginRequest {
        email: EMAIL.into(),
        password: "wrong horse".into(),
        ..Default::default()
    };
    let wrong = client.login(login).await.expect_err("wrong");
    assert_eq!(reason(&wrong), (Code::Unauthenticated, "CREDENTIALS_WRONG".into()));
    let refresh = pb::RefreshTokenRequest { refresh_token: tokens.refresh_token };
    client.refresh_token(refresh.clone()).await.expect("the next pair");
    f.clock.advance(Duration::from_secs(11));
    let reused = client.refresh_token(refresh).await.expect_err("reused");
    assert_eq!(reason(&reused), (Code::Unauthenticated, "REFRESH_TOKEN_REUSED".into()));
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let f = Fixture::new().await;
    let mut client = client(&f);
    let request = pb::RegisterRequest {
        email: "ada".into(),
        password: "password1".into(),
        display_name: " ".into(),
        ..Default::default()
    };
    let refused = client.register(request).await.expect_err("faults");
    assert_eq!(violations(&refused), ["email", "password", "display_name"]);
    let refused = client.login(pb::LoginRequest::default()).await.expect_err("faults");
    assert_eq!(violations(&refused), ["email", "password"]);
    let refused = client.refresh_token(pb::RefreshTokenRequest::default()).await;
    assert_eq!(violations(&refused.expect_err("faults")), ["refresh_token"]);
    let refused = client.logout(pb::LogoutRequest::default()).await.expect_err("faults");
    assert_eq!(violations(&refused), ["refresh_token"]);
    let guest = pb::CreateGuestSessionRequest { contact_email: "ada".into(), ..Default::default() };
    let refused = client.create_guest_session(guest).await.expect_err("faults");
    assert_eq!(violations(&refused), ["contact_email"]);
}

#[tokio::test]
async fn a_refusal_never_repeats_a_password() {
    let f = Fixture::new().await;
    let request = pb::RegisterRequest { password: "hunter2".into(), ..registration() };
    let refused = client(&f).register(request).await.expect_err("faults");
    assert!(!format!("{refused:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_guest_acts_with_a_token_of_its_own() {
    let f = Fixture::new().await;
    let mut client = client(&f);
    let made = client.create_guest_session(pb::CreateGuestSessionRequest::default()).await;
    let made = made.expect("a session").into_inner();
    let token = made.tokens.expect("tokens").access_token;
    let me = client.get_me(signed(pb::GetMeRequest {}, &token)).await.expect("me").into_inner();
    assert_eq!(me.session, made.guest.map(pb::get_me_response::Session::Guest));
}

#[tokio::test]
async fn only_an_admin_sets_roles() {
    let f = Fixture::new().await;
    let mut client = client(&f);
    let (user, tokens) = registered(&f).await;
    let request = pb::SetUserRolesRequest {
        request_id: REQUEST_ID.into(),
        user_id: user.user_id.clone(),
        roles: vec![wire_type::Role::Admin.into(), wire_type::Role::Admin.into()],
    };
    let refused = client.set_user_roles(signed(request.clone(), &tokens.access_token)).await;
    let refused = refused.expect_err("no admin");
    assert_eq!(reason(&refused), (Code::PermissionDenied, "ROLE_MISSING".into()));

    f.service.ensure_admin("root@example.com", PASSWORD, "Root").await.expect("an admin");
    let admin = f.login("root@example.com", PASSWORD).await.expect("signed in");
    let admin = admin.tokens.access_token;
    for _ in 0..2 {
        let done = client.set_user_roles(signed(request.clone(), &admin)).await;
        let roles = done.expect("changed").into_inner().user.expect("a user").roles;
        assert_eq!(roles, [wire_type::Role::Customer, wire_type::Role::Admin].map(i32::from));
    }
    let other = pb::SetUserRolesRequest { roles: Vec::new(), ..request.clone() };
    let reused = client.set_user_roles(signed(other, &admin)).await.expect_err("another body");
    assert_eq!(reason(&reused), (Code::FailedPrecondition, "REQUEST_ID_REUSED".into()));
    for roles in [vec![0], vec![wire_type::Role::Guest.into()], vec![77], vec![-1], vec![2; 17]] {
        let wrong = pb::SetUserRolesRequest { roles, ..request.clone() };
        let refused = client.set_user_roles(signed(wrong, &admin)).await.expect_err("faults");
        assert_eq!(violations(&refused), ["roles"]);
    }
    let wrong = pb::SetUserRolesRequest::default();
    let refused = client.set_user_roles(signed(wrong, &admin)).await.expect_err("faults");
    assert_eq!(violations(&refused), ["request_id", "user_id"]);
}
