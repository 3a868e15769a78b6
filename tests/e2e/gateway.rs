//! What every adapter of the payment gateway has to do, tried on the sandbox in this process and on
//! the sandbox over HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use boxoffice_server::adapters::sandbox::{
    RemoteSandbox, SandboxConfig, SandboxGateway, SandboxProcess, WebhookSecret,
};
use boxoffice_server::kernel::id::{PaymentId, RefundId};
use boxoffice_server::kernel::money::{Currency, Money};
use boxoffice_server::ports::gateway::{
    Charge, ChargeOutcome, FailureCode, NoticeFault, PaymentGateway, PaymentMethod, Refund,
    RefundOutcome, RefundRecord,
};
use boxoffice_tests::HandClock;
use serde_json::json;
use uuid::Uuid;

/// A call of the sandbox that gets no answer is given up after this long.
const DEADLINE: Duration = Duration::from_secs(1);

fn euro(minor: i64) -> Money {
    Money { currency: Currency::parse("EUR").expect("a currency"), minor }
}

fn charge(token: &str) -> Charge {
    let payment_id = PaymentId::from(Uuid::now_v7());
    Charge { payment_id, amount: euro(2_500), payment_token: token.into() }
}

fn refund(charge: &Charge, minor: i64) -> Refund {
    let refund_id = RefundId::from(Uuid::now_v7());
    Refund { refund_id, payment_id: charge.payment_id, amount: euro(minor) }
}

fn succeeded(outcome: &ChargeOutcome) -> bool {
    match outcome {
        ChargeOutcome::Succeeded { gateway_reference } => !gateway_reference.is_empty(),
        _ => false,
    }
}

/// Runs a test on both adapters.
macro_rules! gateways {
    ($(async fn $name:ident($gateway:ident: &dyn PaymentGateway) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn check($gateway: &dyn PaymentGateway) $body

            #[tokio::test]
            async fn in_process() {
                let folder = tempfile::tempdir().expect("a scratch folder");
                let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
                let (clock, secret) = (Arc::new(HandClock::default()), WebhookSecret::new("s"));
                let gateway = SandboxGateway::open(&url, clock, vec![secret]).await;
                check(&gateway.expect("a sandbox")).await;
            }

            #[tokio::test]
            async fn over_http() {
                let folder = tempfile::tempdir().expect("a scratch folder");
                let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
                let listen = "127.0.0.1:0".to_owned();
                let config = SandboxConfig { listen, ledger: url, webhooks: None };
                let process = SandboxProcess::start(config).await.expect("a sandbox");
                let (url, secret) =
                    (format!("http://{}/", process.address()), WebhookSecret::new("s"));
                let gateway = RemoteSandbox::new(&url, DEADLINE, vec![secret]);
                check(&gateway.expect("a gateway")).await;
                process.stop().await;
            }
        }
    )*};
}

