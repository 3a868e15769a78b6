//! Every RPC with every kind of caller: the option beside it in the contract is what the server
//! does.

use boxoffice_sdk::r#type::v1::Role;
use boxoffice_sdk::{Error, ErrorReason};
use boxoffice_tests::{World, scenarios};
use tonic::{Code, Status};

use crate::service_accounts::service;
use crate::wire::{Rpc, bearer, call, channel, code, rpcs};

/// Every scope that a service may have.
const SCOPES: [&str; 5] =
    ["users:read", "guest-sessions:create", "bookings:read", "tickets:check-in", "payments:refund"];

/// What every call of an RPC by a service with this scope has to come to.
fn assert_as_declared_to_services(rpc: &Rpc, scope: &str, outcome: Result<Vec<u8>, Status>) {
    let who = format!("{} with {scope}: {outcome:?}", rpc.path);
    let open = rpc.access.public && rpc.access.scopes.is_empty();
    let code = code(&outcome);
    if open || rpc.access.scopes.iter().any(|wanted| wanted == scope) {
        let bad = [Code::Unimplemented, Code::Internal, Code::Unknown, Code::PermissionDenied];
        assert!(!bad.contains(&code), "{who}");
    } else {
        let reason = outcome.err().map(|status| Error::from(status).reason());
        let expected = (Code::PermissionDenied, Some(ErrorReason::ScopeMissing));
        assert_eq!((code, reason), expected, "{who}");
    }
}

/// What every call of an RPC by a caller with these roles has to come to.
fn assert_as_declared(rpc: &Rpc, roles: &[Role], outcome: Result<Vec<u8>, Status>) {
    let who = format!("{} as {roles:?}: {outcome:?}", rpc.path);
    let (code, reason) = (
        code(&outcome),
        outcome.err().map_or(ErrorReason::Unspecified, |s| Error::from(s).reason()),
    );
    assert!(![Code::Unimplemented, Code::Internal, Code::Unknown].contains(&code), "{who}");
    let role_admits = rpc.access.roles().any(|role| roles.contains(&role));
    if rpc.access.public || role_admits {
        // These refuse with UNAUTHENTICATED for reasons of their own.
        let own_reasons = rpc.access.credential;
        assert_ne!(code, Code::PermissionDenied, "{who}");
        assert!(own_reasons || code != Code::Unauthenticated, "{who}");
    } else if roles.is_empty() {
        assert_eq!((code, reason), (Code::Unauthenticated, ErrorReason::TokenMissing), "{who}");
    } else {
        assert_eq!((code, reason), (Code::PermissionDenied, ErrorReason::RoleMissing), "{who}");
    }
}

#[test]
fn s_63_every_rpc_says_whom_it_admits() {
    let rpcs = rpcs();
    assert!(rpcs.len() >= 30, "only {} RPCs", rpcs.len());
    for Rpc { path, access, .. } in rpcs {
        let restricted = !access.roles.is_empty() || !access.scopes.is_empty();
        assert!(access.public || restricted, "{path} must be public, or say for whom it is");
        assert!(!access.public || access.roles.is_empty(), "{path} is public, and yet for roles");
        let known = |scope: &String| SCOPES.contains(&scope.as_str());
        assert!(access.scopes.iter().all(known), "{path} has a scope that nobody can have");
    }
}

scenarios! {
    async fn s_63_every_rpc_admits_whom_its_option_admits(world: &World) {
        let channel = channel(&world.url()).await;
        let callers = [
            (vec![], None),
            (vec![Role::Guest], world.guest().await.tokens()),
            (vec![Role::Customer], world.customer().await.tokens()),
            (vec![Role::Customer, Role::Organizer], world.organizer().await.tokens()),
            (vec![Role::Customer, Role::Admin], world.admin().await.tokens()),
        ];
        for (roles, tokens) in callers {
            let authorization = tokens.map(|tokens| bearer(&tokens.access_token));
            let metadata: Vec<_> =
                authorization.iter().map(|value| ("authorization", value.as_str())).collect();
            for rpc in rpcs() {
                // An empty body goes past the door and no further.
                let outcome = call(&channel, &rpc.path, Vec::new(), &metadata).await;
                assert_as_declared(&rpc, &roles, outcome);
            }
        }
    }

    async fn s_69_every_rpc_admits_the_services_that_its_option_admits(world: &World) {
        let channel = channel(&world.url()).await;
        for scope in SCOPES {
            let (service, ..) = service(world, &[scope]).await;
            let token = bearer(&service.tokens().expect("a token").access_token);
            for rpc in rpcs() {
                let metadata = [("authorization", token.as_str())];
                let outcome = call(&channel, &rpc.path, Vec::new(), &metadata).await;
                assert_as_declared_to_services(&rpc, scope, outcome);
            }
        }
    }

    async fn s_64_a_bad_token_is_refused_even_where_none_is_needed(world: &World) {
        let channel = channel(&world.url()).await;
        let metadata = [("authorization", "Bearer nonsense")];
        for rpc in rpcs() {
            let outcome = call(&channel, &rpc.path, Vec::new(), &metadata).await;
            if rpc.access.credential {
                // An old token must not keep its holder from getting a new one.
                let reason = outcome.err().map(|status| Error::from(status).reason());
                assert_ne!(reason, Some(ErrorReason::TokenInvalid), "{}", rpc.path);
                continue;
            }
            let error = Error::from(outcome.expect_err("a bad token"));
            assert_eq!(error.code(), Code::Unauthenticated, "{}", rpc.path);
            assert_eq!(error.reason(), ErrorReason::TokenInvalid, "{}", rpc.path);
        }
    }

    async fn s_63_what_is_no_rpc_is_unimplemented(world: &World) {
        let channel = channel(&world.url()).await;
        for path in [
            "/boxoffice.identity.v1.IdentityService/BecomeAdmin",
            "/boxoffice.identity.v1.IdentityService/login",
            "/boxoffice.identity.v1.IdentityService/Login/",
            "/boxoffice.identity.v1.Identity/Login",
            "/nobody.v1.Nothing/Nothing",
        ] {
            let outcome = call(&channel, path, Vec::new(), &[]).await;
            assert_eq!(code(&outcome), Code::Unimplemented, "{path}");
        }
    }
}
