//! Money that arrives after its booking gave up waiting for it.
//!
//! The gateway cannot be reached for as long as the booking waits (`tok_unreachable`), but it has
//! taken the money all the same; then it can be reached again.

use std::time::Duration;

use boxoffice_sdk::Timestamp;
use boxoffice_sdk::booking::v1::{Booking, SeatState, booking};
use boxoffice_sdk::catalog::v1::{
    EventDraft, GetEventRequest, OfferDraft, PublishEventRequest, UnpublishEventRequest,
    UpdateEventRequest,
};
use boxoffice_sdk::payment::v1::{Payment, payment};
use boxoffice_server::adapters::sandbox::{LedgerEntry, LedgerState};
use boxoffice_server::kernel::id::PaymentId;
use boxoffice_server::kernel::money::{Currency, Money};
use boxoffice_server::ports::clock::Clock;
use boxoffice_server::ports::gateway::{Charge, ChargeOutcome, PaymentGateway};
use boxoffice_tests::{Person, Stage, StagePlan, World, request_id, scenarios};

use crate::plans::change;

/// Beyond the time to pay and the time to settle, which begins when a worker has seen the first.
const PAY_BY_PASSED: Duration = Duration::from_secs(10 * 60 + 5);
const SETTLE_BY_PASSED: Duration = Duration::from_secs(5 * 60 + 5);
/// The longest pause between two questions about a payment, and a little.
const ASKED_AGAIN: Duration = Duration::from_secs(65);

/// A buyer, a booking and its payment that nobody could be asked about.
struct Sale {
    stage: Stage,
    buyer: Person,
    booking: Booking,
    payment: Payment,
}

impl Sale {
    /// Books a seat and begins a payment, after that many declined ones.
    async fn begin(world: &World, declines: usize) -> Self {
        Self::begin_on(world, world.stage(StagePlan::default()).await, declines).await
    }

    async fn begin_on(world: &World, stage: Stage, declines: usize) -> Self {
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        for _ in 0..declines {
            buyer.pay(&booking, "tok_declined").await.expect("an answer");
        }
        let payment = buyer.start_paying(&booking, "tok_unreachable").await.expect("recorded");
        buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        Self { stage, buyer, booking, payment }
    }

    /// Lets the time to pay and the time to settle pass.
    async fn run_out_of_time(&self, world: &World, ended: booking::State) {
        world.clock.advance(PAY_BY_PASSED);
        let settling = "select count(*) from booking_booking where settle_by_time is not null";
        world.database.wait_by_hand(settling, |count| count == 1).await;
        world.clock.advance(SETTLE_BY_PASSED);
        self.buyer.wait_for(&self.booking, ended).await;
        let states = self.stage.states(&self.buyer).await;
        assert_eq!(states[self.stage.seat(0)], SeatState::Available);
        let open = self.buyer.look_at_payment(&self.payment).await;
        assert_eq!(open.state(), payment::State::Unknown);
    }

    /// The gateway took the money, and can be reached again.
    async fn money_arrives(&self, world: &World) {
        let charge = Charge {
            payment_id: PaymentId::parse(&self.payment.payment_id).expect("a payment id"),
            amount: Money { currency: Currency::parse("EUR").expect("a currency"), minor: 2_500 },
            payment_token: "tok_success".into(),
        };
        let outcome = world.sandbox().charge(&charge).await;
        assert!(matches!(outcome, ChargeOutcome::Succeeded { .. }), "{outcome:?}");
        let reachable = "update payment_payment set payment_token = 'tok_success'
            where payment_token = 'tok_unreachable'";
        assert_eq!(world.database.by_hand(reachable).await, 1);
        world.clock.advance(ASKED_AGAIN);
        self.buyer.wait_for_payment(&self.payment, payment::State::Succeeded).await;
    }

    async fn entry(&self, world: &World) -> LedgerEntry {
        let entry = world.ledger_of(&self.payment).await.expect("the gateway knows it");
        assert_eq!((entry.state, entry.amount_minor), (LedgerState::Captured, 2_500));
        entry
    }

    async fn assert_bought_after_all(&self, world: &World) {
        self.buyer.wait_for(&self.booking, booking::State::Confirmed).await;
        assert_eq!(self.entry(world).await.refunded_minor, 0);
        assert_eq!(self.buyer.tickets_of(&self.booking).await.len(), 1);
        let states = self.stage.states(&self.buyer).await;
        assert_eq!(states[self.stage.seat(0)], SeatState::Sold);
    }

    async fn assert_given_back(&self, world: &World, state: booking::State) {
        let given_back = "select count(*) from payment_refund where state = 'SUCCEEDED'";
        world.database.wait_by_hand(given_back, |count| count == 1).await;
        world.clock.advance(ASKED_AGAIN);
        world.assert_sound().await;
        assert_eq!(self.entry(world).await.refunded_minor, 2_500);
        let payment = self.buyer.look_at_payment(&self.payment).await;
        assert_eq!(payment.refunded.expect("an amount").minor_units, 2_500);
        assert_eq!(self.buyer.look_at(&self.booking).await.state(), state);
        assert!(self.buyer.tickets_of(&self.booking).await.is_empty());
        assert_eq!(world.database.count_by_hand(given_back).await, 1);
    }
}