gateways! {
    async fn s_37b_every_token_comes_out_the_same_each_time(gateway: &dyn PaymentGateway) {
        let declined = |failure_code| ChargeOutcome::Failed { failure_code };
        for (token, outcome) in [
            ("tok_declined", declined(FailureCode::CardDeclined)),
            ("tok_insufficient_funds", declined(FailureCode::InsufficientFunds)),
            ("tok_expired_card", declined(FailureCode::ExpiredCard)),
        ] {
            for _ in 0..2 {
                let charge = charge(token);
                assert_eq!(gateway.method_of(token), Some(PaymentMethod::Card));
                assert_eq!(gateway.charge(&charge).await, outcome, "{token}");
                assert_eq!(gateway.charge(&charge).await, outcome, "{token} again");
                assert_eq!(gateway.cancel(&charge).await, outcome, "{token} is over");
                let refusal = gateway.refund(&refund(&charge, 1)).await;
                assert_eq!(refusal, RefundOutcome::Refused, "nothing was taken");
            }
        }
        for token in ["tok_success", "tok_webhook", "tok_timeout_after_refund"] {
            let charge = charge(token);
            let first = gateway.charge(&charge).await;
            assert!(succeeded(&first), "{token}: {first:?}");
            assert_eq!(gateway.charge(&charge).await, first);
            assert_eq!(gateway.cancel(&charge).await, first, "too late");
        }
        assert_eq!(gateway.method_of("tok_of_somebody_else"), None);
        assert_eq!(gateway.name(), "sandbox");
    }

    async fn s_31_a_charge_is_made_once_whatever_answers_are_lost(gateway: &dyn PaymentGateway) {
        for token in ["tok_timeout_before_charge", "tok_timeout_after_charge"] {
            let charge = charge(token);
            assert_eq!(gateway.charge(&charge).await, ChargeOutcome::Unknown, "{token}");
            assert!(succeeded(&gateway.charge(&charge).await), "{token}");
            assert!(succeeded(&gateway.charge(&charge).await), "{token}");
        }
        let books = gateway.changes(0, 100).await.expect("the books");
        assert_eq!(books.len(), 2);
        assert!(books.iter().all(|charge| succeeded(&charge.outcome)));
    }

    async fn s_24_what_is_cancelled_first_is_never_charged(gateway: &dyn PaymentGateway) {
        let charge = charge("tok_success");
        assert_eq!(gateway.cancel(&charge).await, ChargeOutcome::Canceled);
        assert_eq!(gateway.charge(&charge).await, ChargeOutcome::Canceled);
        assert_eq!(gateway.refund(&refund(&charge, 1)).await, RefundOutcome::Refused);
    }

    async fn s_35_a_hang_ends_when_it_is_cancelled(gateway: &dyn PaymentGateway) {
        let charge = charge("tok_hang");
        let begun = Instant::now();
        assert_eq!(gateway.charge(&charge).await, ChargeOutcome::Unknown);
        assert!(begun.elapsed() < DEADLINE * 3, "{:?}", begun.elapsed());
        assert_eq!(gateway.cancel(&charge).await, ChargeOutcome::Canceled);
        assert_eq!(gateway.charge(&charge).await, ChargeOutcome::Canceled);
        assert_eq!(gateway.charge(&super::charge("tok_unreachable")).await, ChargeOutcome::Unknown);
    }

    async fn s_37b_an_action_ends_by_its_answer(gateway: &dyn PaymentGateway) {
        assert_eq!(gateway.answers(), ["succeed", "decline"]);
        let accepted = charge("tok_requires_action");
        let asked = gateway.charge(&accepted).await;
        let ChargeOutcome::RequiresAction { redirect_url } = &asked else { panic!("{asked:?}") };
        assert!(redirect_url.ends_with(&accepted.payment_id.to_string()), "{redirect_url}");
        assert_eq!(gateway.charge(&accepted).await, asked);
        assert!(succeeded(&gateway.confirm(&accepted, "succeed").await));
        assert!(succeeded(&gateway.confirm(&accepted, "decline").await), "it is over");
        let declined = charge("tok_requires_action");
        gateway.charge(&declined).await;
        let failed = ChargeOutcome::Failed { failure_code: FailureCode::AuthenticationFailed };
        assert_eq!(gateway.confirm(&declined, "decline").await, failed);
        assert_eq!(gateway.charge(&declined).await, failed);
        let left = charge("tok_requires_action");
        gateway.charge(&left).await;
        assert_eq!(gateway.cancel(&left).await, ChargeOutcome::Canceled);
        assert_eq!(gateway.confirm(&left, "succeed").await, ChargeOutcome::Canceled);
    }

    async fn refunds_are_made_once_and_never_exceed_the_charge(gateway: &dyn PaymentGateway) {
        let charge = charge("tok_success");
        gateway.charge(&charge).await;
        let first = refund(&charge, 1_000);
        assert_eq!(gateway.refund(&first).await, RefundOutcome::Made);
        assert_eq!(gateway.refund(&first).await, RefundOutcome::Made, "and nothing more");
        let more = refund(&charge, 1_501);
        assert_eq!(gateway.refund(&more).await, RefundOutcome::Refused, "more than is left");
        assert_eq!(gateway.refund(&refund(&charge, 1_500)).await, RefundOutcome::Made);
        assert_eq!(gateway.refund(&refund(&charge, 1)).await, RefundOutcome::Refused);
        let lost = super::charge("tok_timeout_after_refund");
        gateway.charge(&lost).await;
        let refund = refund(&lost, 2_500);
        assert_eq!(gateway.refund(&refund).await, RefundOutcome::Unknown, "the answer is lost");
        assert_eq!(gateway.refund(&refund).await, RefundOutcome::Made);
        let books = gateway.changes(0, 100).await.expect("the books");
        let given: Vec<i64> = books
            .iter()
            .map(|charge| charge.refunds.iter().map(|refund| refund.amount_minor).sum())
            .collect();
        assert_eq!(given, [2_500, 2_500]);
    }

    async fn a_key_of_a_refund_stands_for_no_other_one(gateway: &dyn PaymentGateway) {
        let (charge, other) = (charge("tok_success"), charge("tok_success"));
        gateway.charge(&charge).await;
        gateway.charge(&other).await;
        let made = refund(&charge, 1_000);
        assert_eq!(gateway.refund(&made).await, RefundOutcome::Made);
        let amount = Refund { amount: euro(999), ..made.clone() };
        assert_eq!(gateway.refund(&amount).await, RefundOutcome::Refused, "another amount");
        let payment = Refund { payment_id: other.payment_id, ..made };
        assert_eq!(gateway.refund(&payment).await, RefundOutcome::Refused, "another payment");
        let found = gateway.charges(&[other.payment_id, charge.payment_id]).await.expect("both");
        let given: i64 =
            found.iter().flat_map(|charge| &charge.refunds).map(|refund| refund.amount_minor).sum();
        assert_eq!((found.len(), given), (2, 1_000));
    }

    async fn charges_are_found_by_their_payments(gateway: &dyn PaymentGateway) {
        let (taken, declined) = (charge("tok_webhook"), charge("tok_declined"));
        for charge in [&taken, &declined] {
            gateway.charge(charge).await;
        }
        let nobody = PaymentId::from(Uuid::now_v7());
        let ids = [declined.payment_id, nobody, taken.payment_id];
        let mut found = gateway.charges(&ids).await.expect("the books");
        found.sort_by_key(|charge| charge.position);
        let ids: Vec<_> = found.iter().filter_map(|charge| charge.payment_id).collect();
        assert_eq!(ids, [taken.payment_id, declined.payment_id]);
        assert!(succeeded(&found[0].outcome) && found[0].amount == euro(2_500));
        assert!(gateway.charges(&[]).await.expect("the books").is_empty());
    }

    async fn the_books_list_every_change_in_order(gateway: &dyn PaymentGateway) {
        let charges: Vec<Charge> = (0..5).map(|_| charge("tok_success")).collect();
        for charge in &charges {
            gateway.charge(charge).await;
        }
        let all = gateway.changes(0, 100).await.expect("the books");
        let ids: Vec<_> = all.iter().filter_map(|charge| charge.payment_id).collect();
        assert_eq!(ids, charges.iter().map(|charge| charge.payment_id).collect::<Vec<_>>());
        assert!(all.is_sorted_by(|a, b| a.position < b.position));
        assert!(all.iter().all(|charge| charge.amount == euro(2_500)));
        let page = gateway.changes(all[1].position, 2).await.expect("the books");
        let page: Vec<_> = page.iter().map(|charge| charge.position).collect();
        assert_eq!(page, [all[2].position, all[3].position]);
        // What changes again comes again, at the end.
        gateway.refund(&refund(&charges[0], 1)).await;
        let news = gateway.changes(all[4].position, 100).await.expect("the books");
        assert_eq!(news.iter().map(|c| c.payment_id).collect::<Vec<_>>(), [all[0].payment_id]);
        assert_eq!(news[0].refunds.len(), 1);
    }

    async fn the_same_key_with_another_amount_charges_nothing(gateway: &dyn PaymentGateway) {
        let charge = charge("tok_success");
        gateway.charge(&charge).await;
        let other = Charge { amount: euro(9_900), ..charge.clone() };
        assert_eq!(gateway.charge(&other).await, ChargeOutcome::Unknown);
        let books = gateway.changes(0, 100).await.expect("the books");
        assert_eq!((books.len(), books[0].amount), (1, euro(2_500)));
    }

    async fn s_36_only_what_is_signed_is_read(gateway: &dyn PaymentGateway) {
        let now = boxoffice_server::kernel::time::Timestamp::from_micros(1_800_000_000_000_000);
        let signed = WebhookSecret::new("s").sign(b"{}", now);
        let read = |signature: &str, body: &[u8]| gateway.read_notice(signature, body, now);
        assert_eq!(read(&signed, b"{}").expect_err("no notice"), NoticeFault::Unreadable);
        assert_eq!(read(&signed, b"{ }").expect_err("another body"), NoticeFault::Forged);
        let other = WebhookSecret::new("t").sign(b"{}", now);
        assert_eq!(read(&other, b"{}").expect_err("another secret"), NoticeFault::Forged);
        let (charge, refund_id) = (charge("tok_success"), RefundId::from(Uuid::now_v7()));
        let body = json!({
            "id": "whe_1",
            "kind": "charge.refunded",
            "charge": {
                "id": charge.payment_id.to_string(),
                "reference": "sandbox_1",
                "state": "succeeded",
                "currency": "EUR",
                "amount_minor": 2_500,
                "failure_code": "",
                "redirect_url": "",
                "refunds": [{ "id": refund_id.to_string(), "amount_minor": 100 }],
                "position": 7,
                "change_time": 8,
            },
        });
        let body = body.to_string();
        let signed = WebhookSecret::new("s").sign(body.as_bytes(), now);
        assert_eq!(gateway.signature_header(), "boxoffice-signature");
        let notice = read(&signed, body.as_bytes()).expect("it is good");
        assert_eq!((notice.notice_id.as_str(), notice.kind.as_str()), ("whe_1", "charge.refunded"));
        let told = notice.charge;
        assert_eq!((told.payment_id, told.amount), (Some(charge.payment_id), euro(2_500)));
        let taken = ChargeOutcome::Succeeded { gateway_reference: "sandbox_1".into() };
        assert_eq!((told.outcome, told.position), (taken, 7));
        assert_eq!(told.refunds, [RefundRecord {
            refund_id: Some(refund_id),
            amount_minor: 100,
        }]);
    }
}
