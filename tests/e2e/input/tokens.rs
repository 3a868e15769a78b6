//! Forged tokens of every kind, on calls of every kind: none is taken, and none is told more than
//! that it is none.

use std::collections::BTreeMap;

use boxoffice_proto::r#type::v1::ErrorReason;
use boxoffice_tests::{World, scenarios};
use tonic::Code;

use super::forged::{Forge, Forged};
use super::scene::{Scene, Whose};
use super::verdict::{fault_of, told};
use crate::service_accounts::service;
use crate::wire::{bearer, call, rpcs, web_call};

/// Calls with every kind of rule: for anybody, for buyers, organizers and admins, about a thing of
/// the caller's own, and streams.
const CALLED: [&str; 8] = [
    "ListEvents",
    "GetMe",
    "HoldSeats",
    "GetBooking",
    "CreateVenue",
    "SetUserRoles",
    "WatchSeats",
    "WatchBooking",
];
const GET_ME: &str = "/boxoffice.identity.v1.IdentityService/GetMe";

/// A forge that has everything: a customer's token, the server's key, and what else there is that
/// somebody may take for a token.
async fn forge(scene: &Scene<'_>) -> Forge {
    let world = scene.world;
    let customer = world.customer().await.tokens().expect("a session");
    let buyer = scene.fresh_buyer(&scene.hosts[0]).await;
    let (_, account, secret) = service(world, &["users:read"]).await;
    let others = vec![
        ("a refresh token", customer.refresh_token),
        ("a ticket code", buyer.ticket.code),
        ("a service's secret", secret),
        ("a service's id", account.service_account_id),
        ("a booking's id", buyer.booking.booking_id),
        ("a password", boxoffice_tests::PASSWORD.to_owned()),
    ];
    Forge::new(customer.access_token, world.config.secret.key("access-token"), others)
}

fn assert_refused(rpc: &str, forged: &Forged, outcome: &Result<Vec<u8>, tonic::Status>) {
    let what = format!("{rpc} with {}", forged.what);
    let expected = (Code::Unauthenticated, Some(forged.reason));
    assert_eq!(told(outcome), expected, "{what}: {}", forged.token);
    let Err(status) = outcome else { panic!("{what}") };
    assert_eq!(fault_of(status), None, "{what}");
    let shown = forged.token.len() > 20 && status.message().contains(&forged.token);
    assert!(!shown, "{what}: the token is told");
}

scenarios! {
    async fn s_64_no_forged_token_is_taken_by_any_kind_of_call(world: &World) {
        let scene = Scene::open(world).await;
        let forge = forge(&scene).await;
        // What is made the same way, and right, works: each of the others fails for its own fault.
        for good in [&forge.token, &forge.genuine()] {
            let value = bearer(good);
            let outcome = call(&scene.channel, GET_ME, vec![], &[("authorization", &value)]).await;
            outcome.expect("a good token");
        }
        let corpus = forge.corpus();
        assert!(corpus.len() >= 200, "only {} tokens", corpus.len());
        let (rpcs, mut seen) = (rpcs(), BTreeMap::<ErrorReason, usize>::new());
        for name in CALLED {
            let rpc = rpcs.iter().find(|rpc| rpc.method.name() == name).expect(name);
            let body = scene.good(name, Whose::Absent).await;
            for forged in &corpus {
                let value = bearer(&forged.token);
                let metadata = [("authorization", value.as_str())];
                let outcome = call(&scene.channel, &rpc.path, body.clone(), &metadata).await;
                assert_refused(name, forged, &outcome);
                *seen.entry(forged.reason).or_default() += 1;
            }
        }
        println!("{} tokens on {} RPCs: {seen:?}", corpus.len(), CALLED.len());
        assert_eq!(seen.len(), 2);
    }

    async fn s_64_no_forged_token_is_taken_over_grpc_web(world: &World) {
        let scene = Scene::open(world).await;
        let forge = forge(&scene).await;
        let refused = format!("grpc-status:{}", Code::Unauthenticated as i32);
        for forged in forge.corpus().iter().step_by(5) {
            let value = bearer(&forged.token);
            let metadata = [("authorization", value.as_str())];
            let answer = web_call(&world.url(), GET_ME, &[], false, &metadata).await;
            assert!(answer.trailers.contains(&refused), "{}: {}", forged.what, answer.trailers);
            assert!(answer.messages.is_empty());
        }
    }
}