/// Takes the event off sale, and puts it on sale again with other prices.
async fn change_prices(organizer: &Person, event_id: &str, price_minor_units: i64) {
    let event_id = event_id.to_owned();
    let request = UnpublishEventRequest { request_id: request_id(), event_id: event_id.clone() };
    let event = organizer.unpublish_event(request).await.expect("nothing is sold").event;
    let event = event.expect("an event");
    let offers = event.offers.iter().map(|offer| OfferDraft {
        section_id: offer.section_id.clone(),
        name: offer.name.clone(),
        price_minor_units,
        ..Default::default()
    });
    let request = UpdateEventRequest {
        request_id: request_id(),
        event_id: event_id.clone(),
        event: Some(EventDraft { offers: offers.collect(), ..Default::default() }),
        update_mask: Some(boxoffice_sdk::FieldMask { paths: vec!["offers".into()] }),
        etag: event.etag,
    };
    organizer.update_event(request).await.expect("a draft can change");
    let request = PublishEventRequest { request_id: request_id(), event_id };
    organizer.publish_event(request).await.expect("it is published");
}

/// Lets an event begin that soon.
async fn begin_in(world: &World, organizer: &Person, stage: &Stage, span: Duration) {
    let request = GetEventRequest { event_id: stage.event_id.clone() };
    let event = organizer.get_event(request).await.expect("it is theirs").event.expect("one");
    let seconds = (world.clock.now() + span).unix_seconds();
    let start_time = Some(Timestamp { seconds, nanos: 0 });
    let sooner = EventDraft { start_time, ..EventDraft::default() };
    change(organizer, &event, &["start_time"], sooner).await.expect("it is in the future");
}

scenarios! {
    async fn s_33_late_money_is_given_back_when_the_seat_costs_something_else(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let sale = Sale::begin_on(world, stage, 0).await;
        sale.run_out_of_time(world, booking::State::Expired).await;
        change_prices(&organizer, &sale.stage.event_id, 3_000).await;
        sale.money_arrives(world).await;
        sale.assert_given_back(world, booking::State::Expired).await;
        let states = sale.stage.states(&sale.buyer).await;
        assert_eq!(states[sale.stage.seat(0)], SeatState::Available);
    }

    async fn s_33_late_money_confirms_an_expired_booking_whose_seats_are_free(world: &World) {
        let sale = Sale::begin(world, 0).await;
        sale.run_out_of_time(world, booking::State::Expired).await;
        sale.money_arrives(world).await;
        sale.assert_bought_after_all(world).await;
    }

    async fn s_33_late_money_confirms_a_failed_booking_whose_seats_are_free(world: &World) {
        let sale = Sale::begin(world, 1).await;
        sale.run_out_of_time(world, booking::State::Failed).await;
        sale.money_arrives(world).await;
        sale.assert_bought_after_all(world).await;
        assert_eq!(sale.buyer.look_at(&sale.booking).await.failure_code, "");
    }

    async fn s_33_late_money_for_an_event_that_has_begun_is_given_back(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        begin_in(world, &organizer, &stage, PAY_BY_PASSED + SETTLE_BY_PASSED * 2).await;
        let sale = Sale::begin_on(world, stage, 0).await;
        sale.run_out_of_time(world, booking::State::Expired).await;
        world.clock.advance(SETTLE_BY_PASSED);
        sale.money_arrives(world).await;
        sale.assert_given_back(world, booking::State::Expired).await;
        let states = sale.stage.states(&sale.buyer).await;
        assert_eq!(states[sale.stage.seat(0)], SeatState::Available);
    }

    async fn s_33_late_money_is_given_back_when_somebody_else_has_bought_the_seat(world: &World) {
        let sale = Sale::begin(world, 0).await;
        sale.run_out_of_time(world, booking::State::Expired).await;
        let other = world.guest().await;
        let theirs = other.buy(&sale.stage.event_id, &[sale.stage.seat(0)]).await;
        sale.money_arrives(world).await;
        sale.assert_given_back(world, booking::State::Expired).await;
        assert_eq!(other.look_at(&theirs).await.state(), booking::State::Confirmed);
        assert_eq!(other.tickets_of(&theirs).await.len(), 1);
    }

    async fn s_33_late_money_is_given_back_when_somebody_else_holds_the_seat(world: &World) {
        let sale = Sale::begin(world, 1).await;
        sale.run_out_of_time(world, booking::State::Failed).await;
        let other = world.guest().await;
        let hold = other.hold(&sale.stage.event_id, &[sale.stage.seat(0)]).await.expect("free");
        sale.money_arrives(world).await;
        sale.assert_given_back(world, booking::State::Failed).await;
        other.book(&hold).await.expect("the hold was left alone");
    }

    async fn s_33_late_money_of_a_cancelled_booking_is_always_given_back(world: &World) {
        let sale = Sale::begin(world, 0).await;
        let cancelled = sale.buyer.cancel(&sale.booking).await.expect("it is not paid");
        assert_eq!(cancelled.state(), booking::State::Cancelled);
        let other = world.guest().await;
        let seat = sale.stage.seat(0);
        let refused = other.hold(&sale.stage.event_id, &[seat]).await.expect_err("not settled");
        assert_eq!(refused.reason(), boxoffice_sdk::ErrorReason::SeatsTaken);
        // Five minutes later the seat is free, whatever becomes of the money.
        world.clock.advance(SETTLE_BY_PASSED);
        sale.stage.wait_for(&other, seat, SeatState::Available).await;
        sale.money_arrives(world).await;
        sale.assert_given_back(world, booking::State::Cancelled).await;
        let states = sale.stage.states(&other).await;
        assert_eq!(states[seat], SeatState::Available);
    }
}
