//! Refunds whose way is not the usual one: the gateway refuses them, tells of them by itself, or
//! the server dies before it has an answer.

use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::operations::v1::ReconcileRequest;
use boxoffice_sdk::operations::v1::ledger_difference::Kind;
use boxoffice_sdk::payment::v1::{Payment, RefundPaymentRequest, payment, refund};
use boxoffice_server::kernel::id::{PaymentId, RefundId};
use boxoffice_server::kernel::money::{Currency, Money};
use boxoffice_server::ports::gateway::{PaymentGateway, Refund, RefundOutcome};
use boxoffice_tests::{
    Door, Person, Process, Stage, StagePlan, World, kills, look_until, notice, request_id,
    scenarios,
};
use serde_json::json;
use uuid::Uuid;

/// After this long a refund that the gateway has not made is told of.
const OVERDUE: Duration = Duration::from_secs(15 * 60 + 5);

/// A seat at 25.00 that is paid.
async fn sold(door: &Door, token: &str) -> (Person, Person, Payment) {
    let organizer = door.organizer().await;
    let stage = Stage::publish(&organizer, &StagePlan::default()).await;
    let buyer = door.guest().await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let payment = buyer.pay(&booking, token).await.expect("an answer");
    assert_eq!(payment.state(), payment::State::Succeeded);
    (organizer, buyer, payment)
}

async fn give_back(organizer: &Person, payment: &Payment) -> Payment {
    let request = RefundPaymentRequest {
        request_id: request_id(),
        payment_id: payment.payment_id.clone(),
        ..Default::default()
    };
    let answer = organizer.refund_payment(request).await.expect("it is paid");
    answer.payment.expect("a payment")
}

/// A refund that the gateway refuses: it has given the money back already, and not to us.
async fn refused(world: &World) -> (Person, Payment) {
    let (organizer, buyer, payment) = sold(world, "tok_success").await;
    let strange = Refund {
        refund_id: RefundId::from(Uuid::now_v7()),
        payment_id: PaymentId::parse(&payment.payment_id).expect("a payment id"),
        amount: Money { currency: Currency::parse("EUR").expect("a currency"), minor: 2_500 },
    };
    assert_eq!(world.sandbox().refund(&strange).await, RefundOutcome::Made);
    let payment = give_back(&organizer, &payment).await;
    let asked = "select coalesce(max(ask_count), 0) from payment_refund";
    world.database.wait_by_hand(asked, |count| count >= 2).await;
    assert_eq!(state(&buyer, &payment).await, refund::State::Pending);
    (buyer, payment)
}

async fn state(buyer: &Person, payment: &Payment) -> refund::State {
    buyer.look_at_payment(payment).await.refunds[0].state()
}

/// What the gateway tells of the refund: so much was given back.
async fn tell(world: &World, id: &str, payment: &Payment, minor: i64) {
    let mut body = notice(id, payment, "succeeded");
    body["kind"] = json!("charge.refunded");
    let refund_id = &payment.refunds[0].refund_id;
    body["charge"]["refunds"] = json!([{ "id": refund_id, "amount_minor": minor }]);
    assert_eq!(world.post_signed(&body).await, 200);
}

async fn reconcile(world: &World, only_changes: bool) -> Vec<(Kind, bool)> {
    let settle = Some(boxoffice_sdk::Duration { seconds: 0, nanos: 0 });
    let request = ReconcileRequest { only_changes, settle };
    let compared = world.admin().await.reconcile(request).await.expect("it is compared");
    compared.differences.iter().map(|d| (d.kind(), d.settled)).collect()
}

