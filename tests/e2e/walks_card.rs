//! A walk with a buyer whose card makes trouble.

use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_sdk::payment::v1::{ConfirmPaymentActionRequest, FailureCode, Payment, payment};
use boxoffice_sdk::ticket::v1::ticket;
use boxoffice_tests::{Person, StagePlan, World, read_ledger, request_id, scenarios};

/// Answers what the bank asks of the buyer.
async fn answer(buyer: &Person, payment: &Payment, answer: &str) -> Payment {
    let request = ConfirmPaymentActionRequest {
        request_id: request_id(),
        payment_id: payment.payment_id.clone(),
        answer: answer.into(),
        wait: Some(boxoffice_sdk::Duration { seconds: 5, nanos: 0 }),
    };
    let answered = buyer.confirm_payment_action(request).await.expect("an answer");
    answered.payment.expect("a payment")
}

async fn failures(buyer: &Person, booking: &Booking) -> (booking::State, i32, String) {
    let now = buyer.look_at(booking).await;
    (now.state(), now.failed_payment_count, now.failure_code)
}

scenarios! {
    async fn s_37b_a_card_that_makes_trouble_three_times_is_charged_once(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.customer().await;
        let seats = [stage.seat(0), stage.seat(1)];
        let hold = buyer.hold(&stage.event_id, &seats).await.expect("the seats are free");
        let booking = buyer.book(&hold).await.expect("the hold is good");

        // The card is declined.
        let declined = buyer.pay(&booking, "tok_declined").await.expect("an answer");
        assert_eq!(declined.state(), payment::State::Failed);
        assert_eq!(declined.failure(), FailureCode::CardDeclined);
        let expected = (booking::State::Pending, 1, "card_declined".to_owned());
        assert_eq!(failures(&buyer, &booking).await, expected);

        // The bank asks whether it is really the buyer, who gets it wrong.
        let asked = buyer.pay(&booking, "tok_requires_action").await.expect("an answer");
        assert_eq!(asked.state(), payment::State::RequiresAction);
        let failed = answer(&buyer, &asked, "decline").await;
        assert_eq!(failed.failure(), FailureCode::AuthenticationFailed);
        let expected = (booking::State::Pending, 2, "authentication_failed".to_owned());
        assert_eq!(failures(&buyer, &booking).await, expected);

        // The money is taken, and the answer is lost on its way.
        let lost = buyer.start_paying(&booking, "tok_timeout_after_charge").await;
        let lost = lost.expect("it is recorded");
        let paid = buyer.wait_for_payment(&lost, payment::State::Succeeded).await;
        assert_eq!(paid.amount, booking.total);
        let confirmed = buyer.wait_for(&booking, booking::State::Confirmed).await;
        assert_eq!((confirmed.failed_payment_count, &*confirmed.failure_code), (2, ""));
        let tickets = buyer.tickets_of(&booking).await;
        assert!(tickets.len() == 2 && tickets.iter().all(|t| t.state() == ticket::State::Valid));

        // Another booking, and this time the bank is given the right answer.
        let hold = buyer.hold(&stage.event_id, &[stage.seat(2)]).await.expect("it is free");
        let second = buyer.book(&hold).await.expect("the hold is good");
        let asked = buyer.pay(&second, "tok_requires_action").await.expect("an answer");
        let accepted = answer(&buyer, &asked, "succeed").await;
        assert_eq!(accepted.state(), payment::State::Succeeded);
        buyer.wait_for(&second, booking::State::Confirmed).await;

        world.assert_sound().await;
        let steps = buyer.timeline_of(&booking).await;
        let count = |kind: &str| steps.iter().filter(|step| step.r#type == kind).count();
        assert_eq!((count("PaymentCreated"), count("PaymentRequiresAction")), (3, 1));
        assert_eq!((count("PaymentFailed"), count("PaymentSucceeded")), (2, 1));
        assert_eq!((count("BookingConfirmed"), count("TicketIssued")), (1, 2));
        // The books of the gateway know of every attempt, and of one charge for each booking.
        let ledger = read_ledger(&world.folder.path().join("sandbox.db")).await;
        let line = |payment: &Payment| {
            let digits = payment.payment_id.strip_prefix("pay_").expect("the prefix of payments");
            let own = |id: uuid::Uuid| id.simple().to_string() == digits;
            let line = ledger.iter().find(|line| own(line.payment_id)).expect("it was asked for");
            (line.state.as_str(), line.amount_minor, line.refunded_minor)
        };
        assert_eq!(ledger.len(), 4);
        assert_eq!([line(&declined).0, line(&failed).0], ["DECLINED", "DECLINED"]);
        assert_eq!(line(&paid), ("CAPTURED", 5_000, 0));
        assert_eq!(line(&accepted), ("CAPTURED", 2_500, 0));
    }
}
