//! A walk with an organizer: a theatre, three nights, and one that does not take place.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, SystemTime};

use boxoffice_sdk::booking::v1::{Booking, SeatState, booking};
use boxoffice_sdk::catalog::v1::{
    BlockSeatsRequest, CancelEventRequest, CreateEventRequest, Event, EventDraft,
    GetAvailabilityRequest, GetSeatMapRequest, GetVenueRequest, OfferDraft, PublishEventRequest,
    Venue,
};
use boxoffice_sdk::identity::v1::{GetMeRequest, get_me_response};
use boxoffice_sdk::operations::v1::{ListNotificationsRequest, notification};
use boxoffice_sdk::payment::v1::GetPaymentRequest;
use boxoffice_sdk::ticket::v1::{ListEventTicketsRequest, ticket};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{
    Database, Door, PASSWORD, Person, Process, Stage, StagePlan, World, kills, look_until, program,
    read_ledger, request_id, scenarios,
};
use notification::Kind;
use serde_json::Value;
use tokio::process::Command;

use crate::refusals::refused;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Buyers of each night.
const BUYERS: usize = 3;
/// Bookings of the event that is called off by two servers.
const BOOKINGS: usize = 24;
/// Two rows of four seats.
const THEATRE: &str = "\
section,row,seat
Stalls,A,1
Stalls,A,2
Stalls,A,3
Stalls,A,4
Stalls,B,1
Stalls,B,2
Stalls,B,3
Stalls,B,4
";

/// Runs the command line with a session of its own; it prints JSON.
async fn run(door: &Door, folder: &Path, arguments: &[&str]) -> Value {
    let mut command = Command::new(program("boxoffice"));
    command.args(["--json", "--server", &door.url()]).args(arguments);
    command.env("BOXOFFICE_SESSION", folder.join("session.json"));
    let Output { status, stdout, stderr } = command.output().await.expect("it runs");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).expect("JSON")
}

/// Imports the theatre by the command line, as the organizer.
async fn import(world: &World, organizer: &Person) -> Venue {
    let me = organizer.get_me(GetMeRequest {}).await.expect("it is me").session;
    let Some(get_me_response::Session::User(user)) = me else { panic!("no user: {me:?}") };
    let folder = world.folder.path();
    run(world, folder, &["login", "--email", &user.email, "--password", PASSWORD]).await;
    let file = folder.join("theatre.csv");
    std::fs::write(&file, THEATRE).expect("it is written");
    let file = file.to_str().expect("a path");
    let place = ["--city", "Graz", "--country", "AT", "--time-zone", "Europe/Vienna"];
    let import = ["venues", "import", file, "--name", "Playhouse"];
    let made = run(world, folder, &[&import[..], &place[..]].concat()).await;
    let venue_id = made["venue_id"].as_str().expect("an id").to_owned();
    let venue = organizer.get_venue(GetVenueRequest { venue_id }).await.expect("it is made");
    venue.venue.expect("a venue")
}

fn row<'a>(venue: &'a Venue, label: &str) -> Vec<&'a str> {
    let rows = venue.sections.iter().flat_map(|section| &section.rows);
    let seats = rows.filter(|row| row.label == label).flat_map(|row| &row.seats);
    seats.map(|seat| seat.seat_id.as_str()).collect()
}

/// Plans a night, keeps its first row for the house, and puts it on sale.
async fn plan(organizer: &Person, venue: &Venue, night: u32) -> Event {
    let start = SystemTime::now() + DAY * (10 + night);
    let seats = OfferDraft {
        section_id: venue.sections[0].section_id.clone(),
        name: "Stalls".into(),
        price_minor_units: 4_500,
        ..Default::default()
    };
    let (name, price_minor_units) = ("Standing".into(), 1_500);
    let standing = OfferDraft { name, price_minor_units, quantity: 20, ..Default::default() };
    let draft = EventDraft {
        venue_id: venue.venue_id.clone(),
        title: format!("Faust, night {night}"),
        start_time: Some(start.into()),
        end_time: Some((start + Duration::from_secs(10_800)).into()),
        currency_code: "EUR".into(),
        offers: vec![seats, standing],
        ..Default::default()
    };
    let request = CreateEventRequest { request_id: request_id(), event: Some(draft) };
    let event = organizer.create_event(request).await.expect("a draft").event.expect("one");
    let event_id = event.event_id.clone();
    let seat_ids: Vec<String> = row(venue, "A").into_iter().map(str::to_owned).collect();
    let request =
        BlockSeatsRequest { request_id: request_id(), event_id, seat_ids: seat_ids.clone() };
    let blocked = organizer.block_seats(request).await.expect("it is a draft").blocked_seat_ids;
    assert_eq!(blocked, seat_ids);
    let event_id = event.event_id.clone();
    let request = PublishEventRequest { request_id: request_id(), event_id };
    organizer.publish_event(request).await.expect("it is published").event.expect("one")
}

