//! Mails: one for each happening that somebody is to hear of, whole, and to nobody else.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_sdk::operations::v1::{
    GetStatusRequest, ListNotificationsRequest, Notification, RetryNotificationRequest,
    notification,
};
use boxoffice_sdk::r#type::v1::Money;
use boxoffice_server::error::{Error, Result};
use boxoffice_server::ports::clock::Clock;
use boxoffice_server::ports::mailer::{Mail, Mailer};
use boxoffice_server::store::Event;
use boxoffice_tests::{
    Backend, Person, Stage, StagePlan, World, eventually_within, look_until, request_id, scenarios,
};
use mail_parser::MessageParser;
use notification::{Kind, State};
use prost::Message;
use uuid::Uuid;

/// How long a mailer that never works may take to be given up: a dozen rounds of a worker.
const GIVEN_UP_MAX: Duration = Duration::from_secs(60);

/// Every mail in a world's folder, by the name of its file.
fn mails(world: &World) -> BTreeMap<String, Vec<u8>> {
    files(&world.folder.path().join("mails"))
}

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).expect("the folder of mails");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "eml"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a whole mail"))
        })
        .collect()
}

/// A mail as a mail program reads it: recipient, subject, text and HTML.
pub fn read(world: &World, notification: &Notification) -> (String, String, String, String) {
    let mails = mails(world);
    let named = |name: &&String| name.contains(&notification.notification_id);
    let name = mails.keys().find(named).expect("its file");
    let mail = MessageParser::default().parse(&mails[name]).expect("a mail");
    let sender = mail.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!(sender.address(), Some("tickets@shop.example"));
    let id = format!("{}@shop.example", notification.notification_id);
    assert_eq!(mail.message_id(), Some(id.as_str()));
    let caused = notification.create_time.expect("a time").seconds;
    assert_eq!(mail.date().expect("a date").to_timestamp(), caused);
    let to = mail.to().and_then(|to| to.first()).and_then(|to| to.address()).expect("a recipient");
    let subject = mail.subject().expect("a subject");
    let (text, html) = (mail.body_text(0).expect("text"), mail.body_html(0).expect("HTML"));
    assert_eq!((mail.text_body_count(), mail.html_body_count()), (1, 1));
    assert!(html.contains("<html") && !text.contains('<'), "{text}");
    (to.to_owned(), subject.to_owned(), text.into_owned(), html.into_owned())
}

async fn notifications(person: &Person, wanted: ListNotificationsRequest) -> Vec<Notification> {
    let request = ListNotificationsRequest { page_size: 200, ..wanted };
    person.list_notifications(request).await.expect("a list").notifications
}

/// Every notification of a kind, the newest first.
pub async fn of_kind(world: &World, kind: Kind) -> Vec<Notification> {
    let mut all = notifications(&world.admin().await, ListNotificationsRequest::default()).await;
    all.retain(|notification| notification.kind() == kind);
    all
}

/// Waits until there is a notification of that kind in that state.
pub async fn wait_for(world: &World, kind: Kind, state: State) -> Notification {
    let name = |name: &'static str| name.split_once('_').expect("a prefix").1;
    let count = format!(
        "select count(*) from notification_notification where kind = '{}' and state = '{}'",
        name(kind.as_str_name()),
        name(state.as_str_name())
    );
    world.database.wait_by_hand(&count, |count| count > 0).await;
    let found = of_kind(world, kind).await;
    found.into_iter().find(|found| found.state() == state).expect("it is listed")
}

/// The one notification of a kind, once it is sent, and its mail.
async fn one(world: &World, kind: Kind) -> (String, String, String, String) {
    let sent = wait_for(world, kind, State::Sent).await;
    assert_eq!(of_kind(world, kind).await.len(), 1, "one {kind:?}");
    read(world, &sent)
}

async fn book(buyer: &Person, stage: &Stage, seat: usize) -> Booking {
    let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("the seat is free");
    buyer.book(&hold).await.expect("the hold is good")
}

/// Puts a fact on the bus, as the context that it is of does.
async fn tell(world: &World, context: &'static str, kind: &'static str, message: &impl Message) {
    let mut tx = world.app.store().begin().await.expect("a transaction");
    let aggregate = (Uuid::new_v4(), 1);
    tx.emit(Event::new(context, kind, aggregate, message.encode_to_vec(), world.clock.now()));
    tx.commit().await.expect("it is committed");
}

