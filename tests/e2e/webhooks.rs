//! What the gateway tells by itself, and what only looks like it.

use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, SeatState, booking};
use boxoffice_sdk::payment::v1::{Payment, payment};
use boxoffice_server::adapters::sandbox::{LedgerState, WebhookPlan, WebhookSecret};
use boxoffice_server::config::Config;
use boxoffice_server::kernel::time::Timestamp;
use boxoffice_server::ports::clock::Clock;
use boxoffice_tests::{Person, Stage, StagePlan, World, notice, scenarios};
use serde_json::json;

fn now(world: &World) -> Timestamp {
    world.clock.now()
}

/// A booking with a payment whose outcome the server cannot learn by asking.
async fn unreachable(world: &World, stage: &Stage, seat: usize) -> (Person, Booking, Payment) {
    let buyer = world.guest().await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let payment = buyer.start_paying(&booking, "tok_unreachable").await.expect("recorded");
    let payment = buyer.wait_for_payment(&payment, payment::State::Unknown).await;
    (buyer, booking, payment)
}

const SEEN: &str = "select count(*) from payment_webhook_event";

scenarios! {
    async fn s_36_what_is_forged_wrong_or_stale_changes_nothing(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, booking, payment) = unreachable(world, &stage, 0).await;
        let before = (buyer.look_at(&booking).await, payment.clone());
        let good = notice("whe_1", &payment, "succeeded").to_string();
        let signed = world.webhook_secret().sign(good.as_bytes(), now(world));
        let other = WebhookSecret::new("whsec_another_secret").sign(good.as_bytes(), now(world));
        let old = Timestamp::from_micros(now(world).micros() - 301_000_000);
        let old = world.webhook_secret().sign(good.as_bytes(), old);
        let early = Timestamp::from_micros(now(world).micros() + 310_000_000);
        let early = world.webhook_secret().sign(good.as_bytes(), early);
        let changed = good.replace("2500", "1");
        let (path, elsewhere) = ("/webhooks/sandbox", "/webhooks/stripe");
        for (what, path, signature, body, status) in [
            ("no signature", path, "", good.as_str(), 401),
            ("another secret", path, &other, &good, 401),
            ("a changed body", path, &signed, &changed, 401),
            ("a body with a space more", path, &signed, &format!("{good} "), 401),
            ("signed long ago", path, &old, &good, 401),
            ("signed in the future", path, &early, &good, 401),
            ("another gateway", elsewhere, &signed, &good, 404),
        ] {
            assert_eq!(world.post_webhook(path, signature, body).await, status, "{what}");
        }
        let mut other_amount = notice("whe_2", &payment, "succeeded");
        other_amount["charge"]["amount_minor"] = json!(2_499);
        let mut other_currency = notice("whe_3", &payment, "succeeded");
        other_currency["charge"]["currency"] = json!("USD");
        let mut no_payment = notice("whe_4", &payment, "succeeded");
        no_payment["charge"]["id"] = json!("pay_00000000000000000000000000000001");
        let mut no_id = notice("whe_5", &payment, "succeeded");
        no_id["charge"]["id"] = json!("4242424242424242");
        let huge = json!({ "id": "x".repeat(70_000) });
        for (what, body, status) in [
            ("another amount", other_amount, 409),
            ("another currency", other_currency, 409),
            ("no payment of ours", no_payment, 404),
            ("no payment at all", no_id, 404),
            ("nonsense", json!({ "id": "whe_6" }), 400),
            ("too much", huge, 413),
        ] {
            assert_eq!(world.post_signed(&body).await, status, "{what}");
        }
        assert_eq!(world.database.count_by_hand(SEEN).await, 0);
        let now = buyer.look_at_payment(&payment).await;
        assert_eq!(now.state(), payment::State::Unknown);
        assert_eq!((buyer.look_at(&booking).await, now.clone()), before);
        // What all of them were forged after is good.
        assert_eq!(world.post_webhook(path, &signed, &good).await, 200);
        buyer.wait_for(&booking, booking::State::Confirmed).await;
        settle_ledger(world, &now).await;
    }

    async fn s_36_a_replay_has_no_second_effect(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, booking, payment) = unreachable(world, &stage, 0).await;
        let body = notice("whe_1", &payment, "succeeded");
        let posts = (0..10).map(|_| world.post_signed(&body));
        assert_eq!(futures::future::join_all(posts).await, [200; 10]);
        buyer.wait_for(&booking, booking::State::Confirmed).await;
        let paid = buyer.look_at_payment(&payment).await;
        assert_eq!(world.post_signed(&body).await, 200);
        assert_eq!(buyer.look_at_payment(&payment).await, paid);
        assert_eq!(world.database.count_by_hand(SEEN).await, 1);
        assert_eq!(buyer.tickets_of(&booking).await.len(), 1);
        buyer.wait_for_timeline(&booking, &[
            "BookingCreated", "PaymentCreated", "BookingPaymentStarted", "PaymentUnknown",
            "PaymentSucceeded", "BookingConfirmed", "TicketIssued",
        ]).await;
        settle_ledger(world, &payment).await;
    }

    async fn s_29_failures_that_are_told_last_undo_nothing(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        let failed = buyer.pay(&booking, "tok_declined").await.expect("an answer");
        let paid = buyer.pay(&booking, "tok_success").await.expect("an answer");
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        let states = ["failed", "canceled", "processing", "requires_action"];
        for (number, payment) in [&failed, &paid].into_iter().enumerate() {
            for state in states {
                let body = notice(&format!("whe_{number}_{state}"), payment, state);
                assert_eq!(world.post_signed(&body).await, 200);
            }
        }
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        assert_eq!(buyer.look_at_payment(&paid).await, paid);
        assert_eq!(buyer.look_at_payment(&failed).await, failed);
        assert_eq!(buyer.tickets_of(&booking).await.len(), 1);
        assert_eq!(stage.states(&buyer).await[stage.seat(0)], SeatState::Sold);
    }
}

