use std::time::{Duration, Instant};

use uuid::Uuid;

use super::both::{Case, address, on_both, reason};
use crate::error::{Error, Reason};
use crate::identity::domain::service_account::NewServiceAccount;
use crate::identity::service::Arrival;
use crate::identity::tests::fixture::{PASSWORD, password};
use crate::kernel::caller::Scopes;
use crate::kernel::id::ServiceAccountId;
use crate::ports::clock::Clock;
use crate::store::RequestKey;

const EMAIL: &str = "ada@example.com";
const QUARTER: Duration = Duration::from_secs(15 * 60);

/// Is wrong so often, from one address.
async fn guess(case: &Case, email: &str, times: usize, from: u8) {
    for _ in 0..times {
        let outcome = case.login(email, "not the password", from).await;
        assert_eq!(reason(outcome), Some(Reason::CredentialsWrong));
    }
}

/// A service account and its secret.
async fn service(case: &Case) -> (ServiceAccountId, String) {
    let admin = case.caller(&case.register("admin@example.com").await);
    let new = NewServiceAccount {
        name: "Shop".into(),
        scopes: Scopes::default(),
        calls_per_minute: None,
    };
    let key = RequestKey {
        session: admin.session,
        method: "CreateServiceAccount",
        request_id: Uuid::from_bytes([1; 16]),
        body_hash: Vec::new().into(),
    };
    let made = case.service.create_service_account(&admin, &key, &new).await;
    let (account, secret) = made.expect("an account");
    (account.service_account_id, secret.expect("a secret").into_text())
}

/// What something takes when nothing else is in the way.
async fn quickest(times: usize, work: impl AsyncFn()) -> Duration {
    let mut quickest = Duration::MAX;
    for _ in 0..times {
        let begin = Instant::now();
        work().await;
        quickest = begin.elapsed().min(quickest);
    }
    quickest
}

#[tokio::test]
async fn whoever_guesses_waits_and_nobody_else_does() {
    on_both(async |case| {
        case.register(EMAIL).await;
        // An account that does not exist is no exception.
        for email in [EMAIL, "nobody@example.com"] {
            let hashed = quickest(10, async || guess(case, email, 1, 1).await).await;
            let refused = quickest(10, async || {
                let Err(Error::Rejected(refusal)) = case.login(email, PASSWORD, 1).await else {
                    panic!("{email} is let in")
                };
                assert_eq!(refusal.reason, Reason::LoginThrottled);
                assert!(refusal.retry_after.is_some_and(|wait| wait <= QUARTER));
            });
            // No password is hashed, which is what takes time.
            let refused = refused.await;
            assert!(refused * 2 < hashed, "{refused:?} {hashed:?}");
        }
        case.login(EMAIL, PASSWORD, 2).await.expect("another address is let in");
        case.clock.advance(QUARTER);
        case.login(EMAIL, PASSWORD, 1).await.expect("the time is over");
        // What failed before a success no longer counts.
        for _ in 0..2 {
            guess(case, EMAIL, 6, 1).await;
            case.login(EMAIL, PASSWORD, 1).await.expect("signed in");
        }
        case.clock.advance(QUARTER * 3_000);
        assert!(case.service.sweep().await.expect("swept") > 0);
    })
    .await;
}

#[tokio::test]
async fn guesses_from_many_addresses_lock_the_owner_out_nowhere_known() {
    on_both(async |case| {
        // Secrets of services cost no hashing, so that this is quick.
        let (id, secret) = service(case).await;
        let issue = async |secret: &str, from: u8| {
            case.service.issue_service_token(id, secret, address(from)).await
        };
        issue(&secret, 200).await.expect("a token");
        for from in 1..=20 {
            for _ in 0..5 {
                let outcome = issue("bos_guess", from).await;
                assert_eq!(reason(outcome), Some(Reason::ServiceSecretWrong));
            }
        }
        assert_eq!(reason(issue(&secret, 99).await), Some(Reason::LoginThrottled));
        issue(&secret, 200).await.expect("at home it is let in");
        issue(&secret, 99).await.expect("what failed before a success no longer counts");
    })
    .await;
}

