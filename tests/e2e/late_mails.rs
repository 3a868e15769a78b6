//! Mails that were held up say what is true when they leave, or nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use boxoffice_sdk::booking::v1::booking;
use boxoffice_sdk::operations::v1::{RetryNotificationRequest, notification};
use boxoffice_sdk::payment::v1::{RefundPaymentRequest, payment};
use boxoffice_server::error::{Error, Result};
use boxoffice_server::ports::mailer::{Mail, Mailer};
use boxoffice_tests::{Backend, StagePlan, World, eventually_within, look_until, request_id};
use futures::future::join_all;
use notification::{Kind, State};

use crate::mails::{of_kind, read, wait_for};

/// How long a mailer that never works may take to be given up: a dozen rounds of a worker.
const GIVEN_UP_MAX: Duration = Duration::from_secs(60);
/// Beyond the time to pay and the time to settle.
const PAY_BY_PASSED: Duration = Duration::from_secs(10 * 60 + 5);
const SETTLE_BY_PASSED: Duration = Duration::from_secs(5 * 60 + 5);

/// The folder of mails, behind a door that can be closed.
struct PostOffice {
    is_closed: AtomicBool,
    inner: Arc<dyn Mailer>,
}

#[async_trait]
impl Mailer for PostOffice {
    async fn send(&self, mail: &Mail) -> Result<()> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("the post office is closed".into()));
        }
        self.inner.send(mail).await
    }
}

impl PostOffice {
    fn close(&self, closed: bool) {
        self.is_closed.store(closed, Ordering::SeqCst);
    }
}

/// A server whose post office is closed.
async fn world(backend: Backend) -> (World, Arc<PostOffice>) {
    let mut made = None;
    let world = World::start_with(backend, |parts, _| {
        let inner = parts.mailer.clone();
        let office = Arc::new(PostOffice { is_closed: AtomicBool::new(true), inner });
        parts.mailer = office.clone();
        made = Some(office);
    })
    .await;
    (world, made.expect("a post office"))
}

