//! Reading payments: one by its id or its booking's, and many.

use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_sdk::payment::v1::{GetPaymentRequest, ListPaymentsRequest, Payment, payment};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{Person, Stage, StagePlan, World, scenarios};

use crate::refusals::refused;

async fn of_booking(person: &Person, booking: &Booking) -> Result<Payment, Error> {
    let booking_id = booking.booking_id.clone();
    let request = GetPaymentRequest { booking_id, ..Default::default() };
    Ok(person.get_payment(request).await?.payment.expect("a payment"))
}

async fn list(
    person: &Person,
    booking_id: &str,
    page_size: i32,
    page_token: String,
) -> Result<(Vec<String>, String), Error> {
    let request = ListPaymentsRequest { booking_id: booking_id.into(), page_size, page_token };
    let listed = person.list_payments(request).await?;
    Ok((listed.payments.into_iter().map(|p| p.payment_id).collect(), listed.next_page_token))
}

scenarios! {
    async fn s_37c_a_payment_is_read_by_its_id_or_its_bookings(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (buyer, stranger) = (world.customer().await, world.customer().await);
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        refused(of_booking(&buyer, &booking).await, Code::NotFound, ErrorReason::NotFound);
        let declined = buyer.pay(&booking, "tok_declined").await.expect("an answer");
        assert_eq!(of_booking(&buyer, &booking).await.expect("the newest"), declined);
        let paid = buyer.pay(&booking, "tok_success").await.expect("an answer");
        assert_eq!(paid.state(), payment::State::Succeeded);
        for person in [&buyer, &world.admin().await] {
            assert_eq!(of_booking(person, &booking).await.expect("the newest"), paid);
            assert_eq!(person.look_at_payment(&declined).await, declined);
        }
        refused(of_booking(&stranger, &booking).await, Code::NotFound, ErrorReason::NotFound);
        let request =
            GetPaymentRequest { payment_id: paid.payment_id.clone(), ..Default::default() };
        let foreign = stranger.get_payment(request).await;
        refused(foreign, Code::NotFound, ErrorReason::NotFound);
        for (payment_id, booking_id) in
            [("", ""), (paid.payment_id.as_str(), paid.booking_id.as_str()), ("", "pay_1")]
        {
            let (payment_id, booking_id) = (payment_id.into(), booking_id.into());
            let answer = buyer.get_payment(GetPaymentRequest { payment_id, booking_id }).await;
            refused(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
        }
    }

    async fn s_37c_payments_are_listed_by_page_for_those_they_concern(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let (buyer, stranger) = (world.customer().await, world.customer().await);
        let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
        let first = buyer.book(&hold).await.expect("the hold is good");
        let mut newest_first = Vec::new();
        for token in ["tok_declined", "tok_expired_card", "tok_success"] {
            let payment = buyer.pay(&first, token).await.expect("an answer");
            newest_first.insert(0, payment.payment_id);
        }
        let second = buyer.buy(&stage.event_id, &[stage.seat(1)]).await;
        assert_eq!(second.state(), booking::State::Confirmed);
        let other = of_booking(&buyer, &second).await.expect("the newest").payment_id;
        let all: Vec<String> = [other].into_iter().chain(newest_first.iter().cloned()).collect();
        let (page, token) = list(&buyer, "", 3, String::new()).await.expect("a page");
        let (rest, end) = list(&buyer, "", 3, token).await.expect("a page");
        assert_eq!(([page, rest].concat(), end), (all, String::new()));
        for person in [&buyer, &organizer, &world.admin().await] {
            let (of_first, end) =
                list(person, &first.booking_id, 0, String::new()).await.expect("a page");
            assert_eq!((of_first, end.as_str()), (newest_first.clone(), ""));
        }
        for person in [&stranger, &world.organizer().await] {
            let foreign = list(person, &first.booking_id, 0, String::new()).await;
            refused(foreign, Code::NotFound, ErrorReason::NotFound);
            let own = list(person, "", 0, String::new()).await.expect("a page");
            assert_eq!(own, (vec![], String::new()));
        }
        let unknown = list(&buyer, "bkg_00000000000000000000000000000001", 0, String::new()).await;
        refused(unknown, Code::NotFound, ErrorReason::NotFound);
        let wrong = list(&buyer, "", 0, "nonsense".into()).await;
        refused(wrong, Code::InvalidArgument, ErrorReason::InvalidFields);
    }
}
