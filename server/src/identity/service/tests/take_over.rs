use std::time::Duration;

use super::both::{Case, faults, on_both, reason};
use crate::error::{Reason, Result};
use crate::identity::events::reading::guest_taken_over;
use crate::identity::service::{Arrival, SignedIn};
use crate::identity::tests::fixture::{PASSWORD, password};
use crate::kernel::caller::SessionId;

const EMAIL: &str = "ada@example.com";
const MINUTE: Duration = Duration::from_secs(60);

fn bringing(guest_refresh_token: &str) -> Arrival {
    Arrival { address: None, guest_refresh_token: Some(guest_refresh_token.to_owned()) }
}

async fn register(case: &Case, email: &str, guest: &str) -> Result<SignedIn> {
    let arrival = bringing(guest);
    case.service.register(email.into(), password(PASSWORD), "Ada".into(), &arrival).await
}

async fn login(case: &Case, email: &str, guest: &str) -> Result<SignedIn> {
    case.service.login(email, PASSWORD.into(), &bringing(guest)).await
}

#[tokio::test]
async fn a_guest_becomes_the_user_who_registers_or_signs_in() {
    on_both(async |case| {
        let (one, one_token) = case.guest().await;
        let made = register(case, EMAIL, &one_token).await.expect("an account");
        assert_eq!(made.user.version, 2);
        assert_eq!(reason(case.service.refresh(&one_token).await), {
            Some(Reason::RefreshTokenInvalid)
        });
        let (two, two_token) = case.guest().await;
        let again = login(case, EMAIL, &two_token).await.expect("signed in");
        assert_eq!(again.user.version, 3);
        let told: Vec<_> = case.events().await.into_iter().skip(1).collect();
        for (event, guest) in told.iter().zip([one, two]) {
            let (user_id, guest_id) = guest_taken_over(event);
            assert_eq!((user_id, SessionId::Guest(guest_id)), (made.user.user_id, guest));
            assert_eq!(event.aggregate_id, made.user.user_id.uuid());
        }
        // Who repeats the call because the answer was lost is signed in; nothing is told anew.
        let repeated = login(case, EMAIL, &two_token).await.expect("signed in");
        assert_eq!(repeated.user.version, 3);
    })
    .await;
}

#[tokio::test]
async fn a_guest_that_cannot_be_taken_over_leaves_everything_as_it_was() {
    on_both(async |case| {
        let ada = case.register(EMAIL).await;
        let eve = case.register("eve@example.com").await;
        let (_, taken) = case.guest().await;
        login(case, EMAIL, &taken).await.expect("signed in");
        let (_, used) = case.guest().await;
        case.service.refresh(&used).await.expect("the next");
        let (_, over) = case.guest().await;
        case.service.logout(&over).await.expect("over");
        let bad = [
            taken.as_str(),
            &used,
            &over,
            &ada.tokens.refresh_token,
            &eve.tokens.refresh_token,
            "nonsense",
            &taken[..20],
        ];
        let before = case.kinds().await;
        for token in bad {
            let refused = login(case, "eve@example.com", token).await;
            assert_eq!(faults(refused), ["guest_refresh_token"], "{token}");
            let refused = register(case, "new@example.com", token).await;
            assert_eq!(faults(refused), ["guest_refresh_token"], "{token}");
        }
        // The address is still free, and nothing was told.
        assert_eq!(case.user(&eve.user).await.version, 1);
        case.register("new@example.com").await;
        case.clock.advance(MINUTE);
        assert_eq!(before.len() + 1, case.kinds().await.len());
        let (_, idle) = case.guest().await;
        case.clock.advance(MINUTE * 60 * 24);
        assert_eq!(faults(login(case, EMAIL, &idle).await), ["guest_refresh_token"]);
    })
    .await;
}

#[tokio::test]
async fn a_guest_is_one_users_however_many_want_it() {
    on_both(async |case| {
        let (_, token) = case.guest().await;
        let emails: Vec<String> = (0..6).map(|n| format!("user{n}@example.com")).collect();
        for email in &emails {
            case.register(email).await;
        }
        let tries = emails.iter().map(|email| login(case, email, &token));
        let outcomes = futures::future::join_all(tries).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let lost = outcomes.into_iter().filter(Result::is_err);
        assert!(lost.into_iter().all(|outcome| faults(outcome) == ["guest_refresh_token"]));
    })
    .await;
}

#[tokio::test]
async fn it_is_told_once_more_when_the_last_access_token_has_expired() {
    on_both(async |case| {
        let (_, token) = case.guest().await;
        let made = register(case, EMAIL, &token).await.expect("an account");
        let told = [("UserRegistered", 1), ("GuestTakenOver", 2), ("GuestTakenOver", 3)];
        let told = told.map(|(kind, version)| (kind.to_owned(), version));
        case.clock.advance(MINUTE * 15);
        assert_eq!(case.service.sweep().await.expect("swept"), 0);
        assert_eq!(case.user(&made.user).await.version, 2);
        case.clock.advance(MINUTE);
        // Replicas that come at the same time tell it once.
        let sweeps = (0..4).map(|_| case.service.sweep());
        let swept = futures::future::join_all(sweeps).await;
        let swept: u64 = swept.into_iter().map(|count| count.expect("swept")).sum();
        assert_eq!(swept, 1);
        case.clock.advance(MINUTE * 60);
        assert_eq!(case.service.sweep().await.expect("swept"), 0);
        assert_eq!(case.kinds().await, told);
    })
    .await;
}