#[tokio::test]
async fn guesses_for_many_accounts_from_one_address_end_and_hold_up_nobody_known_there() {
    on_both(async |case| {
        case.register(EMAIL).await;
        let (shop, secret) = service(case).await;
        case.service.issue_service_token(shop, &secret, address(1)).await.expect("a token");
        let mut refused = 0;
        for count in 0..=200_u8 {
            let account = ServiceAccountId::new(case.clock.now(), [count; 10]);
            let outcome = case.service.issue_service_token(account, "bos_x", address(1)).await;
            match reason(outcome) {
                Some(Reason::ServiceSecretWrong) => refused += 1,
                other => assert_eq!((other, refused), (Some(Reason::LoginThrottled), 200)),
            }
        }
        assert_eq!(refused, 200);
        // People have nothing to do with services, and a service that was here before goes on, as
        // long as it is not the one that is guessed.
        case.login(EMAIL, PASSWORD, 1).await.expect("signed in");
        let issue = async |secret: &str| {
            reason(case.service.issue_service_token(shop, secret, address(1)).await)
        };
        assert_eq!(issue(&secret).await, None);
        for _ in 0..10 {
            assert_eq!(issue("bos_x").await, Some(Reason::ServiceSecretWrong));
        }
        assert_eq!(issue(&secret).await, Some(Reason::LoginThrottled));
    })
    .await;
}

#[tokio::test]
async fn tokens_of_mails_and_current_passwords_are_not_guessed_either() {
    on_both(async |case| {
        let made = case.register(EMAIL).await;
        for count in 0..=10 {
            let reset = case.service.reset_password("bop_x", password(PASSWORD), address(1)).await;
            let expected =
                if count < 10 { Reason::MailTokenInvalid } else { Reason::LoginThrottled };
            assert_eq!(reason(reset), Some(expected));
        }
        let caller = case.caller(&made);
        for count in 0..=10 {
            let new = password("another long one");
            let outcome =
                case.service.change_password(&caller, "wrong".into(), new, address(2)).await;
            let expected =
                if count < 10 { Reason::CredentialsWrong } else { Reason::LoginThrottled };
            assert_eq!(reason(outcome), Some(expected));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_guesses_at_the_same_time_ten_are_weighed_and_a_late_right_one_is_not() {
    on_both(async |case| {
        case.register(EMAIL).await;
        let guesses = (0..24).map(|_| case.login(EMAIL, "not the password", 1));
        let outcomes = futures::future::join_all(guesses).await.into_iter().map(reason);
        let (wrong, late): (Vec<_>, Vec<_>) =
            outcomes.partition(|reason| *reason == Some(Reason::CredentialsWrong));
        assert_eq!((wrong.len(), late.len()), (10, 14));
        assert!(late.iter().all(|reason| *reason == Some(Reason::LoginThrottled)), "{late:?}");
        for password in ["not the password", PASSWORD] {
            let late = case.login(EMAIL, password, 1).await;
            assert_eq!(reason(late), Some(Reason::LoginThrottled));
        }
        // Among others, the right one is told what they are told, or is one of the ten.
        let guesses = (0..24).map(|number| {
            case.login(EMAIL, if number == 20 { PASSWORD } else { "not the password" }, 2)
        });
        let mut outcomes: Vec<_> = futures::future::join_all(guesses).await;
        let right = outcomes.remove(20).map(|_| ());
        let was_late = reason(right.clone()) == Some(Reason::LoginThrottled);
        assert!(was_late || right.is_ok(), "{right:?}");
        let reasons = outcomes.into_iter().map(reason);
        let weighed = reasons.filter(|reason| *reason == Some(Reason::CredentialsWrong)).count();
        // A success forgets what failed before it.
        assert!(weighed <= if was_late { 10 } else { 20 }, "{weighed}");
    })
    .await;
}

#[tokio::test]
async fn what_is_no_wrong_guess_is_not_counted() {
    on_both(async |case| {
        let made = case.register(EMAIL).await;
        for _ in 0..3 {
            guess(case, EMAIL, 9, 1).await;
            case.login(EMAIL, PASSWORD, 1).await.expect("signed in");
        }
        // A guest that cannot be taken over is the fault of no password.
        for _ in 0..12 {
            let guest_refresh_token = Some("nobody's".to_owned());
            let arrival = Arrival { address: address(3), guest_refresh_token };
            let outcome = case.service.login(EMAIL, PASSWORD.into(), &arrival).await;
            assert_eq!(reason(outcome), Some(Reason::InvalidFields));
        }
        // Nor does what is right use up an address.
        for _ in 0..12 {
            case.login(EMAIL, PASSWORD, 3).await.expect("signed in");
        }
        let caller = case.caller(&made);
        for _ in 0..12 {
            let (current, new) = (PASSWORD.to_owned(), password(PASSWORD));
            let changed = case.service.change_password(&caller, current, new, address(3)).await;
            changed.expect("it is changed");
        }
        guess(case, EMAIL, 10, 3).await;
    })
    .await;
}
