//! Metadata that lies, makes no sense, or is far too much.

use boxoffice_proto::r#type::v1::ErrorReason;
use boxoffice_sdk::identity::v1::LoginRequest;
use boxoffice_tests::{World, scenarios};
use prost::Message;
use tonic::Code;

use super::exchange::{Answer, Wire, frame};
use super::scene::{Scene, Whose, authorization, id_of};
use super::verdict::{told, unclear};
use crate::wire::rpcs;

/// Calls of every kind that have no effect.
const CALLED: [&str; 5] = ["GetMe", "ListEvents", "GetUser", "GetBooking", "WatchBooking"];
const GET_ME: &str = "/boxoffice.identity.v1.IdentityService/GetMe";
const LOGIN: &str = "/boxoffice.identity.v1.IdentityService/Login";
/// Wrong passwords after which an account is closed to one address for a while.
const WRONG_MAX: usize = 10;

/// Headers by which proxies and clients say who somebody is, or where.
const SPOOFED: [&str; 20] = [
    "x-user-id",
    "x-user-role",
    "x-user-roles",
    "x-user-email",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-auth-request-user",
    "x-authenticated-userid",
    "x-remote-user",
    "remote-user",
    "x-forwarded-for",
    "x-real-ip",
    "forwarded",
    "x-client-ip",
    "true-client-ip",
    "x-original-url",
    "x-http-method-override",
    "x-roles",
    "x-scopes",
];
/// Deadlines that are none.
const NO_DEADLINES: [&[u8]; 14] = [
    b"",
    b"1",
    b"S",
    b"x",
    b"-1S",
    b"1s",
    b"1S1S",
    b"999999999S",
    b"1.5S",
    b" 1S",
    b"0x10S",
    b"\xff\xfeS",
    b"1\xc3\x9fS",
    b"18446744073709551616n",
];

/// The same answer as without what was added.
fn same(one: &Answer, other: &Answer) -> bool {
    told(&one.told()) == told(&other.told()) && one.body.len() == other.body.len()
}

