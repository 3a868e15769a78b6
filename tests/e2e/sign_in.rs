//! Registering and signing in.

use std::time::{Duration, Instant};

use boxoffice_sdk::identity::v1::{
    CreateGuestSessionRequest, GetMeRequest, LoginRequest, RegisterRequest,
};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{PASSWORD, Person, World, scenarios};

const EMAIL: &str = "Known.Person@example.com";

fn registration(email: &str, password: &str) -> RegisterRequest {
    RegisterRequest {
        email: email.into(),
        password: password.into(),
        display_name: "Known Person".into(),
        ..Default::default()
    }
}

async fn login(person: &Person, email: &str, password: &str) -> Result<(), Error> {
    let request =
        LoginRequest { email: email.into(), password: password.into(), ..Default::default() };
    person.login(request).await.map(|_| ())
}

/// The quickest of some tries for each address, in turn: what the work takes when nothing else is
/// in the way.
async fn quickest<const N: usize>(person: &Person, emails: [&str; N]) -> [Duration; N] {
    let mut quickest = [Duration::MAX; N];
    for _ in 0..8 {
        for (email, quickest) in emails.iter().zip(&mut quickest) {
            let begun = Instant::now();
            login(person, email, "not the password").await.expect_err("it is wrong");
            *quickest = begun.elapsed().min(*quickest);
        }
    }
    quickest
}

scenarios! {
    async fn s_66_unknown_e_mail_and_wrong_password_are_told_alike(world: &World) {
        let person = world.anonymous().await;
        person.register(registration(EMAIL, PASSWORD)).await.expect("an account");
        let wrong = login(&person, EMAIL, "not the password").await.expect_err("wrong");
        let unknown = login(&person, "unknown@example.com", PASSWORD).await.expect_err("unknown");
        for error in [&wrong, &unknown] {
            assert_eq!(error.code(), Code::Unauthenticated);
            assert_eq!(error.reason(), ErrorReason::CredentialsWrong);
        }
        assert_eq!(wrong.message(), unknown.message());
        assert_eq!(wrong.metadata(), unknown.metadata());
        // What is no address at all is unknown too, not malformed.
        let odd = login(&person, "no address", PASSWORD).await.expect_err("unknown");
        assert_eq!(odd.message(), unknown.message());
        let took = quickest(&person, [EMAIL, "unknown@example.com"]).await;
        let (less, more) = (took[0].min(took[1]), took[0].max(took[1]));
        // Without the same work for both it would be more than twenty times.
        assert!(less * 4 > more, "{took:?} for a wrong password and an unknown address");
        // Neither letter case nor blanks of an address matter, those of a password do.
        login(&person, " known.person@EXAMPLE.com ", PASSWORD).await.expect("it signs in");
        login(&person, EMAIL, &PASSWORD.to_uppercase()).await.expect_err("another password");
        login(&person, EMAIL, &format!("{PASSWORD} ")).await.expect_err("another password");
    }

    async fn s_66_an_address_has_one_account(world: &World) {
        let person = world.anonymous().await;
        let request = registration(EMAIL, PASSWORD);
        let first = person.register(request.clone()).await.expect("an account").user;
        for email in [EMAIL, "known.person@example.com", " KNOWN.PERSON@EXAMPLE.COM"] {
            let again = registration(email, "another fine password");
            let error = world.anonymous().await.register(again).await.expect_err("it is taken");
            assert_eq!(error.code(), Code::AlreadyExists);
            assert_eq!(error.reason(), ErrorReason::EmailTaken);
        }
        login(&person, EMAIL, PASSWORD).await.expect("the first password still counts");
        assert_eq!(first.expect("a user").email, EMAIL);
        // Of many who come at the same time, one gets it.
        let race = futures::future::join_all((0..6).map(|_| async {
            let request = registration("race@example.com", PASSWORD);
            world.anonymous().await.register(request).await
        }));
        let race = race.await;
        assert_eq!(race.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let taken = race.iter().filter_map(|outcome| outcome.as_ref().err());
        assert!(taken.into_iter().all(|error| error.reason() == ErrorReason::EmailTaken));
    }

    async fn s_66_weak_passwords_and_bad_addresses_are_refused_by_name(world: &World) {
        let person = world.anonymous().await;
        let long = "x".repeat(257);
        for password in ["", "short", "7 chars", "password", "PASSWORD", "12345678", &long] {
            let request = registration("weak@example.com", password);
            let error = person.register(request).await.expect_err("it is weak");
            assert_eq!(error.code(), Code::InvalidArgument, "{password}");
            let fields: Vec<_> = error.violations().iter().map(|v| v.field.as_str()).collect();
            assert_eq!(fields, ["password"], "{password}");
            assert!(!password.contains("1234") || !error.to_string().contains(password));
        }
        let long = format!("{}@example.com", "x".repeat(250));
        let bad = ["", "nobody", "@example.com", "a@", "a b@example.com", "a@b@c"];
        for email in bad.into_iter().chain(["a@b\r\nBcc: c@d", &long]) {
            let error = person.register(registration(email, PASSWORD)).await.expect_err(email);
            assert_eq!(error.violations()[0].field, "email", "{email}");
            if !email.is_empty() {
                let contact_email = email.to_owned();
                let request =
                    CreateGuestSessionRequest { contact_email, ..Default::default() };
                let error = person.create_guest_session(request).await.expect_err(email);
                assert_eq!(error.violations()[0].field, "contact_email", "{email}");
            }
        }
        // All that is wrong is named at once.
        let error = person.register(RegisterRequest::default()).await.expect_err("all is missing");
        let fields: Vec<_> = error.violations().iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["email", "password", "display_name"]);
        // Any characters will do for a good one, also those of several bytes.
        let good = "ßøµ€ 漢字 ẞ🎟";
        person.register(registration("good@example.com", good)).await.expect("it is good");
        login(&person, "good@example.com", good).await.expect("it signs in");
        person.get_me(GetMeRequest {}).await.expect("signed in");
    }
}
