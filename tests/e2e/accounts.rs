//! Verified addresses, changed and forgotten passwords, and too many wrong ones.

use std::time::Duration;

use boxoffice_sdk::identity::v1::{
    ChangePasswordRequest, GetMeRequest, LoginRequest, RegisterRequest,
    RequestPasswordResetRequest, ResetPasswordRequest, User, VerifyEmailRequest, get_me_response,
};
use boxoffice_sdk::operations::v1::notification::{Kind, State};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{PASSWORD, Person, World, eventually, scenarios};
use prost::Message;

use crate::mails::{of_kind, read};
use crate::refusals::refused;
use crate::wire::{call, channel};

const EMAIL: &str = "ada@example.com";
const OTHER: &str = "another fine password";
const QUARTER: Duration = Duration::from_secs(15 * 60);

async fn register(world: &World, email: &str) -> (Person, User) {
    let person = world.anonymous().await;
    let request = RegisterRequest {
        email: email.into(),
        password: PASSWORD.into(),
        display_name: "Ada".into(),
        ..Default::default()
    };
    let user = person.register(request).await.expect("an account").user.expect("a user");
    (person, user)
}

async fn login(person: &Person, email: &str, password: &str) -> Result<User, Error> {
    let request =
        LoginRequest { email: email.into(), password: password.into(), ..Default::default() };
    person.login(request).await.map(|response| response.user.expect("a user"))
}

async fn ask(person: &Person, email: &str) {
    let request = RequestPasswordResetRequest { email: email.into() };
    person.request_password_reset(request).await.expect("the same answer for everybody");
}

async fn reset(person: &Person, token: &str, new_password: &str) -> Result<(), Error> {
    let request = ResetPasswordRequest { token: token.into(), new_password: new_password.into() };
    person.reset_password(request).await.map(|_| ())
}

/// The tokens in the mails of a kind to an address, as soon as that many are sent.
async fn mailed_tokens(world: &World, email: &str, kind: Kind, count: usize) -> Vec<String> {
    let sent = eventually(async || {
        let mut mails = of_kind(world, kind).await;
        mails.retain(|mail| mail.email == email && mail.state() == State::Sent);
        if mails.len() == count { Ok(mails) } else { Err(format!("{} mails", mails.len())) }
    });
    let texts = sent.await.into_iter().map(|mail| read(world, &mail).2);
    let token = |text: String| {
        let (_, rest) = text.split_once("?token=").expect("a link");
        rest.split_whitespace().next().expect("a token").to_owned()
    };
    texts.map(token).collect()
}

async fn mailed_token(world: &World, email: &str, kind: Kind) -> String {
    mailed_tokens(world, email, kind, 1).await.remove(0)
}

async fn me(person: &Person) -> User {
    match person.get_me(GetMeRequest {}).await.expect("somebody").session {
        Some(get_me_response::Session::User(user)) => user,
        other => panic!("no user: {other:?}"),
    }
}

