use std::time::{Duration, Instant};

use argon2::{Argon2, Params, PasswordHasher};

use crate::error::{Error, Reason};
use crate::identity::domain::account::{GuestOpening, NewAccount, User};
use crate::identity::service::{Arrival, Session};
use crate::identity::tests::fixture::{EMAIL, Fixture, PASSWORD, password};
use crate::kernel::caller::{Role, Roles, SessionId};
use crate::kernel::id::UserId;
use crate::ports::clock::Clock;

#[tokio::test]
async fn whoever_registers_is_signed_in_as_a_customer() {
    let f = Fixture::new().await;
    let made = f.register(EMAIL).await;
    let made = made.expect("an account");
    let caller = f.tokens.verify(&made.tokens.access_token, f.clock.now()).expect("a caller");
    assert_eq!(caller.session, SessionId::User(made.user.user_id));
    assert_eq!(caller.roles.iter().collect::<Vec<_>>(), [Role::Customer]);
    let Ok(Session::User(me)) = f.service.me(&caller).await else { panic!("a user") };
    assert!(me == made.user && me.email == EMAIL);
}

#[tokio::test]
async fn one_address_makes_one_account_however_it_is_written_and_however_many_try() {
    let f = Fixture::new().await;
    let tries = (0..8).map(|count| {
        let (service, mixed) = (f.service.clone(), count % 2 == 0);
        let email = if mixed { EMAIL.to_uppercase() } else { EMAIL.to_owned() };
        tokio::spawn(async move {
            service.register(email, password(PASSWORD), "Ada".into(), &Arrival::default()).await
        })
    });
    let mut made = 0;
    for outcome in futures::future::join_all(tries).await {
        match outcome.expect("no panic") {
            Ok(_) => made += 1,
            Err(error) => assert_eq!(error.reason(), Some(Reason::EmailTaken)),
        }
    }
    assert_eq!(made, 1);
}

#[tokio::test]
async fn signing_in_takes_the_right_password_and_any_letter_case_of_the_address() {
    let f = Fixture::new().await;
    let made = f.register(EMAIL).await;
    let made = made.expect("an account");
    for email in [EMAIL, "ADA@Example.Com", " ada@example.com "] {
        let signed_in = f.login(email, PASSWORD).await.expect("signed in");
        assert!(signed_in.user == made.user);
    }
}

#[tokio::test]
async fn unknown_address_and_wrong_password_get_the_same_answer() {
    let f = Fixture::new().await;
    f.register(EMAIL).await.expect("an account");
    let mut answers = Vec::new();
    for (email, text) in [
        (EMAIL, "wrong horse battery"),
        (EMAIL, ""),
        (EMAIL, "Correct horse battery"),
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
        ("", "the password of nobody"),
    ] {
        let Err(Error::Rejected(refusal)) = f.login(email, text).await else {
            panic!("signed in as {email}");
        };
        answers.push((refusal.reason, refusal.message, refusal.metadata.len()));
    }
    assert!(answers.iter().all(|answer| answer == &answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, Reason::CredentialsWrong);
}

#[tokio::test]
async fn unknown_address_and_wrong_password_take_a_similar_time() {
    let f = Fixture::new().await;
    f.register(EMAIL).await.expect("an account");
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..7 {
        for (slot, email) in fastest.iter_mut().zip([EMAIL, "nobody@example.com"]) {
            let begin = Instant::now();
            assert!(f.login(email, "wrong horse battery").await.is_err());
            *slot = begin.elapsed().min(*slot);
        }
    }
    let [known, unknown] = fastest;
    // Without the hash of nobody, the unknown address would answer in a tiny part of the time.
    assert!(unknown > known / 2 && known > unknown / 2, "{known:?} {unknown:?}");
}

#[tokio::test]
async fn a_weakly_hashed_password_is_hashed_anew_when_it_is_right() {
    let f = Fixture::new().await;
    let weak = Argon2::from(Params::new(8 * 1024, 1, 1, None).expect("parameters"))
        .hash_password(PASSWORD.as_bytes())
        .expect("a hash")
        .to_string();
    let account =
        NewAccount { email: EMAIL.into(), display_name: "Ada".into(), roles: Roles::default() };
    let user = User::registered(&account, UserId::new(f.clock.now(), [1; 10]), f.clock.now());
    let mut tx = f.store.begin().await.expect("a transaction");
    assert!(tx.insert_user(&user, &weak).await.expect("written"));
    tx.commit().await.expect("committed");
    assert!(f.login(EMAIL, "wrong horse battery").await.is_err());
    assert_eq!(stored_hash(&f).await, weak);
    assert!(f.login(EMAIL, PASSWORD).await.is_ok());
    let strong = stored_hash(&f).await;
    assert!(strong.contains("m=19456,t=2,p=1"), "{strong}");
    assert!(f.login(EMAIL, PASSWORD).await.is_ok());
    assert_eq!(stored_hash(&f).await, strong);
}

async fn stored_hash(f: &Fixture) -> String {
    let mut tx = f.store.read().await.expect("a transaction");
    tx.user_by_email(EMAIL).await.expect("read").expect("an account").1
}

#[tokio::test]
async fn a_guest_has_a_session_with_or_without_an_address() {
    let f = Fixture::new().await;
    for email in [None, Some(EMAIL.to_owned())] {
        let opening = GuestOpening { contact_email: email.clone(), ..GuestOpening::default() };
        let made = f.service.create_guest_session(opening).await.expect("a session");
        let caller = f.tokens.verify(&made.tokens.access_token, f.clock.now()).expect("a caller");
        assert_eq!(caller.session, SessionId::Guest(made.guest.guest_id));
        assert_eq!(caller.roles.iter().collect::<Vec<_>>(), [Role::Guest]);
        let Ok(Session::Guest(me)) = f.service.me(&caller).await else { panic!("a guest") };
        assert!(me == made.guest && me.contact_email == email);
    }
}
