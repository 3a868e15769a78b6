use std::time::{Duration, Instant};

use super::both::{Case, address, on_both, reason};
use crate::error::Reason;
use crate::identity::events::reading::reset_requested;
use crate::identity::tests::fixture::{PASSWORD, password};
use crate::kernel::id::{ResetId, UserId};
use crate::ports::clock::Clock;

const EMAIL: &str = "ada@example.com";
const OTHER: &str = "another long one";
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Asks for a new password; the id of the request, if there is a new one.
async fn request(case: &Case, email: &str) -> Option<ResetId> {
    let before = resets(case).await.len();
    case.service.request_password_reset(email).await.expect("the same answer");
    resets(case).await.into_iter().nth(before)
}

async fn resets(case: &Case) -> Vec<ResetId> {
    let events = case.events().await;
    let asked = events.iter().filter(|event| event.kind == "PasswordResetRequested");
    asked.map(reset_requested).collect()
}

async fn token(case: &Case, reset_id: ResetId) -> String {
    let token = case.service.reset_token(reset_id).await.expect("read").expect("an open request");
    assert_eq!((token.email.as_str(), token.display_name.as_str()), (EMAIL, "Ada"));
    token.token
}

#[tokio::test]
async fn an_address_is_verified_by_the_token_of_its_mail() {
    on_both(async |case| {
        let user = case.register(EMAIL).await.user;
        let mail = case.service.verification_token(user.user_id).await.expect("read");
        let mail = mail.expect("something to verify");
        assert_eq!((mail.email.as_str(), mail.display_name.as_str()), (EMAIL, "Ada"));
        for wrong in ["", "bov_x", &mail.token[..40], &format!("{}A", mail.token)] {
            let refused = case.service.verify_email(wrong).await;
            assert_eq!(reason(refused), Some(Reason::MailTokenInvalid), "{wrong}");
        }
        for _ in 0..2 {
            case.service.verify_email(&mail.token).await.expect("verified");
            let verified = case.user(&user).await;
            assert!(verified.email_verify_time.is_some() && verified.version == 2);
        }
        let told = [("UserRegistered".to_owned(), 1), ("EmailVerified".to_owned(), 2)];
        assert_eq!(case.kinds().await, told);
        let nothing = case.service.verification_token(user.user_id).await.expect("read");
        assert!(nothing.is_none());
        let nobody = UserId::new(case.clock.now(), [9; 10]);
        assert!(case.service.verification_token(nobody).await.expect("read").is_none());
    })
    .await;
}

#[tokio::test]
async fn a_changed_password_ends_every_other_sign_in() {
    on_both(async |case| {
        let made = case.register(EMAIL).await;
        let elsewhere = case.login(EMAIL, PASSWORD, 1).await.expect("signed in");
        let caller = case.caller(&made);
        let change = async |current: &str, new: &str| {
            case.service.change_password(&caller, current.into(), password(new), address(1)).await
        };
        assert_eq!(reason(change(OTHER, OTHER).await), Some(Reason::CredentialsWrong));
        let next = change(PASSWORD, OTHER).await.expect("changed");
        for token in [&made.tokens.refresh_token, &elsewhere.tokens.refresh_token] {
            let over = case.service.refresh(token).await;
            assert_eq!(reason(over), Some(Reason::RefreshTokenInvalid));
        }
        case.service.refresh(&next.refresh_token).await.expect("the new sign-in goes on");
        assert_eq!(reason(case.login(EMAIL, PASSWORD, 1).await), Some(Reason::CredentialsWrong));
        case.login(EMAIL, OTHER, 1).await.expect("signed in");
        assert_eq!(case.kinds().await[1..], [("PasswordChanged".to_owned(), 2)]);
    })
    .await;
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_once() {
    on_both(async |case| {
        let made = case.register(EMAIL).await;
        let (first, second) = (request(case, EMAIL).await, request(case, "ADA@example.com").await);
        let (first, second) = (first.expect("a request"), second.expect("a request"));
        let (one, two) = (token(case, first).await, token(case, second).await);
        let reset = async |token: &str| {
            case.service.reset_password(token, password(OTHER), address(2)).await
        };
        assert_eq!(reason(reset(&one[..50]).await), Some(Reason::MailTokenInvalid));
        // Of those who come at the same time, one sets it.
        let (left, right) = futures::join!(reset(&one), reset(&one));
        assert!(left.is_ok() != right.is_ok());
        let lost = if left.is_ok() { right } else { left };
        assert_eq!(reason(lost), Some(Reason::MailTokenInvalid));
        // Neither that token nor the other request's is good for anything now.
        for token in [&one, &two] {
            assert_eq!(reason(reset(token).await), Some(Reason::MailTokenInvalid));
        }
        for reset_id in [first, second] {
            assert!(case.service.reset_token(reset_id).await.expect("read").is_none());
        }
        let over = case.service.refresh(&made.tokens.refresh_token).await;
        assert_eq!(reason(over), Some(Reason::RefreshTokenInvalid));
        case.login(EMAIL, OTHER, 1).await.expect("signed in");
        assert_eq!(case.user(&made.user).await.version, 4);
    })
    .await;
}

#[tokio::test]
async fn requests_end_after_an_hour_and_are_few() {
    on_both(async |case| {
        case.register(EMAIL).await;
        assert!(request(case, "nobody@example.com").await.is_none());
        let mut made = Vec::new();
        for _ in 0..5 {
            made.extend(request(case, EMAIL).await);
        }
        assert_eq!(made.len(), 3);
        let late = token(case, made[2]).await;
        case.clock.advance(HOUR);
        let refused = case.service.reset_password(&late, password(OTHER), address(1)).await;
        assert_eq!(reason(refused), Some(Reason::MailTokenInvalid));
        assert!(case.service.reset_token(made[2]).await.expect("read").is_none());
        assert!(request(case, EMAIL).await.is_some());
        // What is over is forgotten, a day later.
        case.clock.advance(48 * HOUR);
        assert!(case.service.sweep().await.expect("swept") >= 4);
        assert_eq!(case.service.sweep().await.expect("swept"), 0);
    })
    .await;
}

#[tokio::test]
async fn a_request_takes_a_similar_time_whether_or_not_there_is_an_account() {
    on_both(async |case| {
        case.register(EMAIL).await;
        let mut fastest = [Duration::MAX; 2];
        for _ in 0..20 {
            for (slot, email) in fastest.iter_mut().zip([EMAIL, "unknown@example.com"]) {
                let begin = Instant::now();
                case.service.request_password_reset(email).await.expect("the same answer");
                *slot = begin.elapsed().min(*slot);
            }
            case.clock.advance(HOUR);
        }
        let [known, unknown] = fastest;
        // Without a write in either case it would be a tiny part.
        assert!(unknown > known / 5, "{known:?} {unknown:?}");
    })
    .await;
}