scenarios! {
    async fn s_66_an_address_is_verified_by_the_token_of_its_mail(world: &World) {
        let (person, user) = register(world, EMAIL).await;
        assert!(!user.email_verified && !me(&person).await.email_verified);
        let token = mailed_token(world, EMAIL, Kind::Welcome).await;
        let anybody = world.anonymous().await;
        for wrong in ["nonsense".to_owned(), token.to_uppercase(), token[1..].into()] {
            let answer = anybody.verify_email(VerifyEmailRequest { token: wrong }).await;
            refused(answer, Code::FailedPrecondition, ErrorReason::MailTokenInvalid);
        }
        for _ in 0..2 {
            let request = VerifyEmailRequest { token: token.clone() };
            anybody.verify_email(request).await.expect("it is verified");
            assert!(me(&person).await.email_verified);
        }
        register(world, "late@example.com").await;
        let late = mailed_token(world, "late@example.com", Kind::Welcome).await;
        world.clock.advance(Duration::from_secs(8 * 24 * 60 * 60));
        let answer = anybody.verify_email(VerifyEmailRequest { token: late }).await;
        refused(answer, Code::FailedPrecondition, ErrorReason::MailTokenInvalid);
    }

    async fn s_68_a_changed_password_ends_every_other_sign_in(world: &World) {
        let (person, _) = register(world, EMAIL).await;
        let elsewhere = world.anonymous().await;
        login(&elsewhere, EMAIL, PASSWORD).await.expect("signed in");
        let change = |current: &str, new: &str| {
            let (current_password, new_password) = (current.to_owned(), new.to_owned());
            person.change_password(ChangePasswordRequest { current_password, new_password })
        };
        let wrong = change("not it", OTHER).await;
        refused(wrong, Code::Unauthenticated, ErrorReason::CredentialsWrong);
        let weak = refused(
            change(PASSWORD, "short").await,
            Code::InvalidArgument,
            ErrorReason::InvalidFields,
        );
        assert_eq!(weak.violations()[0].field, "new_password");
        change(PASSWORD, OTHER).await.expect("it is changed");
        // Whoever changed it goes on, also beyond the access token.
        person.refresh().await.expect("the next tokens");
        me(&person).await;
        let over = elsewhere.refresh().await;
        refused(over, Code::Unauthenticated, ErrorReason::RefreshTokenInvalid);
        let old = login(&elsewhere, EMAIL, PASSWORD).await;
        refused(old, Code::Unauthenticated, ErrorReason::CredentialsWrong);
        login(&elsewhere, EMAIL, OTHER).await.expect("signed in");
        // Guests have no password to change.
        let guest = world.guest().await;
        let request = ChangePasswordRequest::default();
        let answer = guest.change_password(request).await;
        refused(answer, Code::PermissionDenied, ErrorReason::RoleMissing);
    }

    async fn s_66_a_forgotten_password_is_set_anew_and_tells_nobody_who_is_there(world: &World) {
        let (person, _) = register(world, EMAIL).await;
        let anybody = world.anonymous().await;
        ask(&anybody, "unknown@example.com").await;
        let count = "select count(*) from identity_password_reset";
        assert_eq!(world.database.count_by_hand(count).await, 0);
        ask(&anybody, EMAIL).await;
        let token = mailed_token(world, EMAIL, Kind::PasswordReset).await;
        let made_up = reset(&anybody, "bop_made-up", OTHER).await;
        refused(made_up, Code::FailedPrecondition, ErrorReason::MailTokenInvalid);
        // A weak password uses the token up as little as a wrong one would.
        let weak = reset(&anybody, &token, "password").await.expect_err("it is weak");
        assert_eq!(weak.violations()[0].field, "new_password");
        reset(&anybody, &token, OTHER).await.expect("it is set");
        let again = reset(&anybody, &token, "yet another one").await;
        refused(again, Code::FailedPrecondition, ErrorReason::MailTokenInvalid);
        refused(
            person.refresh().await,
            Code::Unauthenticated,
            ErrorReason::RefreshTokenInvalid,
        );
        login(&person, EMAIL, OTHER).await.expect("signed in");
        // An hour is the most, and three an hour.
        for _ in 0..5 {
            ask(&anybody, EMAIL).await;
        }
        assert_eq!(world.database.count_by_hand(count).await, 3);
        let late = mailed_tokens(world, EMAIL, Kind::PasswordReset, 3).await;
        world.clock.advance(Duration::from_secs(60 * 60));
        for token in late {
            let late = reset(&anybody, &token, "yet another one").await;
            refused(late, Code::FailedPrecondition, ErrorReason::MailTokenInvalid);
        }
    }

    async fn s_66_whoever_guesses_passwords_has_to_wait(world: &World) {
        let (person, _) = register(world, EMAIL).await;
        let thief = world.anonymous().await;
        for email in [EMAIL, "unknown@example.com"] {
            for _ in 0..10 {
                let answer = login(&thief, email, "not the password").await;
                refused(answer, Code::Unauthenticated, ErrorReason::CredentialsWrong);
            }
            // The right one is of no use now, and the wait is told.
            let answer = login(&thief, email, PASSWORD).await;
            let error = refused(answer, Code::ResourceExhausted, ErrorReason::LoginThrottled);
            let wait = error.retry_after().expect("a time to wait");
            assert!(wait > QUARTER / 2 && wait <= QUARTER, "{wait:?}");
        }
        // Nor does it help to name another address.
        let request = LoginRequest {
            email: EMAIL.into(),
            password: PASSWORD.into(),
            ..Default::default()
        };
        let forged = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
        let path = "/boxoffice.identity.v1.IdentityService/Login";
        let channel = channel(&world.url()).await;
        let answer = call(&channel, path, request.encode_to_vec(), &forged).await;
        let error = Error::from(answer.expect_err("it is throttled"));
        assert_eq!(error.reason(), ErrorReason::LoginThrottled);
        // Who is signed in already goes on.
        person.refresh().await.expect("the next tokens");
        world.clock.advance(QUARTER);
        login(&thief, EMAIL, PASSWORD).await.expect("the time is over");
    }
}