scenarios! {
    async fn s_64_whatever_headers_say_the_token_alone_counts(world: &World) {
        let scene = Scene::open(world).await;
        let (wire, rpcs) = (Wire::open(world).await, rpcs());
        let buyer = scene.fresh_buyer(&scene.hosts[0]).await;
        let admin = id_of(&scene.admin).await;
        let customer = authorization(&world.customer().await);
        for name in ["GetMe", "GetUser", "GetBooking", "ListEvents"] {
            let rpc = rpcs.iter().find(|rpc| rpc.method.name() == name).expect(name);
            let body = frame(&scene.good(name, Whose::Buyer(&buyer)).await);
            for token in [None, Some(customer.as_bytes())] {
                let own: Vec<(&str, &[u8])> = token.iter().map(|t| ("authorization", *t)).collect();
                let plain = wire.call(&rpc.path, &own, body.clone()).await;
                for header in SPOOFED {
                    for value in [admin.as_str(), "ADMIN"] {
                        let all = [&own[..], &[(header, value.as_bytes())]].concat();
                        let spoofed = wire.call(&rpc.path, &all, body.clone()).await;
                        assert!(same(&plain, &spoofed), "{name} with {header}: {value}");
                    }
                }
            }
        }
    }

    async fn s_66_an_address_in_a_header_does_not_begin_the_count_of_guesses_anew(world: &World) {
        let wire = Wire::open(world).await;
        let scene = Scene::open(world).await;
        let request = LoginRequest {
            email: scene.email.clone(),
            password: "not the password".into(),
            ..Default::default()
        };
        let mut reasons = Vec::new();
        for guess in 0..=WRONG_MAX {
            let address = format!("198.51.100.{guess}");
            let forwarded = format!("for={address}");
            let headers = [
                ("x-forwarded-for", address.as_bytes()), ("x-real-ip", address.as_bytes()),
                ("forwarded", forwarded.as_bytes()), ("true-client-ip", address.as_bytes()),
            ];
            let answer = wire.call(LOGIN, &headers, frame(&request.encode_to_vec())).await;
            reasons.push(told(&answer.told()).1.expect("a reason"));
        }
        let last = reasons.pop();
        assert!(reasons.iter().all(|reason| *reason == ErrorReason::CredentialsWrong));
        assert_eq!(last, Some(ErrorReason::LoginThrottled));
    }

    async fn s_74_metadata_that_makes_no_sense_changes_no_answer(world: &World) {
        let scene = Scene::open(world).await;
        let (wire, rpcs) = (Wire::open(world).await, rpcs());
        let admin = authorization(&scene.admin);
        let own = ("authorization", admin.as_bytes());
        let long = vec![b'a'; 4_000];
        for name in CALLED {
            let rpc = rpcs.iter().find(|rpc| rpc.method.name() == name).expect(name);
            let body = frame(&scene.good(name, Whose::Absent).await);
            let plain = wire.call(&rpc.path, &[own], body.clone()).await;
            let mut odd: Vec<(&str, &[u8])> =
                NO_DEADLINES.iter().map(|value| ("grpc-timeout", *value)).collect();
            odd.extend::<[(&str, &[u8]); 11]>([
                ("grpc-accept-encoding", b"\xff\xff"), ("grpc-accept-encoding", b"gzip;q=9,,,"),
                ("x-a-bin", b"!!! no base64 !!!"), ("grpc-trace-bin", b"\xff\x00x".split_at(1).0),
                ("grpc-tags-bin", &long), ("user-agent", b"\x80\x81"), ("accept", b"text/html"),
                ("grpc-message-type", b"../../x"), ("grpc-status", b"0"),
                ("grpc-previous-rpc-attempts", b"-1"), ("accept-encoding", b"gzip"),
            ]);
            for (header, value) in odd {
                let answer = wire.call(&rpc.path, &[own, (header, value)], body.clone()).await;
                assert!(same(&plain, &answer), "{name} with {header}: {value:x?}");
            }
            // No bearer token, or more than one: whoever sends it means to be somebody.
            let bare = admin.strip_prefix("Bearer ").expect("a token").as_bytes();
            for values in [
                vec![&b"\xff\xfe"[..]], vec![b"Bearer \xc3\x28"], vec![b"Bearer\t"],
                vec![b"bearer"], vec![b""], vec![b"Basic YWRtaW46YWRtaW4="], vec![bare],
                vec![own.1, own.1], vec![b"", own.1], vec![own.1, b"Basic a"],
            ] {
                let headers: Vec<_> = values.iter().map(|v| ("authorization", *v)).collect();
                let answer = wire.call(&rpc.path, &headers, body.clone()).await;
                let expected = (Code::Unauthenticated, Some(ErrorReason::TokenInvalid));
                assert_eq!(told(&answer.told()), expected, "{name} with {values:x?}");
            }
        }
    }

    async fn s_74_a_deadline_that_cannot_be_kept_is_told_so(world: &World) {
        let scene = Scene::open(world).await;
        let (wire, rpcs) = (Wire::open(world).await, rpcs());
        let admin = authorization(&scene.admin);
        let mut late = 0;
        for rpc in &rpcs {
            let body = frame(&scene.good(rpc.method.name(), Whose::Absent).await);
            for deadline in [&b"1n"[..], b"0S", b"0n"] {
                let headers = [("authorization", admin.as_bytes()), ("grpc-timeout", deadline)];
                let outcome = wire.call(&rpc.path, &headers, body.clone()).await.told();
                // What is refused before it is waited for is answered in time.
                if told(&outcome) == (Code::DeadlineExceeded, Some(ErrorReason::DeadlineExceeded)) {
                    late += 1;
                } else {
                    assert_eq!(unclear(&rpc.method.output(), &outcome), None, "{}", rpc.path);
                }
            }
        }
        assert!(late >= rpcs.len(), "only {late} calls were late");
    }

    async fn s_74_too_much_metadata_is_refused_with_a_reason_and_far_too_much_without(
        world: &World
    ) {
        let scene = Scene::open(world).await;
        let (wire, rpcs) = (Wire::open(world).await, rpcs());
        let admin = authorization(&scene.admin);
        let own = ("authorization", admin.as_bytes());
        for name in CALLED {
            let rpc = rpcs.iter().find(|rpc| rpc.method.name() == name).expect(name);
            let body = frame(&scene.good(name, Whose::Absent).await);
            let plain = wire.call(&rpc.path, &[own], body.clone()).await;
            let much = vec![b'a'; 12 * 1024];
            let below = wire.call(&rpc.path, &[own, ("x-much", &much)], body.clone()).await;
            assert!(same(&plain, &below), "{name} below the limit");
            let more = vec![b'a'; 20 * 1024];
            let one: Vec<(&str, &[u8])> = vec![own, ("x-much-bin", &more)];
            let names: Vec<String> = (0..500).map(|number| format!("x-{number}")).collect();
            let many = names.iter().map(|name| (name.as_str(), &b"a"[..])).chain([own]).collect();
            let same_name = (0..500).map(|_| ("x-same", &b"a"[..])).chain([own]).collect();
            for headers in [one, many, same_name] {
                let outcome = wire.call(&rpc.path, &headers, body.clone()).await.told();
                let expected = (Code::ResourceExhausted, Some(ErrorReason::RequestTooLarge));
                assert_eq!(told(&outcome), expected, "{name}");
            }
            let far_more = vec![b'a'; 100 * 1024];
            let answer = wire.call(&rpc.path, &[own, ("x-much", &far_more)], body).await;
            assert_eq!(answer.status, http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
        // The connection is still good.
        let me = wire.call(GET_ME, &[own], frame(&[])).await;
        me.told().expect("the admin");
    }
}
