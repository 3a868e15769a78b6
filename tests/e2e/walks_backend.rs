//! A walk with a shop's backend that sells for a hundred buyers.

use std::collections::BTreeSet;
use std::time::Duration;

use boxoffice_sdk::booking::v1::{
    Booking, CreateBookingRequest, GetBookingRequest, ListBookingsRequest, booking,
};
use boxoffice_sdk::identity::v1::{CreateGuestSessionRequest, GetUserRequest, get_user_request};
use boxoffice_sdk::operations::v1::{ListNotificationsRequest, notification};
use boxoffice_sdk::{Client, Code, ErrorReason};
use boxoffice_tests::{ADMIN, Person, Stage, StagePlan, World, read_ledger, request_id, scenarios};
use futures::future::join_all;
use mail_parser::MessageParser;

use crate::refusals::refused;
use crate::service_accounts::service;

const BUYERS: usize = 100;
/// A hundred at once may have to queue for longer than one caller would wait.
const DEADLINE: Duration = Duration::from_secs(60);

fn address(buyer: usize) -> String {
    format!("buyer-{buyer}@example.com")
}

/// Sells a seat to a buyer, in a session of the buyer's own. Answers with the guest's id too.
async fn sell(shop: &Client, stage: &Stage, buyer: usize) -> (Person, String, Booking) {
    let request = CreateGuestSessionRequest {
        contact_email: address(buyer),
        external_reference: format!("order {buyer}"),
    };
    let (client, opened) = shop.create_guest_client(request).await.expect("it may");
    let person = Person::from(client);
    let seat = [stage.seat(buyer)];
    let hold = person.hold(&stage.event_id, &seat).await.expect("it is free");
    let hold_id = hold.hold_id;
    let request = CreateBookingRequest { request_id: request_id(), hold_id, ..Default::default() };
    let booking = person.create_booking(request).await.expect("the hold is good").booking;
    let booking = booking.expect("a booking");
    person.pay(&booking, "tok_success").await.expect("it is paid");
    let confirmed = person.wait_for(&booking, booking::State::Confirmed).await;
    (person, opened.guest.expect("a guest").guest_id, confirmed)
}

/// The recipients of the mails in a world's folder whose subject is that, each as often as it is
/// one.
fn recipients(world: &World, subject: &str) -> Vec<String> {
    let files = std::fs::read_dir(world.folder.path().join("mails")).expect("the folder of mails");
    let mails = files.map(|file| std::fs::read(file.expect("a file").path()).expect("a mail"));
    let recipients = mails.filter_map(|mail| {
        let mail = MessageParser::default().parse(&mail).expect("a mail");
        let to = mail.to()?.first()?.address()?.to_owned();
        (mail.subject() == Some(subject)).then_some(to)
    });
    recipients.collect()
}

/// How many sent mails say that a booking is confirmed, as an admin sees it.
async fn confirmations(world: &World) -> usize {
    let admin = world.admin().await;
    let mut request = ListNotificationsRequest { page_size: 200, ..Default::default() };
    let mut count = 0;
    loop {
        let page = admin.list_notifications(request.clone()).await.expect("a page");
        let sent = page.notifications.iter().filter(|mail| {
            mail.kind() == notification::Kind::BookingConfirmed
                && mail.state() == notification::State::Sent
        });
        count += sent.count();
        if page.next_page_token.is_empty() {
            return count;
        }
        request.page_token = page.next_page_token;
    }
}

scenarios! {
    async fn s_69_a_shop_sells_to_a_hundred_buyers_each_in_a_session_of_their_own(world: &World) {
        let plan = StagePlan { rows: 10, ..StagePlan::default() };
        let stage = world.stage(plan).await;
        let (shop, ..) = service(world, &["guest-sessions:create"]).await;
        let client = (*shop).clone().with_deadline(DEADLINE);
        let sales = join_all((0..BUYERS).map(|buyer| sell(&client, &stage, buyer))).await;
        world.assert_sound().await;

        let guests: BTreeSet<&str> = sales.iter().map(|(_, guest, _)| guest.as_str()).collect();
        assert_eq!(guests.len(), BUYERS);
        for (buyer, (person, _, booking)) in sales.iter().enumerate() {
            assert_eq!(booking.places[0].seat_id, stage.seat(buyer));
            assert_eq!(person.tickets_of(booking).await.len(), 1);
            let own = person.list_bookings(ListBookingsRequest::default()).await.expect("a list");
            assert_eq!(own.bookings, std::slice::from_ref(booking), "their own and no other");
        }
        let booking_id = sales[1].2.booking_id.clone();
        let foreign = sales[0].0.get_booking(GetBookingRequest { booking_id }).await;
        refused(foreign, Code::NotFound, ErrorReason::NotFound);

        // A mail for each, to an address of their own.
        assert_eq!(confirmations(world).await, BUYERS);
        let recipients = recipients(world, "Your tickets for Test Night");
        assert_eq!(recipients.len(), BUYERS);
        let expected: BTreeSet<String> = (0..BUYERS).map(address).collect();
        assert_eq!(recipients.into_iter().collect::<BTreeSet<_>>(), expected);
        // A charge for each.
        let ledger = read_ledger(&world.folder.path().join("sandbox.db")).await;
        assert_eq!(ledger.len(), BUYERS);
        let once = ledger.iter().all(|line| {
            (&*line.state, line.amount_minor, line.refunded_minor) == ("CAPTURED", 2_500, 0)
        });
        assert!(once, "{ledger:?}");

        // The shop itself may open sessions, and nothing more.
        let email = get_user_request::Key::Email(ADMIN.into());
        let (denied, missing) = (Code::PermissionDenied, ErrorReason::ScopeMissing);
        refused(shop.get_user(GetUserRequest { key: Some(email) }).await, denied, missing);
        refused(shop.list_bookings(ListBookingsRequest::default()).await, denied, missing);
        let request = GetBookingRequest { booking_id: sales[0].2.booking_id.clone() };
        refused(shop.get_booking(request).await, denied, missing);
    }
}
