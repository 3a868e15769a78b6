//! What was acknowledged of a purchase, and whether it is still so.

use boxoffice_sdk::booking::v1::{
    Booking, CancelBookingRequest, CreateBookingRequest, HoldSeatsRequest, booking,
};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, Payment, payment, refund};
use boxoffice_sdk::ticket::v1::ticket;
use boxoffice_server::adapters::sandbox::{LedgerEntry, LedgerState};

use crate::buyer::Ending;
use crate::patience::look_until;
use crate::people::Person;

/// What a purchase was asked with and what was acknowledged.
pub struct Purchase {
    /// The request for its places.
    pub holding: HoldSeatsRequest,
    /// The request for its booking.
    pub booking_request: CreateBookingRequest,
    /// The request for its payment.
    pub paying: CreatePaymentRequest,
    /// The request by which it was cancelled, if it was.
    pub cancelling: Option<CancelBookingRequest>,
    /// Its booking as it was first answered with.
    pub booking: Booking,
    /// Its payment as it was first answered with.
    pub payment: Payment,
    /// What is to become of it.
    pub ending: Ending,
}

impl Purchase {
    /// What was acknowledged is there and gets to its end, and repeating any request gives the
    /// same again.
    pub async fn assert_kept(&self, person: &Person) {
        self.assert_ended(person).await;
        let held = person.hold_seats(self.holding.clone()).await.expect("the same hold");
        assert_eq!(held.hold.expect("a hold").hold_id, self.booking_request.hold_id);
        let booked = person.create_booking(self.booking_request.clone()).await;
        let booked = booked.expect("the same booking").booking.expect("a booking");
        assert_eq!(booked.booking_id, self.booking.booking_id);
        let paid = person.create_payment(self.paying.clone()).await.expect("the same payment");
        assert_eq!(paid.payment.expect("a payment").payment_id, self.payment.payment_id);
        if let Some(request) = &self.cancelling {
            let again = person.cancel_booking(request.clone()).await.expect("the same").booking;
            assert_eq!(again.expect("a booking").booking_id, self.booking.booking_id);
        }
        self.assert_ended(person).await;
    }

    async fn assert_ended(&self, person: &Person) {
        let is_kept = self.ending == Ending::Kept;
        let state = if is_kept { booking::State::Confirmed } else { booking::State::Cancelled };
        let ended = person.wait_for(&self.booking, state).await;
        assert_eq!(ended.booking_id, self.booking.booking_id);
        let look = async || person.look_at_payment(&self.payment).await;
        let payment = look_until(look, |payment| is_settled(payment, is_kept)).await;
        let tickets = person.tickets_of(&self.booking).await;
        let places = self.booking.places.len();
        let (live, void): (Vec<_>, Vec<_>) =
            tickets.into_iter().partition(|ticket| ticket.state() == ticket::State::Valid);
        match self.ending {
            Ending::Kept => assert_eq!((live.len(), void.len()), (places, 0)),
            Ending::GivenBack => assert_eq!((live.len(), void.len()), (0, places)),
            Ending::Withdrawn => assert!(live.is_empty(), "{payment:?}"),
        }
    }

    /// The gateway took the money once, and has it, or has given all of it back.
    pub fn assert_charged_once(&self, ledger: &[LedgerEntry]) {
        let id = &self.payment.payment_id;
        let total = self.booking.total.as_ref().expect("a total").minor_units;
        let its: Vec<_> = ledger.iter().filter(|e| e.payment_id.to_string() == *id).collect();
        let told = format!("{:?}: {its:?}", self.ending);
        let entry = match (&its[..], self.ending) {
            ([], Ending::Withdrawn) => return,
            ([entry], _) => entry,
            _ => panic!("{told}"),
        };
        let sums = (entry.state, entry.amount_minor, entry.refunded_minor);
        let right = match self.ending {
            Ending::Kept => sums == (LedgerState::Captured, total, 0),
            Ending::GivenBack => sums == (LedgerState::Captured, total, total),
            Ending::Withdrawn => {
                sums == (LedgerState::Captured, total, total)
                    || (entry.state == LedgerState::Canceled && entry.refunded_minor == 0)
            }
        };
        assert!(right, "{told}");
    }
}

/// Whether nothing of the payment is awaited any more: if its booking is kept, it has the money,
/// else all of that was given back, or none was ever taken.
fn is_settled(payment: &Payment, is_kept: bool) -> bool {
    let given_back = payment.refunds.iter().all(|one| one.state() == refund::State::Succeeded);
    match payment.state() {
        payment::State::Succeeded if is_kept => payment.refunds.is_empty(),
        payment::State::Succeeded => !payment.refunds.is_empty() && given_back,
        payment::State::Canceled => !is_kept,
        _ => false,
    }
}
