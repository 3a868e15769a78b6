//! The gateway's books and ours, compared both ways.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_sdk::operations::v1::ledger_difference::Kind;
use boxoffice_sdk::operations::v1::{ReconcileRequest, ReconcileResponse};
use boxoffice_sdk::payment::v1::{Payment, payment};
use boxoffice_server::kernel::id::{PaymentId, RefundId};
use boxoffice_server::kernel::money::{Currency, Money};
use boxoffice_server::ports::gateway::{Charge, PaymentGateway, Refund, RefundOutcome};
use boxoffice_tests::{Person, Stage, StagePlan, World, scenarios};
use uuid::Uuid;

fn euro(minor: i64) -> Money {
    Money { currency: Currency::parse("EUR").expect("a currency"), minor }
}

async fn book(buyer: &Person, stage: &Stage, seat: usize) -> Booking {
    let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("it is free");
    buyer.book(&hold).await.expect("the hold is good")
}

async fn reconcile(world: &World, only_changes: bool) -> ReconcileResponse {
    let settle = Some(boxoffice_sdk::Duration { seconds: 0, nanos: 0 });
    let request = ReconcileRequest { only_changes, settle };
    world.admin().await.reconcile(request).await.expect("it is compared")
}

fn kinds(compared: &ReconcileResponse) -> Vec<(Kind, String)> {
    compared.differences.iter().map(|d| (d.kind(), d.payment_id.clone())).collect()
}

fn charge(payment: &Payment) -> Charge {
    let payment_id = PaymentId::parse(&payment.payment_id).expect("a payment id");
    Charge { payment_id, amount: euro(2_500), payment_token: "tok_success".into() }
}

