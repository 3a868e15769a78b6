//! A walk with a guest who becomes a user and then changes her mind.

use boxoffice_sdk::booking::v1::{Booking, GetBookingRequest, ListHoldsRequest, booking};
use boxoffice_sdk::identity::v1::RegisterRequest;
use boxoffice_sdk::operations::v1::{ListNotificationsRequest, notification};
use boxoffice_sdk::payment::v1::{GetPaymentRequest, payment};
use boxoffice_sdk::ticket::v1::ticket;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{
    PASSWORD, Person, StagePlan, World, eventually, look_until, read_ledger, scenarios,
};
use notification::Kind;

use crate::refusals::refused;

async fn register(guest: &Person, person: &Person) {
    let request = RegisterRequest {
        email: "ada@example.com".into(),
        password: PASSWORD.into(),
        display_name: "Ada".into(),
        guest_refresh_token: guest.tokens().expect("a session").refresh_token,
    };
    person.register(request).await.expect("an account");
}

async fn find(person: &Person, booking: &Booking) -> Result<Booking, boxoffice_sdk::Error> {
    let request = GetBookingRequest { booking_id: booking.booking_id.clone() };
    Ok(person.get_booking(request).await?.booking.expect("a booking"))
}

/// Waits until a booking, its payment, its tickets and its story are the user's.
async fn until_hers(ada: &Person, booking: &Booking) {
    eventually(async || find(ada, booking).await).await;
    let booking_id = booking.booking_id.clone();
    let request = GetPaymentRequest { booking_id, ..Default::default() };
    eventually(async || ada.get_payment(request.clone()).await).await;
    look_until(async || ada.tickets_of(booking).await, |tickets| tickets.len() == 2).await;
    look_until(async || ada.timeline_of(booking).await, |steps| steps.len() >= 6).await;
}

async fn told(person: &Person, booking: &Booking) -> Vec<Kind> {
    let booking_id = booking.booking_id.clone();
    let request = ListNotificationsRequest { booking_id, ..Default::default() };
    let mails = person.list_notifications(request).await.expect("a list").notifications;
    let mut kinds: Vec<Kind> = mails.iter().map(|mail| mail.kind()).collect();
    kinds.sort();
    kinds
}

scenarios! {
    async fn s_60_a_guest_registers_and_cancels_what_she_bought_as_the_user(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (guest, other) = (world.guest().await, world.guest().await);
        let bought = guest.buy(&stage.event_id, &[stage.seat(0), stage.seat(1)]).await;
        let his = other.buy(&stage.event_id, &[stage.seat(2)]).await;
        let held = guest.hold(&stage.event_id, &[stage.seat(3)]).await.expect("it is free");
        world.assert_sound().await;

        let ada = world.anonymous().await;
        register(&guest, &ada).await;
        until_hers(&ada, &bought).await;
        let found = find(&ada, &bought).await.expect("it is hers");
        assert_eq!((found.state(), &found.places), (booking::State::Confirmed, &bought.places));
        let holds = async || {
            ada.list_holds(ListHoldsRequest::default()).await.expect("a list").holds
        };
        look_until(holds, |holds| holds.len() == 1 && holds[0].hold_id == held.hold_id).await;
        // It is the guest's no more, and what is his was never hers.
        refused(find(&guest, &bought).await, Code::NotFound, ErrorReason::NotFound);
        refused(find(&ada, &his).await, Code::NotFound, ErrorReason::NotFound);
        refused(ada.cancel(&his).await, Code::NotFound, ErrorReason::NotFound);
        refused(other.cancel(&bought).await, Code::NotFound, ErrorReason::NotFound);

        let cancelled = ada.cancel(&bought).await.expect("it is hers");
        assert_eq!(cancelled.state(), booking::State::Cancelled);
        // Once the cancellation has arrived, its refund is there to be made.
        world.assert_sound().await;
        let due = "select count(*) from payment_refund where state = 'PENDING'";
        world.database.wait_by_hand(due, |count| count == 0).await;
        world.assert_sound().await;
        let tickets = ada.tickets_of(&bought).await;
        assert!(tickets.len() == 2 && tickets.iter().all(|t| t.state() == ticket::State::Void));
        assert_eq!(find(&ada, &bought).await.expect("hers").refunded, bought.total);
        let confirmed_and_given_back =
            [Kind::BookingConfirmed, Kind::BookingCancelled, Kind::RefundSucceeded];
        assert_eq!(told(&ada, &bought).await, confirmed_and_given_back);

        // His stays his.
        assert_eq!(other.look_at(&his).await, his);
        assert_eq!(other.tickets_of(&his).await[0].state(), ticket::State::Valid);
        assert_eq!(told(&other, &his).await, [Kind::BookingConfirmed]);
        let request = GetPaymentRequest { booking_id: his.booking_id, ..Default::default() };
        let paid = other.get_payment(request).await.expect("his").payment.expect("a payment");
        assert_eq!(paid.state(), payment::State::Succeeded);
        // Two charges, of which hers was given back, to the cent.
        let ledger = read_ledger(&world.folder.path().join("sandbox.db")).await;
        let lines = ledger.iter();
        let mut money: Vec<_> =
            lines.map(|line| (&*line.state, line.amount_minor, line.refunded_minor)).collect();
        money.sort();
        assert_eq!(money, [("CAPTURED", 2_500, 0), ("CAPTURED", 5_000, 5_000)]);
    }
}
