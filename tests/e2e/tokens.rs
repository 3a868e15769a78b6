//! Access tokens that are not what they seem, and refresh tokens that are used twice.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boxoffice_sdk::identity::v1::{
    GetMeRequest, LoginRequest, LogoutRequest, RefreshTokenRequest, RegisterRequest, TokenPair,
};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_server::identity::tokens::AccessTokens;
use boxoffice_server::kernel::caller::{Role, Roles, SessionId};
use boxoffice_server::kernel::time::Timestamp;
use boxoffice_server::ports::clock::Clock;
use boxoffice_server::secret::{Secret, Secrets, keyed_hash};
use boxoffice_tests::{PASSWORD, Person, World, scenarios};
use serde_json::{Value, json};

use crate::wire::{bearer, call, channel, get};

const GET_ME: &str = "/boxoffice.identity.v1.IdentityService/GetMe";
const SET_USER_ROLES: &str = "/boxoffice.identity.v1.IdentityService/SetUserRoles";

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token's header, payload and signature.
fn parts(token: &str) -> (Value, Value, String) {
    let pieces: Vec<&str> = token.split('.').collect();
    let json = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    (json(pieces[0]), json(pieces[1]), pieces[2].to_owned())
}

/// Tokens that somebody who has a good one of a customer might make of it.
fn forgeries(token: &str, public_key: [u8; 32]) -> Vec<(&'static str, String)> {
    let (header, payload, signature) = parts(token);
    let mut admin = payload.clone();
    admin["roles"] = json!(["ADMIN"]);
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        header
    };
    let none = |name: &str| part(&with("alg", json!(name)));
    let mut longer = payload.clone();
    longer["exp"] = json!(payload["exp"].as_i64().expect("a time") + 1_000_000);
    // The public key is public: whoever takes it for the key of an HMAC can be fooled with it.
    let symmetric = format!("{}.{}", none("HS256"), part(&admin));
    let mac = keyed_hash(&public_key, &[symmetric.as_bytes()]);
    let mac = URL_SAFE_NO_PAD.encode(mac);
    let mut flipped = URL_SAFE_NO_PAD.decode(&signature).expect("base64url");
    flipped[0] ^= 1;
    let (own, own_payload) = (part(&header), part(&payload));
    vec![
        ("no signature", format!("{own}.{own_payload}.")),
        ("two parts", format!("{own}.{own_payload}")),
        ("alg none", format!("{}.{}.", none("none"), part(&admin))),
        ("alg None", format!("{}.{}.", none("None"), part(&admin))),
        ("alg none, signed", format!("{}.{}.{signature}", none("none"), part(&payload))),
        ("HMAC with the public key", format!("{symmetric}.{mac}")),
        ("an edited role", format!("{own}.{}.{signature}", part(&admin))),
        ("an edited time", format!("{own}.{}.{signature}", part(&longer))),
        ("another kid", {
            let header = part(&with("kid", json!("0000000000000000")));
            format!("{header}.{own_payload}.{signature}")
        }),
        ("a key of its own", {
            let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode([7; 32])});
            format!("{}.{own_payload}.{signature}", part(&with("jwk", jwk)))
        }),
        ("another signature", {
            format!("{own}.{own_payload}.{}", URL_SAFE_NO_PAD.encode(flipped))
        }),
        ("garbage", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("nothing", String::new()),
        ("much", "a".repeat(6_000)),
        ("two tokens", format!("{token} {token}")),
    ]
}

fn issued(
    secret: &str,
    issuer: &str,
    audience: &str,
    session: SessionId,
    now: Timestamp,
) -> String {
    let current = Secret::parse(secret).expect("it is strong enough");
    let secrets = Secrets { current, previous: Vec::new() };
    let roles: Roles = [Role::Admin].into_iter().collect();
    let tokens = AccessTokens::new(&secrets, issuer, audience);
    tokens.issue(session, roles, now, [9; 16]).expect("a token").text
}

async fn refresh(client: &Person, token: &str) -> Result<TokenPair, Error> {
    let request = RefreshTokenRequest { refresh_token: token.to_owned() };
    client.refresh_token(request).await.map(|response| response.tokens.expect("tokens"))
}

fn reason<T>(outcome: Result<T, Error>) -> ErrorReason {
    let error = outcome.err().expect("a refusal");
    assert_eq!(error.code(), Code::Unauthenticated);
    error.reason()
}

async fn signed_in(world: &World, email: &str) -> TokenPair {
    let request =
        LoginRequest { email: email.into(), password: PASSWORD.into(), ..Default::default() };
    let client = world.anonymous().await;
    client.login(request).await.expect("it signs in").tokens.expect("tokens")
}

