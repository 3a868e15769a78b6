//! Other backends: their tokens, what these are good for, and the record of privileged calls.

use std::time::Duration;

use boxoffice_sdk::booking::v1::ListBookingsRequest;
use boxoffice_sdk::identity::v1::{
    AuditEntry, CreateGuestSessionRequest, CreateServiceAccountRequest,
    DisableServiceAccountRequest, GetMeRequest, GetUserRequest, IssueServiceTokenRequest,
    ListAuditEntriesRequest, ListServiceAccountsRequest, ServiceAccount, SetUserRolesRequest, User,
    get_me_response, get_user_request,
};
use boxoffice_sdk::r#type::v1::Role;
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{ADMIN, Person, World, request_id, scenarios};
use prost::Message;

use crate::refusals::refused;
use crate::wire::{bearer, call, channel};

const GET_USER: &str = "/boxoffice.identity.v1.IdentityService/GetUser";
const GUEST_SESSION: &str = "/boxoffice.identity.v1.IdentityService/CreateGuestSession";

fn creation(scopes: &[&str]) -> CreateServiceAccountRequest {
    CreateServiceAccountRequest {
        request_id: request_id(),
        name: "Shop".into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        calls_per_minute: Some(600),
    }
}

/// A service with these scopes, signed in, and its secret.
pub async fn service(world: &World, scopes: &[&str]) -> (Person, ServiceAccount, String) {
    let made = world.admin().await.create_service_account(creation(scopes)).await;
    let made = made.expect("an account");
    let account = made.service_account.expect("an account");
    let person = world.anonymous().await;
    sign_in(&person, &account, &made.secret).await.expect("a token");
    (person, account, made.secret)
}

async fn sign_in(person: &Person, account: &ServiceAccount, secret: &str) -> Result<(), Error> {
    let service_account_id = account.service_account_id.clone();
    let request = IssueServiceTokenRequest { service_account_id, secret: secret.to_owned() };
    person.issue_service_token(request).await.map(|_| ())
}

fn by_email(email: &str) -> GetUserRequest {
    GetUserRequest { key: Some(get_user_request::Key::Email(email.into())) }
}

fn by_id(user_id: &str) -> GetUserRequest {
    GetUserRequest { key: Some(get_user_request::Key::UserId(user_id.into())) }
}

async fn me(person: &Person) -> User {
    match person.get_me(GetMeRequest {}).await.expect("somebody").session {
        Some(get_me_response::Session::User(user)) => user,
        other => panic!("no user: {other:?}"),
    }
}

/// The record of privileged calls, the newest first.
pub async fn recorded(world: &World) -> Vec<AuditEntry> {
    let request = ListAuditEntriesRequest { page_size: 200, ..Default::default() };
    world.admin().await.list_audit_entries(request).await.expect("a list").audit_entries
}