/// Runs a scenario with a post office on both databases.
macro_rules! with_post_office {
    ($(async fn $name:ident($world:ident: &World, $office:ident: &PostOffice) $body:block)*) => {$(
        mod $name {
            use super::*;

            async fn scenario($world: &World, $office: &PostOffice) $body

            async fn run(backend: Backend) {
                let (world, office) = world(backend).await;
                scenario(&world, &office).await;
                world.finish().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                run(Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                run(Backend::Postgres).await;
            }
        }
    )*};
}

/// Lets time pass until every mail has left or was given up.
async fn wait_for_all(world: &World) {
    let waiting = "select count(*) from notification_notification where state = 'PENDING'";
    eventually_within(GIVEN_UP_MAX, async || {
        let left = world.database.count_by_hand(waiting).await;
        world.clock.advance(Duration::from_secs(31 * 60));
        if left == 0 { Ok(()) } else { Err(format!("{left} mails wait")) }
    })
    .await;
}

async fn states(world: &World, kind: Kind) -> Vec<State> {
    of_kind(world, kind).await.iter().map(|notification| notification.state()).collect()
}

with_post_office! {
    async fn s_52_a_mail_that_was_held_up_says_nothing_that_is_no_longer_so(
        world: &World, office: &PostOffice
    ) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let cancelled = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        buyer.cancel(&cancelled).await.expect("there is time");
        let hold = buyer.hold(&stage.event_id, &[stage.seat(1)]).await.expect("it is free");
        let paid = buyer.book(&hold).await.expect("the hold is good");
        buyer.pay(&paid, "tok_declined").await.expect("an answer");
        buyer.pay(&paid, "tok_success").await.expect("it is paid");
        let caused = async || {
            let [declined, cancelled, confirmed] =
                [Kind::PaymentFailed, Kind::BookingCancelled, Kind::BookingConfirmed];
            let mut counts = Vec::new();
            for kind in [declined, cancelled, confirmed] {
                counts.push(of_kind(world, kind).await.len());
            }
            counts
        };
        look_until(caused, |counts| *counts == [1, 1, 2]).await;
        office.close(false);
        wait_for_all(world).await;
        assert_eq!(states(world, Kind::PaymentFailed).await, [State::Skipped], "it is paid");
        assert_eq!(states(world, Kind::BookingCancelled).await, [State::Sent]);
        for mail in of_kind(world, Kind::BookingConfirmed).await {
            let is_paid = mail.booking_id == paid.booking_id;
            let expected = if is_paid { State::Sent } else { State::Skipped };
            assert_eq!(mail.state(), expected, "{}", mail.booking_id);
        }
    }

    async fn s_52_nobody_is_told_that_nothing_was_paid_before_that_is_known(
        world: &World, office: &PostOffice
    ) {
        office.close(false);
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let unpaid = buyer.book(&hold).await.expect("the hold is good");
        let hold = buyer.hold(&stage.event_id, &[stage.seat(1)]).await.expect("it is free");
        let unknown = buyer.book(&hold).await.expect("the hold is good");
        let payment = buyer.start_paying(&unknown, "tok_unreachable").await.expect("recorded");
        buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        world.clock.advance(PAY_BY_PASSED);
        let settling = "select count(*) from booking_booking where settle_by_time is not null";
        world.database.wait_by_hand(settling, |count| count == 1).await;
        world.clock.advance(SETTLE_BY_PASSED);
        for booking in [&unpaid, &unknown] {
            buyer.wait_for(booking, booking::State::Expired).await;
        }
        let sent = async || states(world, Kind::BookingExpired).await;
        look_until(sent, |states| *states == [State::Sent, State::Sent]).await;
        for mail in of_kind(world, Kind::BookingExpired).await {
            let (_, _, text, html) = read(world, &mail);
            let nothing = mail.booking_id == unpaid.booking_id;
            for form in [&text, &html] {
                assert_eq!(form.contains("You have paid nothing."), nothing, "{form}");
                assert_eq!(form.contains("show a payment after all"), !nothing, "{form}");
            }
        }
        // The gateway never heard of it: then it is told so, and nothing is left to ask about.
        let reachable = "update payment_payment set payment_token = 'tok_declined'
            where payment_token = 'tok_unreachable'";
        assert_eq!(world.database.by_hand(reachable).await, 1);
        world.clock.advance(Duration::from_secs(65));
        buyer.wait_for_outcome(&payment).await;
    }

    async fn s_52_mails_name_the_places_that_they_are_about(world: &World, office: &PostOffice) {
        office.close(false);
        let organizer = world.organizer().await;
        let stage = boxoffice_tests::Stage::publish(&organizer, &StagePlan::default()).await;
        let buyer = world.guest().await;
        let seats = [stage.seat(0), stage.seat(1), stage.seat(2)];
        let hold = buyer.hold(&stage.event_id, &seats).await.expect("they are free");
        let bought = buyer.book(&hold).await.expect("the hold is good");
        let payment = buyer.pay(&bought, "tok_success").await.expect("it is paid");
        let place = bought.places.iter().find(|place| place.seat_id == stage.seat(0));
        let place = place.expect("its place");
        let refund = RefundPaymentRequest {
            request_id: request_id(),
            payment_id: payment.payment_id,
            place_ids: vec![place.place_id.clone()],
            reason: "a broken seat".into(),
        };
        organizer.refund_payment(refund).await.expect("it is given back");
        let returned = wait_for(world, Kind::PlacesReturned, State::Sent).await;
        world.clock.advance(Duration::from_secs(60));
        buyer.cancel(&bought).await.expect("there is time");
        let cancelled = wait_for(world, Kind::BookingCancelled, State::Sent).await;
        let (_, _, text, html) = read(world, &returned);
        for form in [&text, &html] {
            let (gone, left) = form.split_once("Whatever is left").expect("what is left");
            assert!(gone.contains("Stalls / A / 1") && !left.contains("Stalls / A / 1"), "{form}");
        }
        let (_, _, text, html) = read(world, &cancelled);
        for form in [&text, &html] {
            assert!(!form.contains("Stalls / A / 1"), "it was returned before: {form}");
            assert!(form.contains("Stalls / A / 2") && form.contains("Stalls / A / 3"), "{form}");
            assert!(form.contains("50.00 EUR") && !form.contains("75.00 EUR"), "{form}");
        }
    }

    async fn s_52_equal_requests_to_try_again_at_the_same_time_are_one(
        world: &World, _office: &PostOffice
    ) {
        let stage = world.stage(StagePlan::default()).await;
        world.guest().await.buy(&stage.event_id, &[stage.seat(0)]).await;
        wait_for(world, Kind::BookingConfirmed, State::Pending).await;
        wait_for_all(world).await;
        let lost = wait_for(world, Kind::BookingConfirmed, State::Failed).await;
        let admin = world.admin().await;
        let notification_id = lost.notification_id;
        let retry = RetryNotificationRequest { request_id: request_id(), notification_id };
        let tries = (0..8).map(|_| admin.retry_notification(retry.clone()));
        for answer in join_all(tries).await {
            answer.expect("it is tried again, once");
        }
        let retried = "select count(*) from identity_audit where action = 'RetryNotification'";
        assert_eq!(world.database.count_by_hand(retried).await, 1);
    }
}