scenarios! {
    async fn s_34_a_refund_that_the_gateway_refuses_is_not_forgotten(world: &World) {
        let (_, payment) = refused(world).await;
        let overdue = async || {
            let results = world.verify().await;
            let overdue = results.iter().find(|result| result.name == "no_refund_overdue");
            overdue.expect("it is verified").violation_count
        };
        assert_eq!(overdue().await, 0);
        assert_eq!(reconcile(world, false).await, [(Kind::RefundUnknown, false)]);
        world.clock.advance(OVERDUE);
        assert_eq!(overdue().await, 1);
        let both = [(Kind::RefundOverdue, false), (Kind::RefundUnknown, false)];
        assert_eq!(reconcile(world, false).await, both);
        tell(world, "whe_1", &payment, 2_500).await;
        assert_eq!(overdue().await, 0);
    }

    async fn s_34_a_refund_is_settled_by_a_webhook_alone(world: &World) {
        let (buyer, payment) = refused(world).await;
        tell(world, "whe_1", &payment, 2_499).await;
        assert_eq!(state(&buyer, &payment).await, refund::State::Pending, "another amount");
        for _ in 0..2 {
            tell(world, "whe_2", &payment, 2_500).await;
            assert_eq!(state(&buyer, &payment).await, refund::State::Succeeded);
        }
        let told = "select count(*) from store_event_log where kind = 'RefundSucceeded'";
        world.assert_sound().await;
        assert_eq!(world.database.count_by_hand(told).await, 1);
    }

    async fn s_34_a_refund_that_only_one_of_the_books_has_is_found(world: &World) {
        let (organizer, buyer, payment) = sold(world, "tok_success").await;
        let payment = give_back(&organizer, &payment).await;
        let made = "select count(*) from payment_refund where state = 'SUCCEEDED'";
        world.database.wait_by_hand(made, |count| count == 1).await;
        assert_eq!(reconcile(world, false).await, []);
        // We forget that it was made, and ask nobody for a while.
        let forget = "update payment_refund set state = 'PENDING',
            next_ask_time = update_time + 600000000";
        assert_eq!(world.database.by_hand(forget).await, 1);
        assert_eq!(reconcile(world, true).await, [(Kind::RefundMissed, true)]);
        assert_eq!(state(&buyer, &payment).await, refund::State::Succeeded);
        // We speak of another one than the gateway has.
        let other = "update payment_refund set refund_id = payment_id";
        assert_eq!(world.database.by_hand(other).await, 1);
        let both = [(Kind::RefundUnfounded, false), (Kind::RefundUnknown, false)];
        assert_eq!(reconcile(world, false).await, both);
        let again = organizer.refund_payment(RefundPaymentRequest {
            request_id: request_id(),
            payment_id: payment.payment_id.clone(),
            ..Default::default()
        });
        let refusal = again.await.expect_err("it was given back");
        assert_eq!(refusal.reason(), ErrorReason::PaymentNotRefundable);
    }
}

/// The money is back, and was given back once.
async fn assert_given_back_once(process: &Process, buyer: &Person, payment: &Payment) {
    let buyer = process.again(buyer).await;
    look_until(async || state(&buyer, payment).await, |now| *now == refund::State::Succeeded).await;
    let ledger = process.ledger().await;
    assert_eq!((ledger.len(), ledger[0].refunded_minor), (1, 2_500));
    assert_eq!(buyer.look_at_payment(payment).await.refunds.len(), 1);
}

kills! {
    async fn s_34_a_refund_that_was_recorded_is_made_after_a_kill(process: &mut Process) {
        let (organizer, buyer, payment) = sold(process, "tok_success").await;
        let payment = give_back(&organizer, &payment).await;
        process.kill();
        process.start_again().await;
        assert_given_back_once(process, &buyer, &payment).await;
    }

    async fn s_34_a_kill_after_the_gateway_gave_money_back_gives_nothing_more(
        process: &mut Process
    ) {
        // The first answer is lost.
        let (organizer, buyer, payment) = sold(process, "tok_timeout_after_refund").await;
        let payment = give_back(&organizer, &payment).await;
        look_until(async || process.ledger().await, |ledger| ledger[0].refunded_minor > 0).await;
        process.kill();
        let pending = "select count(*) from payment_refund where state = 'PENDING'";
        assert_eq!(process.database.count_by_hand(pending).await, 1);
        process.start_again().await;
        assert_given_back_once(process, &buyer, &payment).await;
    }
}