/// The gateway has what it told: without that, its books and ours would differ.
async fn settle_ledger(world: &World, payment: &Payment) {
    use boxoffice_server::kernel::id::PaymentId;
    use boxoffice_server::kernel::money::{Currency, Money};
    use boxoffice_server::ports::gateway::{Charge, PaymentGateway};
    let charge = Charge {
        payment_id: PaymentId::parse(&payment.payment_id).expect("a payment id"),
        amount: Money { currency: Currency::parse("EUR").expect("a currency"), minor: 2_500 },
        payment_token: "tok_success".into(),
    };
    world.sandbox().charge(&charge).await;
    let entry = world.ledger_of(payment).await.expect("it was charged");
    assert_eq!((entry.state, entry.refunded_minor), (LedgerState::Captured, 0));
}

/// Pays and goes away; only the webhook tells what became of it.
async fn closes_the_tab(world: &World, token: &str) {
    let stage = world.stage(StagePlan::default()).await;
    let buyer = world.guest().await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let payment = buyer.start_paying(&booking, token).await.expect("it is recorded");
    let booking = buyer.wait_for(&booking, booking::State::Confirmed).await;
    let paid = buyer.look_at_payment(&payment).await;
    assert_eq!(paid.state(), payment::State::Succeeded);
    let taken = "select count(*) from payment_webhook_event where kind = 'charge.succeeded'";
    world.database.wait_by_hand(taken, |count| count == 1).await;
    let entry = world.ledger_of(&payment).await.expect("it was charged");
    assert_eq!((entry.state, entry.amount_minor), (LedgerState::Captured, 2_500));
    assert_eq!(buyer.tickets_of(&booking).await.len(), 1);
    let refused = buyer.pay(&booking, "tok_success").await.expect_err("it is paid");
    assert_eq!(refused.reason(), ErrorReason::BookingState);
}

fn posting(config: &mut Config) {
    config.sandbox_webhooks = Some(WebhookPlan::default());
}

mod told {
    use super::*;

    scenarios! {
        with posting;

        async fn s_37_a_webhook_confirms_what_nobody_waits_for(world: &World) {
            closes_the_tab(world, "tok_webhook").await;
        }

        async fn s_37_a_webhook_that_comes_late_confirms_too(world: &World) {
            closes_the_tab(world, "tok_webhook_late").await;
        }

        async fn s_37_a_webhook_that_comes_twice_confirms_once(world: &World) {
            closes_the_tab(world, "tok_webhook_doubled").await;
        }

        async fn s_37_webhooks_that_overtake_each_other_confirm_all_the_same(world: &World) {
            closes_the_tab(world, "tok_webhook_reordered").await;
            // The one that was overtaken comes a while later, and says nothing new.
            world.clock.advance(Duration::from_secs(5));
            let both = "select count(*) from payment_webhook_event";
            world.database.wait_by_hand(both, |count| count == 2).await;
        }

        async fn s_35_a_webhook_settles_a_lost_answer(world: &World) {
            let stage = world.stage(StagePlan::default()).await;
            let buyer = world.guest().await;
            let mut asked = Vec::new();
            // On a machine that is busy the gateway may be asked again before it tells.
            while asked.len() < 5 && !asked.contains(&1) {
                let seat = stage.seat(asked.len());
                let hold = buyer.hold(&stage.event_id, &[seat]).await.expect("it is free");
                let booking = buyer.book(&hold).await.expect("the hold is good");
                let paid = buyer.pay(&booking, "tok_timeout_after_charge").await;
                let paid = paid.expect("an answer");
                assert_eq!(paid.state(), payment::State::Succeeded);
                let entry = world.ledger_of(&paid).await.expect("it was charged");
                assert_eq!((entry.state, entry.refunded_minor), (LedgerState::Captured, 0));
                asked.push(entry.ask_count);
            }
            assert!(asked.contains(&1), "it was asked again each time: {asked:?}");
            let told = "select count(*) from payment_webhook_event
                where kind = 'charge.succeeded'";
            let charges = asked.len() as i64;
            world.database.wait_by_hand(told, |count| count == charges).await;
        }
    }
}