/// Sells a seat of the second row and two places to stand to each buyer of a night.
async fn sell(world: &World, venue: &Venue, event: &Event) -> Vec<(Person, Booking)> {
    let mut sales = Vec::new();
    let standing = event.offers.iter().find(|offer| offer.quantity > 0).expect("an offer");
    for seat in row(venue, "B").into_iter().take(BUYERS) {
        let buyer = world.guest().await;
        let wish = [(standing.offer_id.as_str(), 2)];
        let hold = buyer.hold_places(&event.event_id, &[seat], &wish).await.expect("free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        buyer.pay(&booking, "tok_success").await.expect("it is paid");
        let booking = buyer.wait_for(&booking, booking::State::Confirmed).await;
        assert_eq!(booking.total.as_ref().expect("a total").minor_units, 7_500);
        sales.push((buyer, booking));
    }
    sales
}

async fn call_off(organizer: &Person, event_id: &str) {
    let request = CancelEventRequest { request_id: request_id(), event_id: event_id.into() };
    organizer.cancel_event(request).await.expect("it is called off");
}

/// Waits until all money is given back and everybody told.
async fn settle(door: &Door, database: &Database) {
    // Once every cancellation has arrived, every refund is there to be made.
    door.assert_sound().await;
    let due = "select count(*) from payment_refund where state = 'PENDING'";
    database.wait_by_hand(due, |count| count == 0).await;
    door.assert_sound().await;
}

/// The mails about a booking, as its buyer sees them; all were sent.
async fn mails(buyer: &Person, booking: &Booking) -> Vec<Kind> {
    let booking_id = booking.booking_id.clone();
    let request = ListNotificationsRequest { booking_id, ..Default::default() };
    let mails = buyer.list_notifications(request).await.expect("a list").notifications;
    assert!(mails.iter().all(|mail| mail.state() == notification::State::Sent), "{mails:?}");
    let mut kinds: Vec<Kind> = mails.iter().map(|mail| mail.kind()).collect();
    kinds.sort();
    kinds
}

/// What was charged and what was given back for each payment, by the ledger's file alone.
async fn money(folder: &Path) -> BTreeMap<String, (i64, i64)> {
    let lines = read_ledger(&folder.join("sandbox.db")).await;
    assert!(lines.iter().all(|line| line.state == "CAPTURED"), "{lines:?}");
    let id = |id: uuid::Uuid| format!("pay_{}", id.simple());
    let lines = lines.into_iter();
    lines.map(|l| (id(l.payment_id), (l.amount_minor, l.refunded_minor))).collect()
}

async fn payment_id(buyer: &Person, booking: &Booking) -> String {
    let booking_id = booking.booking_id.clone();
    let request = GetPaymentRequest { booking_id, ..Default::default() };
    let payment = buyer.get_payment(request).await.expect("it is there").payment;
    payment.expect("a payment").payment_id
}

/// A booking of the night that is off: cancelled, given back once, and told.
async fn assert_given_back(
    buyer: &Person,
    booking: &Booking,
    money: &BTreeMap<String, (i64, i64)>,
) {
    let now = buyer.look_at(booking).await;
    assert_eq!((now.state(), &now.refunded), (booking::State::Cancelled, &booking.total));
    let total = booking.total.as_ref().expect("a total").minor_units;
    assert_eq!(money[&payment_id(buyer, booking).await], (total, total), "once and whole");
    let tickets = buyer.tickets_of(booking).await;
    assert_eq!(tickets.len(), booking.places.len());
    assert!(tickets.iter().all(|ticket| ticket.state() == ticket::State::Void));
    let told = [Kind::BookingConfirmed, Kind::EventCancelled, Kind::RefundSucceeded];
    assert_eq!(mails(buyer, booking).await, told);
}

/// A booking of another night: as it was.
async fn assert_untouched(buyer: &Person, booking: &Booking, money: &BTreeMap<String, (i64, i64)>) {
    assert_eq!(&buyer.look_at(booking).await, booking);
    assert_eq!(money[&payment_id(buyer, booking).await], (7_500, 0));
    let tickets = buyer.tickets_of(booking).await;
    assert!(tickets.len() == 3 && tickets.iter().all(|t| t.state() == ticket::State::Valid));
    assert_eq!(mails(buyer, booking).await, [Kind::BookingConfirmed]);
}

/// The first row was never sold, and of the rest as much as was bought.
async fn assert_sold_as_planned(organizer: &Person, venue: &Venue, event: &Event) {
    let event_id = event.event_id.clone();
    let request = ListEventTicketsRequest { event_id, page_size: 200, ..Default::default() };
    let tickets = organizer.list_event_tickets(request).await.expect("a list").tickets;
    assert_eq!(tickets.len(), BUYERS * 3);
    assert!(tickets.iter().all(|t| !t.place_label.starts_with("Stalls / A /")));
    let request = GetSeatMapRequest { event_id: event.event_id.clone() };
    let map = organizer.get_seat_map(request).await.expect("a map");
    let seats = map.sections.iter().flat_map(|s| &s.rows).flat_map(|row| &row.seats);
    let blocked = seats.filter(|seat| seat.state() == SeatState::Blocked);
    let blocked: Vec<&str> = blocked.map(|seat| seat.seat_id.as_str()).collect();
    assert_eq!(blocked, row(venue, "A"));
}

scenarios! {
    async fn s_88_of_three_nights_one_is_called_off_and_the_others_take_place(world: &World) {
        let organizer = world.organizer().await;
        let venue = import(world, &organizer).await;
        let (mut nights, mut sales) = (Vec::new(), Vec::new());
        for night in 1..=3 {
            let event = plan(&organizer, &venue, night).await;
            let kept = world.guest().await.hold(&event.event_id, &row(&venue, "A")[..1]).await;
            refused(kept, Code::Aborted, ErrorReason::SeatsTaken);
            sales.push(sell(world, &venue, &event).await);
            nights.push(event);
        }
        world.assert_sound().await;
        // Two more want to come to the second night: one has not paid yet, one not even booked.
        let event_id = nights[1].event_id.as_str();
        let late = world.guest().await;
        let seat = row(&venue, "B")[BUYERS];
        let hold = late.hold(event_id, &[seat]).await.expect("it is free");
        let unpaid = late.book(&hold).await.expect("the hold is good");
        let standing = nights[1].offers[1].offer_id.as_str();
        let hold = late.hold_places(event_id, &[], &[(standing, 1)]).await.expect("it is free");

        call_off(&organizer, event_id).await;
        late.wait_for(&unpaid, booking::State::Cancelled).await;
        refused(late.book(&hold).await, Code::FailedPrecondition, ErrorReason::EventNotOnSale);
        for (buyer, booking) in &sales[1] {
            buyer.wait_for(booking, booking::State::Cancelled).await;
        }
        settle(world, &world.database).await;

        let money = money(world.folder.path()).await;
        assert_eq!(money.len(), 3 * BUYERS);
        for (buyer, booking) in &sales[1] {
            assert_given_back(buyer, booking, &money).await;
        }
        assert_eq!(mails(&late, &unpaid).await, [Kind::EventCancelled]);
        for (buyer, booking) in sales[0].iter().chain(&sales[2]) {
            assert_untouched(buyer, booking, &money).await;
        }
        let given_back: i64 = money.values().map(|(_, given_back)| given_back).sum();
        assert_eq!(given_back, 3 * 7_500);
        for night in [0, 2] {
            assert_sold_as_planned(&organizer, &venue, &nights[night]).await;
        }
        // The other nights go on being sold.
        let event_ids = vec![nights[0].event_id.clone(), nights[2].event_id.clone()];
        let request = GetAvailabilityRequest { event_ids };
        let left = organizer.get_availability(request).await.expect("counts").events;
        let counts = left.iter().flat_map(|event| &event.offers).map(|offer| {
            (offer.available_count, offer.sold_count, offer.blocked_count)
        });
        assert_eq!(counts.collect::<Vec<_>>(), [(1, 3, 4), (14, 6, 0), (1, 3, 4), (14, 6, 0)]);
        world.guest().await.buy(&nights[0].event_id, &[seat]).await;
    }
}

/// Sells every seat of an event; the gateway will lose its answer to every second refund.
async fn sell_out(process: &Process, stage: &Stage) -> Vec<(Person, Booking)> {
    let mut sales = Vec::new();
    for seat in 0..BOOKINGS {
        let buyer = process.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("it is free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        let token = if seat % 2 == 0 { "tok_success" } else { "tok_timeout_after_refund" };
        buyer.pay(&booking, token).await.expect("it is paid");
        sales.push((buyer.clone(), buyer.wait_for(&booking, booking::State::Confirmed).await));
    }
    sales
}

fn given_back(money: &BTreeMap<String, (i64, i64)>) -> usize {
    money.values().filter(|(_, given_back)| *given_back > 0).count()
}

kills! {
    async fn s_88_a_calling_off_that_is_cut_off_is_finished_by_the_next_server(
        process: &mut Process
    ) {
        let organizer = process.organizer().await;
        let seats_a_row = i32::try_from(BOOKINGS).expect("a row");
        let plan = StagePlan { seats_a_row, ..StagePlan::default() };
        let stage = Stage::publish(&organizer, &plan).await;
        let sales = sell_out(process, &stage).await;
        process.assert_sound().await;

        // Cut off as soon as it is promised, and again when the first money is back.
        call_off(&organizer, &stage.event_id).await;
        process.kill();
        process.start_again().await;
        let ledger = async || money(process.folder.path()).await;
        look_until(ledger, |money| given_back(money) > 0).await;
        process.kill();
        let done = "select count(*) from payment_refund where state = 'SUCCEEDED'";
        let done = process.database.count_by_hand(done).await;
        assert!(done < i64::try_from(BOOKINGS).expect("a number"), "it was in the middle");
        process.start_again().await;

        for (buyer, booking) in &sales {
            let buyer = process.again(buyer).await;
            buyer.wait_for(booking, booking::State::Cancelled).await;
        }
        settle(&*process, &process.database).await;
        let money = money(process.folder.path()).await;
        assert_eq!(money.len(), BOOKINGS);
        for (buyer, booking) in &sales {
            assert_given_back(&process.again(buyer).await, booking, &money).await;
        }
    }
}
