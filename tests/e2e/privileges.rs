//! What privileged calls may do beyond the caller's own things, and the record of each.

use boxoffice_sdk::booking::v1::{
    CancelBookingRequest, GetBookingRequest, ListBookingsRequest, booking,
};
use boxoffice_sdk::catalog::v1::CancelEventRequest;
use boxoffice_sdk::operations::v1::ReconcileRequest;
use boxoffice_sdk::payment::v1::{GetPaymentRequest, RefundPaymentRequest};
use boxoffice_sdk::ticket::v1::ticket;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{Stage, StagePlan, World, request_id, scenarios};

use crate::refusals::refused;
use crate::service_accounts::{recorded, service};

scenarios! {
    async fn s_69_a_service_that_reads_bookings_reads_anybodys_and_changes_none(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.customer().await;
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        let (reader, ..) = service(world, &["bookings:read"]).await;
        assert_eq!(reader.look_at(&booking).await, buyer.look_at(&booking).await);
        let absent = GetBookingRequest { booking_id: "bkg_0".repeat(2) };
        let error = reader.get_booking(absent).await.expect_err("no id");
        assert_eq!(error.code(), Code::InvalidArgument);
        let (denied, missing) = (Code::PermissionDenied, ErrorReason::ScopeMissing);
        let booking_id = booking.booking_id.clone();
        let cancel = CancelBookingRequest { request_id: request_id(), booking_id };
        refused(reader.cancel_booking(cancel).await, denied, missing);
        refused(reader.list_bookings(ListBookingsRequest::default()).await, denied, missing);
        let booking_id = booking.booking_id.clone();
        let payment = GetPaymentRequest { booking_id, ..Default::default() };
        refused(reader.get_payment(payment).await, denied, missing);
        // Another scope, and another person, see nothing of it.
        let (other, ..) = service(world, &["users:read"]).await;
        let request = GetBookingRequest { booking_id: booking.booking_id.clone() };
        refused(other.get_booking(request.clone()).await, denied, missing);
        let stranger = world.customer().await;
        let answer = stranger.get_booking(request).await;
        refused(answer, Code::NotFound, ErrorReason::NotFound);
    }

    async fn s_69_a_service_that_refunds_gives_back_anybodys_money_once_and_is_recorded(
        world: &World
    ) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.customer().await;
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0), stage.seat(1)]).await;
        let booking_id = booking.booking_id.clone();
        let payment = GetPaymentRequest { booking_id, ..Default::default() };
        let payment = buyer.get_payment(payment).await.expect("it is paid").payment;
        let payment = payment.expect("a payment");
        let (desk, account, _) = service(world, &["payments:refund"]).await;
        let request = RefundPaymentRequest {
            request_id: request_id(),
            payment_id: payment.payment_id.clone(),
            place_ids: vec![booking.places[0].place_id.clone()],
            reason: "the view is bad".into(),
        };
        for _ in 0..2 {
            let refunded = desk.refund_payment(request.clone()).await.expect("it may").payment;
            let refunded = refunded.and_then(|payment| payment.refunded).expect("an amount");
            assert_eq!(refunded.minor_units, 2_500);
        }
        let whole = RefundPaymentRequest {
            request_id: request_id(),
            place_ids: Vec::new(),
            ..request.clone()
        };
        desk.refund_payment(whole).await.expect("the rest");
        let now = buyer.wait_for(&booking, booking::State::Cancelled).await;
        assert_eq!(now.booking_id, booking.booking_id);
        let tickets = buyer.tickets_of(&booking).await;
        assert!(tickets.iter().all(|ticket| ticket.state() == ticket::State::Void));
        let due = "select count(*) from payment_refund where state = 'PENDING'";
        world.database.wait_by_hand(due, |count| count == 0).await;
        let entry = world.ledger_of(&payment).await.expect("it was charged");
        assert_eq!((entry.amount_minor, entry.refunded_minor), (5_000, 5_000));
        // Two refunds were made by three calls.
        let told: Vec<_> = recorded(world).await.into_iter().filter(|entry| {
            entry.action == "RefundPayment"
        }).map(|entry| (entry.session_id, entry.subject)).collect();
        let once = (account.service_account_id.clone(), payment.payment_id.clone());
        assert_eq!(told, [once.clone(), once]);
        let (other, ..) = service(world, &["bookings:read"]).await;
        let answer = other.refund_payment(request).await;
        refused(answer, Code::PermissionDenied, ErrorReason::ScopeMissing);
    }

    async fn s_62_whoever_cancels_the_booking_of_another_is_recorded(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let buyer = world.customer().await;
        let mut bookings = Vec::new();
        for seat in 0..3 {
            let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("free");
            bookings.push(buyer.book(&hold).await.expect("the hold is good"));
        }
        for (person, booking) in [organizer, world.admin().await, buyer].iter().zip(&bookings) {
            let booking_id = booking.booking_id.clone();
            let cancel = CancelBookingRequest { request_id: request_id(), booking_id };
            for _ in 0..2 {
                person.cancel_booking(cancel.clone()).await.expect("it is cancelled");
            }
        }
        // What its owner does is nobody else's business.
        let told = recorded(world).await.into_iter();
        let mut told: Vec<String> = told.filter(|entry| entry.action == "CancelBooking")
            .map(|entry| entry.subject).collect();
        told.reverse();
        assert_eq!(told, [&*bookings[0].booking_id, &bookings[1].booking_id]);
    }

    async fn s_62_whoever_calls_an_event_off_or_compares_the_books_is_recorded(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let request = CancelEventRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
        };
        for _ in 0..2 {
            organizer.cancel_event(request.clone()).await.expect("it is called off");
        }
        let admin = world.admin().await;
        admin.reconcile(ReconcileRequest::default()).await.expect("it is compared");
        let told: Vec<_> = recorded(world).await.into_iter()
            .map(|entry| (entry.action, entry.subject)).collect();
        for (action, subject) in [("CancelEvent", &*stage.event_id), ("Reconcile", "everything")] {
            let entry = (action.to_owned(), subject.to_owned());
            assert_eq!(told.iter().filter(|told| **told == entry).count(), 1, "{told:?}");
        }
        // A refusal changes nothing, and nothing is recorded.
        let stranger = world.organizer().await;
        let count = recorded(world).await.len();
        let request = CancelEventRequest { request_id: request_id(), ..request };
        let answer = stranger.cancel_event(request).await;
        refused(answer, Code::NotFound, ErrorReason::NotFound);
        assert_eq!(recorded(world).await.len(), count);
    }
}