/// Puts every event on the bus once more: first as a relay does that lost its answer, then as if
/// the inbox of mails had been lost too.
async fn tell_everything_again(world: &World) {
    const AGAIN: &str = "insert into store_outbox (message_id, context, kind, aggregate_id,
            aggregate_version, payload, occur_time)
        select message_id, context, kind, aggregate_id, aggregate_version, payload, occur_time
        from store_event_log";
    const FORGET: &str = "delete from store_inbox where consumer = 'notification.mails'";
    for how in [AGAIN.to_owned(), format!("begin; {FORGET}; {AGAIN}; commit")] {
        world.database.by_hand(&how).await;
        world.database.wait_by_hand("select count(*) from store_outbox", |left| left == 0).await;
        world.assert_sound().await;
    }
}

fn euros(minor_units: i64) -> Option<Money> {
    Some(Money { currency_code: "EUR".into(), minor_units })
}

/// Fails as long as it is told to; else it is the folder.
struct Flaky {
    fails: AtomicBool,
    tries: AtomicUsize,
    inner: Arc<dyn Mailer>,
}

#[async_trait]
impl Mailer for Flaky {
    async fn send(&self, mail: &Mail) -> Result<()> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.fails.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("the post office is closed".into()));
        }
        self.inner.send(mail).await
    }
}

