//! Every RPC with every scope: the option beside it in the contract is what the server does. The
//! table of all kinds of callers is in `input/matrix.rs`.

use boxoffice_sdk::{Error, ErrorReason};
use boxoffice_tests::{World, scenarios};
use tonic::{Code, Status};

use crate::service_accounts::service;
use crate::wire::{Rpc, bearer, call, channel, code, rpcs};

/// Every scope that a service may have.
pub const SCOPES: [&str; 5] =
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
