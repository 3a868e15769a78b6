//! Access tokens of other keys, issuers and times, and refresh tokens that are used twice. What can
//! be forged is in `input/forged.rs`.

use std::collections::BTreeSet;
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
use boxoffice_server::secret::{Secret, Secrets};
use boxoffice_tests::{PASSWORD, Person, World, scenarios};
use futures::future::join_all;
use serde_json::Value;

use crate::wire::{bearer, call, channel};

const GET_ME: &str = "/boxoffice.identity.v1.IdentityService/GetMe";

/// What a token says.
fn payload(token: &str) -> Value {
    let text = token.split('.').nth(1).expect("a payload");
    let bytes = URL_SAFE_NO_PAD.decode(text).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
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
    async fn s_64_tokens_of_other_keys_issuers_and_times_are_refused(world: &World) {
        let customer = world.customer().await;
        let payload = payload(&customer.tokens().expect("a session").access_token);
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

    async fn s_68_fifty_uses_of_a_refresh_token_at_once_make_one_chain(world: &World) {
        let first = account(world, "fifty@example.com").await;
        let clients = join_all((0..50).map(|_| world.anonymous())).await;
        let uses = clients.iter().map(|client| refresh(client, &first.refresh_token));
        let answers = join_all(uses).await;
        let successors: BTreeSet<String> =
            answers.into_iter().flatten().map(|tokens| tokens.refresh_token).collect();
        assert_eq!(successors.len(), 1, "one successor, whoever asked");
        let next = refresh(&clients[0], successors.first().expect("one")).await;
        next.expect("the chain goes on");
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