scenarios! {
    async fn s_52_each_happening_is_one_mail_however_often_it_is_told(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let bought = buyer.buy(&stage.event_id, &[stage.seat(0), stage.seat(1)]).await;
        let tickets = buyer.tickets_of(&bought).await;
        let cancelled = book(&buyer, &stage, 2).await;
        buyer.cancel(&cancelled).await.expect("it is not paid");
        let expired = book(&buyer, &stage, 3).await;
        world.clock.advance(Duration::from_secs(11 * 60));
        buyer.wait_for(&expired, booking::State::Expired).await;
        let (booking_id, refund) = (bought.booking_id.clone(), euros(2_500));
        use boxoffice_proto::events::v1 as events;
        let cause = "event_cancelled".to_owned();
        let off = events::BookingCancelled {
            booking_id: booking_id.clone(), cause, payment_id: String::new(), refund: euros(5_000),
        };
        tell(world, "booking", "BookingCancelled", &off).await;
        let returned = events::BookingPlacesReturned {
            booking_id: booking_id.clone(), place_ids: Vec::new(), refund: refund.clone(),
        };
        tell(world, "booking", "BookingPlacesReturned", &returned).await;
        let back = events::RefundSucceeded {
            payment_id: String::new(), booking_id: booking_id.clone(), amount: refund,
        };
        tell(world, "payment", "RefundSucceeded", &back).await;

        let (to, subject, text, html) = one(world, Kind::BookingConfirmed).await;
        assert_eq!((to.as_str(), subject.as_str()),
            ("buyer@example.com", "Your tickets for Test Night"));
        for form in [&text, &html] {
            for said in ["Test Hall, Graz", "Europe/Vienna", "Stalls / A / 1", "50.00 EUR"] {
                assert!(form.contains(said), "{said}: {form}");
            }
            assert!(form.contains(&format!("https://shop.example/bookings/{booking_id}")));
            assert_eq!(tickets.len(), 2);
            assert!(tickets.iter().all(|ticket| form.contains(&ticket.code)), "{form}");
        }
        let (_, subject, text, _) = one(world, Kind::BookingCancelled).await;
        assert_eq!(subject, "Your booking for Test Night is cancelled");
        assert!(text.contains(&cancelled.booking_id) && !text.contains("You get"), "{text}");
        let (_, subject, text, _) = one(world, Kind::BookingExpired).await;
        assert_eq!(subject, "Your booking for Test Night has expired");
        assert!(text.contains(&expired.booking_id), "{text}");
        let (_, subject, text, _) = one(world, Kind::EventCancelled).await;
        assert_eq!(subject, "Test Night does not take place");
        assert!(text.contains("You get 50.00 EUR back"), "{text}");
        let (_, _, text, _) = one(world, Kind::PlacesReturned).await;
        assert!(text.contains("You get 25.00 EUR back"), "{text}");
        let (_, _, text, _) = one(world, Kind::RefundSucceeded).await;
        assert!(text.contains("given 25.00 EUR back"), "{text}");

        world.assert_sound().await;
        let (before, log) = (mails(world), "select count(*) from notification_notification");
        let count = world.database.count_by_hand(log).await;
        assert_eq!(i64::try_from(before.len()).expect("a number"), count, "a file each");
        tell_everything_again(world).await;
        assert_eq!(world.database.count_by_hand(log).await, count);
        assert!(mails(world) == before, "not one mail more, and none other");
    }

    async fn s_52_who_registers_is_welcomed_with_a_link_and_a_reset_that_is_none_is_not_told(
        world: &World
    ) {
        let customer = world.customer().await;
        let me = customer.get_me(Default::default()).await.expect("it is me");
        let boxoffice_sdk::identity::v1::get_me_response::Session::User(user) =
            me.session.expect("a session") else { panic!("a user") };
        let session_id = user.user_id.clone();
        let its = ListNotificationsRequest { session_id, ..Default::default() };
        let log = "select count(*) from notification_notification where state = 'SENT'";
        world.database.wait_by_hand(log, |count| count > 1).await;
        let own = notifications(&customer, its).await;
        let [welcome] = own.as_slice() else { panic!("one mail, not {own:?}") };
        assert_eq!((welcome.kind(), welcome.email.as_str()), (Kind::Welcome, user.email.as_str()));
        let (to, subject, text, html) = read(world, welcome);
        assert_eq!(to, user.email);
        assert_eq!(subject, "Welcome: please confirm your address");
        let link = "https://shop.example/verify-email?token=";
        let (_, rest) = text.split_once(link).expect("a link");
        let token = rest.split_whitespace().next().expect("a token");
        assert!(token.len() >= 32 && html.contains(&format!("{link}{token}")), "{token}");
        assert!(text.contains("A Customer"), "{text}");
        // The token is in the mail and nowhere in the log of mails.
        assert!(!format!("{welcome:?}").contains(token));

        // Nobody has a text of his own sent to an address of his choice.
        let request = boxoffice_sdk::identity::v1::RegisterRequest {
            email: "victim@example.com".into(),
            password: boxoffice_tests::PASSWORD.into(),
            display_name: "Ada,\n\nyou have won: https://prize.example\n\n".into(),
            ..Default::default()
        };
        let error = world.anonymous().await.register(request).await.expect_err("no name");
        assert_eq!(error.violations()[0].field, "display_name");

        let reset = boxoffice_proto::events::v1::PasswordResetRequested {
            user_id: user.user_id, reset_id: format!("prt_{}", Uuid::new_v4().simple()),
        };
        tell(world, "identity", "PasswordResetRequested", &reset).await;
        wait_for(world, Kind::PasswordReset, State::Skipped).await;
    }

    async fn s_26_every_decline_is_told_and_the_last_one_as_the_end(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = book(&buyer, &stage, 0).await;
        for _ in 0..5 {
            buyer.pay(&booking, "tok_declined").await.expect("an answer");
        }
        buyer.wait_for(&booking, booking::State::Failed).await;
        let begun = Instant::now();
        let (_, subject, text, _) = one(world, Kind::BookingFailed).await;
        assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
        assert_eq!(subject, "Your booking for Test Night has failed");
        assert!(text.contains("The card was declined.") && text.contains("for good"), "{text}");
        let declines = of_kind(world, Kind::PaymentFailed).await;
        assert_eq!(declines.len(), 4);
        world.assert_sound().await;
        let (_, subject, text, _) = read(world, &declines[0]);
        assert_eq!(subject, "Your payment for Test Night did not go through");
        assert!(text.contains("The card was declined. No money was taken."), "{text}");
    }

    async fn s_52_killed_between_writing_and_noting_it_writes_the_same_file(world: &World) {
        // A server of its own: this one is stopped and started again.
        let own = World::start(world.database.backend).await;
        let stage = own.stage(StagePlan::default()).await;
        own.guest().await.buy(&stage.event_id, &[stage.seat(0)]).await;
        wait_for(&own, Kind::BookingConfirmed, State::Sent).await;
        own.assert_sound().await;
        let before = mails(&own);
        let confirmed = of_kind(&own, Kind::BookingConfirmed).await;
        let own = own.while_stopped(async |database, clock| {
            let lease = clock.now().micros() + 30_000_000;
            let unnoted = format!(
                "update notification_notification set state = 'PENDING', lease_until = {lease}
                where kind = 'BOOKING_CONFIRMED'"
            );
            assert_eq!(database.by_hand(&unnoted).await, 1);
        }).await;
        let again = wait_for(&own, Kind::BookingConfirmed, State::Sent).await;
        assert_eq!(again.notification_id, confirmed[0].notification_id);
        assert!(mails(&own) == before, "the same files, to the last byte");
        own.finish().await;
    }

    async fn s_61_nobody_sees_the_mails_of_another(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, other) = (world.guest().await, world.customer().await);
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        let sent = wait_for(world, Kind::BookingConfirmed, State::Sent).await;
        let about = ListNotificationsRequest {
            booking_id: booking.booking_id.clone(), ..Default::default()
        };
        let to = ListNotificationsRequest {
            session_id: sent.session_id.clone(), ..Default::default()
        };
        for wanted in [about, to] {
            let own = notifications(&buyer, wanted.clone()).await;
            assert_eq!(own.len(), 1);
            assert_eq!(own[0].notification_id, sent.notification_id);
            assert!(notifications(&other, wanted).await.is_empty());
        }
        let organizer = world.organizer().await;
        let all = notifications(&organizer, ListNotificationsRequest::default()).await;
        assert!(all.iter().all(|mail| mail.notification_id != sent.notification_id));
        let request_id = request_id();
        let notification_id = sent.notification_id;
        let retry = RetryNotificationRequest { request_id, notification_id };
        let refused = buyer.retry_notification(retry).await.expect_err("no admin");
        assert_eq!(refused.reason(), ErrorReason::RoleMissing);
    }
}