scenarios! {
    async fn s_69_a_service_token_is_good_for_its_scopes_and_nothing_else(world: &World) {
        let (reader, account, _) = service(world, &["users:read"]).await;
        assert_eq!((&*account.scopes.join(" "), account.calls_per_minute), ("users:read", 600));
        let customer = me(&world.customer().await).await;
        let found = reader.get_user(by_id(&customer.user_id)).await.expect("it may").user;
        assert_eq!(found.as_ref(), Some(&customer));
        let found = reader.get_user(by_email(&customer.email.to_uppercase())).await;
        assert_eq!(found.expect("it may").user, Some(customer));
        let absent = reader.get_user(by_email("nobody@example.com")).await;
        refused(absent, Code::NotFound, ErrorReason::NotFound);
        // Outside of its scopes, and where only roles are listed.
        let (denied, missing) = (Code::PermissionDenied, ErrorReason::ScopeMissing);
        let opened = reader.create_guest_client(CreateGuestSessionRequest::default()).await;
        let error = refused(opened.map(|_| ()), denied, missing);
        let wanted = error.metadata().get("scopes").map(String::as_str);
        assert_eq!(wanted, Some("guest-sessions:create"));
        refused(reader.get_me(GetMeRequest {}).await, denied, missing);
        refused(reader.list_bookings(ListBookingsRequest::default()).await, denied, missing);
        let answer = reader.list_audit_entries(ListAuditEntriesRequest::default()).await;
        refused(answer, denied, missing);
        refused(reader.create_service_account(creation(&["users:read"])).await, denied, missing);
        // What anybody may do, a service may.
        reader.list_events(Default::default()).await.expect("it is public");
        let (opener, ..) = service(world, &["guest-sessions:create", "tickets:check-in"]).await;
        refused(opener.get_user(by_email(ADMIN)).await, denied, missing);
        // Users have roles; scopes are nothing to them.
        let customer = world.customer().await;
        let answer = customer.get_user(by_email(ADMIN)).await;
        refused(answer, denied, ErrorReason::RoleMissing);
        let admin = world.admin().await;
        let found = admin.get_user(by_email(ADMIN)).await.expect("it may").user;
        assert_eq!(found, Some(me(&admin).await));
    }

    async fn s_69_looking_a_user_up_keeps_to_a_deadline(world: &World) {
        let (reader, ..) = service(world, &["users:read"]).await;
        let quick = (*reader).clone().with_deadline(Duration::from_secs(2));
        quick.get_user(by_email(ADMIN)).await.expect("it is there in time");
        let token = bearer(&reader.tokens().expect("a token").access_token);
        let metadata = [("authorization", token.as_str()), ("grpc-timeout", "1u")];
        let channel = channel(&world.url()).await;
        let answer = call(&channel, GET_USER, by_email(ADMIN).encode_to_vec(), &metadata).await;
        let error = Error::from(answer.expect_err("nothing is that quick"));
        assert_eq!(error.code(), Code::DeadlineExceeded);
    }

    async fn s_69_a_service_opens_a_session_for_each_of_its_buyers(world: &World) {
        let (shop, account, _) = service(world, &["guest-sessions:create"]).await;
        let mut guests = Vec::new();
        for buyer in ["buyer 1", "buyer 2"] {
            let request = CreateGuestSessionRequest {
                contact_email: "buyer@example.com".into(),
                external_reference: buyer.into(),
            };
            let (client, opened) = shop.create_guest_client(request).await.expect("a session");
            let guest = opened.guest.expect("a guest");
            assert_eq!(guest.external_reference, buyer);
            assert_eq!(guest.service_account_id, account.service_account_id);
            let session = client.get_me(GetMeRequest {}).await.expect("the guest").session;
            assert_eq!(session, Some(get_me_response::Session::Guest(guest.clone())));
            guests.push(guest.guest_id);
        }
        assert_ne!(guests[0], guests[1]);
        // Nobody else says what a service calls its buyers.
        let request = CreateGuestSessionRequest {
            external_reference: "mine".into(),
            ..Default::default()
        };
        let answer = world.anonymous().await.create_guest_session(request.clone()).await;
        refused(answer, Code::Unauthenticated, ErrorReason::TokenMissing);
        let customer = bearer(&world.customer().await.tokens().expect("tokens").access_token);
        let channel = channel(&world.url()).await;
        let metadata = [("authorization", customer.as_str())];
        let answer = call(&channel, GUEST_SESSION, request.encode_to_vec(), &metadata).await;
        let error = Error::from(answer.expect_err("no service"));
        assert_eq!(error.reason(), ErrorReason::TokenMissing);
        let long = CreateGuestSessionRequest {
            external_reference: "x".repeat(201),
            ..Default::default()
        };
        let error = shop.create_guest_client(long).await.map(|_| ()).expect_err("too long");
        assert_eq!(error.violations()[0].field, "external_reference");
    }

    async fn s_69_a_service_whose_token_is_over_opens_no_session_as_nobody(world: &World) {
        let (shop, account, _) = service(world, &["guest-sessions:create"]).await;
        let old = shop.tokens().expect("a token");
        world.clock.advance(Duration::from_secs(16 * 60));
        let metadata = [("authorization", bearer(&old.access_token))];
        let metadata = metadata.each_ref().map(|(name, value)| (*name, value.as_str()));
        let channel = channel(&world.url()).await;
        let request = CreateGuestSessionRequest::default().encode_to_vec();
        let answer = call(&channel, GUEST_SESSION, request, &metadata).await;
        let error = Error::from(answer.expect_err("a session of nobody's"));
        assert_eq!(error.code(), Code::Unauthenticated);
        assert_eq!(error.reason(), ErrorReason::TokenExpired);
        // The client exchanges the secret anew, also when its own clock is behind the server's.
        let (_, opened) = shop.create_guest_client(Default::default()).await.expect("a session");
        let guest = opened.guest.expect("a guest");
        assert_eq!(guest.service_account_id, account.service_account_id);
        // An old token keeps it from no other exchange.
        let exchange = IssueServiceTokenRequest {
            service_account_id: account.service_account_id,
            secret: "bos_guess".into(),
        };
        let path = "/boxoffice.identity.v1.IdentityService/IssueServiceToken";
        let answer = call(&channel, path, exchange.encode_to_vec(), &metadata).await;
        let error = Error::from(answer.expect_err("a wrong secret"));
        assert_eq!(error.reason(), ErrorReason::ServiceSecretWrong);
    }

    async fn s_69_a_service_goes_on_by_its_secret_until_it_is_disabled(world: &World) {
        let (reader, account, secret) = service(world, &["users:read"]).await;
        // There is no refresh token: the client exchanges the secret anew.
        assert!(reader.tokens().is_some_and(|tokens| tokens.refresh_token.is_empty()));
        world.clock.advance(Duration::from_secs(16 * 60));
        reader.get_user(by_email(ADMIN)).await.expect("the next token");
        let admin = world.admin().await;
        let service_account_id = account.service_account_id.clone();
        let request =
            DisableServiceAccountRequest { request_id: request_id(), service_account_id };
        let disabled = admin.disable_service_account(request).await.expect("it is disabled");
        let disabled = disabled.service_account.expect("an account");
        assert!(disabled.disable_time.is_some());
        let listed = admin.list_service_accounts(ListServiceAccountsRequest::default()).await;
        assert_eq!(listed.expect("a list").service_accounts, [disabled]);
        let (code, wrong) = (Code::Unauthenticated, ErrorReason::ServiceSecretWrong);
        refused(sign_in(&world.anonymous().await, &account, &secret).await, code, wrong);
        world.clock.advance(Duration::from_secs(16 * 60));
        refused(reader.get_user(by_email(ADMIN)).await, code, wrong);
    }

    async fn s_69_secrets_are_shown_once_and_not_guessed(world: &World) {
        let admin = world.admin().await;
        let request = creation(&["users:read"]);
        let first = admin.create_service_account(request.clone()).await.expect("an account");
        assert!(first.secret.starts_with("bos_") && first.secret.len() > 40);
        let again = admin.create_service_account(request).await.expect("the same");
        assert_eq!(again.service_account, first.service_account);
        assert_eq!(again.secret, "");
        for bad in [&[][..], &["users:write"], &["users:read", ""], &["USERS:READ"], &["*"]] {
            let error = admin.create_service_account(creation(bad)).await.expect_err("no scope");
            assert_eq!(error.code(), Code::InvalidArgument);
            assert_eq!(error.violations()[0].field, "scopes", "{bad:?}");
        }
        let account = first.service_account.expect("an account");
        let thief = world.anonymous().await;
        for _ in 0..10 {
            let answer = sign_in(&thief, &account, "bos_guess").await;
            refused(answer, Code::Unauthenticated, ErrorReason::ServiceSecretWrong);
        }
        let answer = sign_in(&thief, &account, &first.secret).await;
        refused(answer, Code::ResourceExhausted, ErrorReason::LoginThrottled);
    }

    async fn s_62_privileged_calls_are_recorded_and_read_by_admins_only(world: &World) {
        let (reader, account, _) = service(world, &["users:read"]).await;
        let customer = me(&world.customer().await).await;
        reader.get_user(by_id(&customer.user_id)).await.expect("it may");
        let admin = world.admin().await;
        let request = SetUserRolesRequest {
            request_id: request_id(),
            user_id: customer.user_id.clone(),
            roles: vec![Role::Organizer.into()],
        };
        for _ in 0..2 {
            admin.set_user_roles(request.clone()).await.expect("it is given");
        }
        let admin_id = me(&admin).await.user_id;
        let entries = recorded(world).await;
        let told: Vec<_> = entries
            .iter()
            .map(|e| (e.session_id.as_str(), e.action.as_str(), e.subject.clone()))
            .collect();
        let account_id = account.service_account_id;
        let expected = [
            (&*admin_id, "SetUserRoles", format!("{} CUSTOMER ORGANIZER", customer.user_id)),
            (&*account_id, "GetUser", customer.user_id.clone()),
            (&*admin_id, "CreateServiceAccount", format!("{account_id} users:read")),
        ];
        assert_eq!(told, expected);
        assert!(entries.iter().all(|entry| entry.create_time.is_some()));
        let first = ListAuditEntriesRequest { page_size: 2, ..Default::default() };
        let first = admin.list_audit_entries(first).await.expect("a page");
        let request =
            ListAuditEntriesRequest { page_size: 2, page_token: first.next_page_token.clone() };
        let second = admin.list_audit_entries(request).await.expect("a page");
        assert_eq!([first.audit_entries, second.audit_entries].concat(), entries);
        for person in [world.customer().await, world.organizer().await] {
            let answer = person.list_audit_entries(ListAuditEntriesRequest::default()).await;
            refused(answer, Code::PermissionDenied, ErrorReason::RoleMissing);
        }
    }
}