scenarios! {
    async fn s_35_what_the_gateway_took_and_never_told_is_found_in_its_books(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        buyer.buy(&stage.event_id, &[stage.seat(1)]).await;
        let booking = book(&buyer, &stage, 0).await;
        let payment = buyer.start_paying(&booking, "tok_unreachable").await.expect("recorded");
        let payment = buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        let equal = reconcile(world, false).await;
        assert_eq!((equal.charge_count, equal.payment_count, equal.difference_count), (1, 1, 0));
        world.sandbox().charge(&charge(&payment)).await;
        let compared = reconcile(world, true).await;
        assert_eq!(kinds(&compared), [(Kind::OutcomeMissed, payment.payment_id.clone())]);
        assert_eq!((compared.settled_count, compared.complete), (1, true));
        assert_eq!(buyer.look_at(&booking).await.state(), booking::State::Confirmed);
        assert_eq!(buyer.look_at_payment(&payment).await.state(), payment::State::Succeeded);
        let again = reconcile(world, false).await;
        assert_eq!((again.charge_count, again.payment_count, again.difference_count), (2, 2, 0));
    }

    async fn s_35_what_cannot_be_settled_is_reported_and_left_alone(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        let paid = buyer.pay(&booking, "tok_success").await.expect("an answer");
        // Money of nobody, money given back by nobody, and another amount than was asked for.
        let nobody = Charge { payment_id: PaymentId::from(Uuid::now_v7()), ..charge(&paid) };
        world.sandbox().charge(&nobody).await;
        let refund_id = RefundId::from(Uuid::now_v7());
        let refund = Refund { refund_id, payment_id: charge(&paid).payment_id, amount: euro(100) };
        assert_eq!(world.sandbox().refund(&refund).await, RefundOutcome::Made);
        let second = book(&buyer, &stage, 1).await;
        let open = buyer.start_paying(&second, "tok_unreachable").await.expect("recorded");
        let open = buyer.wait_for_payment(&open, payment::State::Unknown).await;
        let other = Charge { amount: euro(2_499), ..charge(&open) };
        world.sandbox().charge(&other).await;
        for only_changes in [false, true] {
            let compared = reconcile(world, only_changes).await;
            assert_eq!(kinds(&compared), [
                (Kind::ChargeUnknown, nobody.payment_id.to_string()),
                (Kind::RefundUnknown, paid.payment_id.clone()),
                (Kind::AmountDiffers, open.payment_id.clone()),
            ]);
            assert_eq!((compared.difference_count, compared.settled_count), (3, 0));
            assert!(compared.differences.iter().all(|d| !d.settled && !d.detail.is_empty()));
        }
        assert_eq!(buyer.look_at(&second).await.state(), booking::State::AwaitingPayment);
        let now = buyer.look_at_payment(&paid).await;
        assert_eq!((now.state(), now.refunds), (payment::State::Succeeded, vec![]));
        let entries = world.sandbox().entries().await.expect("the books");
        let nobodys = entries.iter().find(|entry| entry.payment_id == nobody.payment_id);
        assert_eq!(nobodys.expect("it is there").refunded_minor, 0);
    }

    async fn s_27_money_that_only_we_speak_of_is_found(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        let paid = buyer.pay(&booking, "tok_success").await.expect("an answer");
        let moved = "update payment_payment set payment_id = booking_id where state = 'SUCCEEDED'";
        assert_eq!(world.database.by_hand(moved).await, 1);
        let compared = reconcile(world, false).await;
        let ours = paid.booking_id.replace("bkg_", "pay_");
        assert_eq!(kinds(&compared), [
            (Kind::ChargeUnknown, paid.payment_id.clone()),
            (Kind::CaptureUnfounded, ours),
        ]);
        let (_, digits) = paid.payment_id.split_once('_').expect("an id");
        let digits = Uuid::parse_str(digits).expect("digits");
        let literal = match world.database.backend {
            boxoffice_tests::Backend::Sqlite => format!("x'{}'", digits.simple()),
            boxoffice_tests::Backend::Postgres => format!("'{digits}'"),
        };
        let back = format!("update payment_payment set payment_id = {literal}");
        assert_eq!(world.database.by_hand(&back).await, 1);
        assert_eq!(reconcile(world, false).await.difference_count, 0);
    }

    async fn s_35_a_charge_that_changed_just_now_is_no_missing_one(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        let paid = buyer.pay(&booking, "tok_success").await.expect("an answer");
        world.clock.advance(Duration::from_secs(61));
        let refund_id = RefundId::from(Uuid::now_v7());
        let refund = Refund { refund_id, payment_id: charge(&paid).payment_id, amount: euro(100) };
        world.sandbox().refund(&refund).await;
        let request = ReconcileRequest { only_changes: false, settle: None };
        let admin = world.admin().await;
        let young = admin.reconcile(request).await.expect("it is compared");
        assert_eq!((young.charge_count, young.payment_count), (0, 1));
        assert_eq!(kinds(&young), []);
        world.clock.advance(Duration::from_secs(61));
        let old = admin.reconcile(request).await.expect("it is compared");
        assert_eq!(kinds(&old), [(Kind::RefundUnknown, paid.payment_id)]);
    }

    async fn s_35_books_that_were_replaced_are_read_from_their_beginning(world: &World) {
        assert_eq!(reconcile(world, false).await.charge_count, 0);
        let nobody = Charge {
            payment_id: PaymentId::from(Uuid::now_v7()),
            amount: euro(2_500),
            payment_token: "tok_success".into(),
        };
        world.sandbox().charge(&nobody).await;
        // As far as the books before these had come.
        let far = "update payment_comparison set position = 1000";
        assert_eq!(world.database.by_hand(far).await, 1);
        for only_changes in [true, false] {
            let compared = reconcile(world, only_changes).await;
            assert_eq!(kinds(&compared), [(Kind::ChargeUnknown, nobody.payment_id.to_string())]);
        }
        let position = "select position from payment_comparison";
        assert_eq!(world.database.count_by_hand(position).await, 2);
    }

    async fn what_is_under_way_is_left_to_the_usual_ways(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        let payment = buyer.start_paying(&booking, "tok_unreachable").await.expect("recorded");
        let payment = buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        world.sandbox().charge(&charge(&payment)).await;
        let request = ReconcileRequest { only_changes: false, settle: None };
        let admin = world.admin().await;
        let young = admin.reconcile(request).await.expect("it is compared");
        assert_eq!((young.charge_count, young.complete), (0, true));
        assert_eq!(buyer.look_at_payment(&payment).await.state(), payment::State::Unknown);
        world.clock.advance(Duration::from_secs(61));
        let old = admin.reconcile(request).await.expect("it is compared");
        assert_eq!(kinds(&old), [(Kind::OutcomeMissed, payment.payment_id.clone())]);
        buyer.wait_for(&booking, booking::State::Confirmed).await;
    }
}