/// Mails wait while none can be sent, are given up, and are sent once an operator says so.
async fn the_post_office_closes(backend: Backend) {
    let mut flaky = None;
    let world = World::start_with(backend, |parts, _| {
        let (fails, inner) = (AtomicBool::new(true), parts.mailer.clone());
        let made = Arc::new(Flaky { fails, tries: AtomicUsize::new(0), inner });
        parts.mailer = made.clone();
        flaky = Some(made);
    })
    .await;
    let flaky = flaky.expect("a mailer");
    let stage = world.stage(StagePlan::default()).await;
    world.guest().await.buy(&stage.event_id, &[stage.seat(0)]).await;
    let failed = "select count(*) from notification_notification where state = 'FAILED'";
    let all = "select count(*) from notification_notification";
    wait_for(&world, Kind::BookingConfirmed, State::Pending).await;
    eventually_within(GIVEN_UP_MAX, async || {
        let failed = world.database.count_by_hand(failed).await;
        let all = world.database.count_by_hand(all).await;
        if failed == all {
            return Ok(());
        }
        world.clock.advance(Duration::from_secs(10 * 60));
        Err(format!("{failed} of {all} mails are given up"))
    })
    .await;
    assert!(mails(&world).is_empty());
    let admin = world.admin().await;
    let status = admin.get_status(GetStatusRequest {}).await.expect("a status");
    assert_eq!(status.failed_notification_count, world.database.count_by_hand(all).await);
    let lost = wait_for(&world, Kind::BookingConfirmed, State::Failed).await;
    assert_eq!(lost.failure_count, 12);
    assert!(lost.cause.contains("the post office is closed"), "{}", lost.cause);
    assert!(lost.next_try_time.is_none());

    flaky.fails.store(false, Ordering::SeqCst);
    let notification_id = lost.notification_id.clone();
    let retry = RetryNotificationRequest { request_id: request_id(), notification_id };
    for _ in 0..2 {
        admin.retry_notification(retry.clone()).await.expect("it had failed");
    }
    let sent = wait_for(&world, Kind::BookingConfirmed, State::Sent).await;
    assert_eq!((sent.failure_count, sent.cause.as_str()), (0, ""));
    assert_eq!(mails(&world).len(), 1);
    read(&world, &sent);
    let again = RetryNotificationRequest { request_id: request_id(), ..retry };
    let refused = admin.retry_notification(again).await.expect_err("it is sent");
    assert_eq!(refused.reason(), ErrorReason::NotificationNotFailed);
    assert_eq!(refused.metadata().get("state").map(String::as_str), Some("SENT"));

    // Closed for a moment only: what comes now is sent by itself.
    flaky.fails.store(true, Ordering::SeqCst);
    let tries = flaky.tries.load(Ordering::SeqCst);
    let buyer = world.guest().await;
    let expiring = book(&buyer, &world.stage(StagePlan::default()).await, 0).await;
    buyer.cancel(&expiring).await.expect("it is not paid");
    wait_for(&world, Kind::BookingCancelled, State::Pending).await;
    look_until(async || flaky.tries.load(Ordering::SeqCst), |now| *now > tries).await;
    flaky.fails.store(false, Ordering::SeqCst);
    one(&world, Kind::BookingCancelled).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_52_mails_wait_for_the_mailer_and_are_listed_when_given_up_on_sqlite() {
    the_post_office_closes(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_52_mails_wait_for_the_mailer_and_are_listed_when_given_up_on_postgres() {
    the_post_office_closes(Backend::Postgres).await;
}