async fn account(world: &World, email: &str) -> TokenPair {
    let request = RegisterRequest {
        email: email.into(),
        password: PASSWORD.into(),
        display_name: "Somebody".into(),
        ..Default::default()
    };
    let client = world.anonymous().await;
    client.register(request).await.expect("an account").tokens.expect("tokens")
}

scenarios! {
    async fn s_64_forged_tokens_are_refused(world: &World) {
        let customer = world.customer().await;
        let token = customer.tokens().expect("a session").access_token;
        let channel = channel(&world.url()).await;
        let (_, _, keys) = get(&format!("{}/.well-known/jwks.json", world.url())).await;
        let keys: Value = serde_json::from_str(&keys).expect("JSON");
        let key = URL_SAFE_NO_PAD.decode(keys["keys"][0]["x"].as_str().expect("a key"));
        let key = key.expect("base64url").try_into().expect("32 bytes");
        for (what, forged) in forgeries(&token, key) {
            for path in [GET_ME, SET_USER_ROLES] {
                let value = bearer(&forged);
                let outcome = call(&channel, path, vec![], &[("authorization", &value)]).await;
                let error = Error::from(outcome.expect_err(what));
                assert_eq!(error.code(), Code::Unauthenticated, "{what}");
                assert_eq!(error.reason(), ErrorReason::TokenInvalid, "{what}");
                assert!(forged.is_empty() || !error.message().contains(&forged), "{what}");
            }
        }
        let good = bearer(&token);
        for metadata in [
            vec![("authorization", token.as_str())],
            vec![("authorization", "Basic YWRtaW46YWRtaW4=")],
            vec![("authorization", ""), ("authorization", &good)],
            vec![("authorization", &good), ("authorization", &good)],
        ] {
            let outcome = call(&channel, GET_ME, vec![], &metadata).await;
            let error = Error::from(outcome.expect_err("no bearer token"));
            assert_eq!(error.reason(), ErrorReason::TokenInvalid);
        }
        call(&channel, GET_ME, vec![], &[("authorization", &good)]).await.expect("the good one");
    }

    async fn s_64_tokens_of_other_keys_issuers_and_times_are_refused(world: &World) {
        let customer = world.customer().await;
        let (_, payload, _) = parts(&customer.tokens().expect("a session").access_token);
        let session = SessionId::parse(payload["sub"].as_str().expect("a subject"));
        let session = session.expect("a session");
        let now = world.clock.now();
        let ours = "a secret of the tests, 0123456789";
        let foreign = "another secret of the tests, 0123456789";
        let earlier = now - Duration::from_secs(16 * 60);
        let later = now + Duration::from_secs(60 * 60);
        let channel = channel(&world.url()).await;
        for (token, expected) in [
            (issued(foreign, "boxoffice", "boxoffice", session, now), ErrorReason::TokenInvalid),
            (issued(ours, "elsewhere", "boxoffice", session, now), ErrorReason::TokenInvalid),
            (issued(ours, "boxoffice", "elsewhere", session, now), ErrorReason::TokenInvalid),
            (issued(ours, "boxoffice", "boxoffice", session, later), ErrorReason::TokenInvalid),
            (issued(ours, "boxoffice", "boxoffice", session, earlier), ErrorReason::TokenExpired),
        ] {
            let value = bearer(&token);
            let outcome = call(&channel, GET_ME, vec![], &[("authorization", &value)]).await;
            let error = Error::from(outcome.expect_err("a refusal"));
            assert_eq!((error.code(), error.reason()), (Code::Unauthenticated, expected));
        }
        // The same way of making them gives a good one, so each was refused for its own reason.
        let value = bearer(&issued(ours, "boxoffice", "boxoffice", session, now));
        call(&channel, GET_ME, vec![], &[("authorization", &value)]).await.expect("a good one");
        // A real one is good until its time is over.
        world.clock.advance(Duration::from_secs(15 * 60 + 1));
        let value = bearer(&customer.tokens().expect("a session").access_token);
        let outcome = call(&channel, GET_ME, vec![], &[("authorization", &value)]).await;
        let error = Error::from(outcome.expect_err("an old one"));
        assert_eq!(error.reason(), ErrorReason::TokenExpired);
        customer.get_me(GetMeRequest {}).await.expect("the client gets the next by itself");
    }

    async fn s_64_headers_that_name_a_user_are_nothing(world: &World) {
        let channel = channel(&world.url()).await;
        let admin = world.admin().await;
        let (_, payload, _) = parts(&admin.tokens().expect("a session").access_token);
        let user_id = payload["sub"].as_str().expect("a subject");
        let forged = [
            ("x-user-id", user_id),
            ("x-user-role", "ADMIN"),
            ("x-user-roles", "ROLE_ADMIN"),
            ("x-forwarded-user", user_id),
            ("x-auth-request-user", user_id),
            ("x-authenticated-userid", user_id),
            ("x-remote-user", user_id),
            ("remote-user", user_id),
        ];
        let outcome = call(&channel, SET_USER_ROLES, vec![], &forged).await;
        let error = Error::from(outcome.expect_err("nobody"));
        assert_eq!(error.reason(), ErrorReason::TokenMissing);
        let customer = world.customer().await;
        let value = bearer(&customer.tokens().expect("a session").access_token);
        let with_token: Vec<_> = forged.into_iter().chain([("authorization", &*value)]).collect();
        let outcome = call(&channel, SET_USER_ROLES, vec![], &with_token).await;
        let error = Error::from(outcome.expect_err("a customer"));
        assert_eq!(error.reason(), ErrorReason::RoleMissing);
    }

    async fn s_68_a_refresh_token_that_comes_twice_ends_the_sign_in(world: &World) {
        let first = account(world, "twice@example.com").await;
        let elsewhere = signed_in(world, "twice@example.com").await;
        let client = world.anonymous().await;
        let second = refresh(&client, &first.refresh_token).await.expect("the next");
        assert_ne!(second.refresh_token, first.refresh_token);
        let third = refresh(&client, &second.refresh_token).await.expect("the next");
        // The successor was used, so whoever comes with the old one has stolen it, or was robbed.
        let stolen = refresh(&world.anonymous().await, &first.refresh_token).await;
        assert_eq!(reason(stolen), ErrorReason::RefreshTokenReused);
        for token in [&first, &second, &third] {
            let outcome = refresh(&world.anonymous().await, &token.refresh_token).await;
            assert_eq!(reason(outcome), ErrorReason::RefreshTokenInvalid);
        }
        // The other sign-in of the same account goes on.
        refresh(&client, &elsewhere.refresh_token).await.expect("the next");
    }

    async fn s_68_a_lost_answer_can_be_had_again_for_ten_seconds(world: &World) {
        let first = account(world, "lost@example.com").await;
        let client = world.anonymous().await;
        let second = refresh(&client, &first.refresh_token).await.expect("the next");
        world.clock.advance(Duration::from_secs(8));
        let again = refresh(&client, &first.refresh_token).await.expect("the same next");
        assert_eq!(again.refresh_token, second.refresh_token);
        // Callers that come at the same time get one successor.
        let (one, two) = (world.anonymous().await, world.anonymous().await);
        let (one, two) = tokio::join!(
            refresh(&one, &second.refresh_token),
            refresh(&two, &second.refresh_token),
        );
        let (one, two) = (one.expect("the next"), two.expect("the same next"));
        assert_eq!(one.refresh_token, two.refresh_token);
        world.clock.advance(Duration::from_secs(12));
        let late = refresh(&client, &second.refresh_token).await;
        assert_eq!(reason(late), ErrorReason::RefreshTokenReused);
        let after = refresh(&client, &one.refresh_token).await;
        assert_eq!(reason(after), ErrorReason::RefreshTokenInvalid);
    }

    async fn s_68_logging_out_ends_the_sign_in_and_no_other(world: &World) {
        let first = account(world, "out@example.com").await;
        let elsewhere = signed_in(world, "out@example.com").await;
        let client = world.anonymous().await;
        let second = refresh(&client, &first.refresh_token).await.expect("the next");
        // Any token of the sign-in will do; made-up ones are no error.
        for token in [&*first.refresh_token, &*first.refresh_token, "made-up", &"x".repeat(9_999)] {
            let request = LogoutRequest { refresh_token: token.to_owned() };
            client.logout(request).await.expect("it is over");
        }
        let outcome = refresh(&client, &second.refresh_token).await;
        assert_eq!(reason(outcome), ErrorReason::RefreshTokenInvalid);
        for made_up in ["made-up", &second.refresh_token[1..], &"x".repeat(9_999)] {
            let outcome = refresh(&client, made_up).await;
            assert_eq!(reason(outcome), ErrorReason::RefreshTokenInvalid);
        }
        refresh(&client, &elsewhere.refresh_token).await.expect("the next");
    }

    async fn s_68_sign_ins_end_by_themselves(world: &World) {
        let day = Duration::from_secs(24 * 60 * 60);
        let first = account(world, "idle@example.com").await;
        let guest = world.guest().await.tokens().expect("a session");
        let client = world.anonymous().await;
        world.clock.advance(2 * day);
        let idle = refresh(&client, &guest.refresh_token).await;
        assert_eq!(reason(idle), ErrorReason::RefreshTokenInvalid);
        let second = refresh(&client, &first.refresh_token).await.expect("the next");
        world.clock.advance(31 * day);
        let idle = refresh(&client, &second.refresh_token).await;
        assert_eq!(reason(idle), ErrorReason::RefreshTokenInvalid);
    }
}
