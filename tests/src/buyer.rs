//! Somebody who buys while the server comes and goes: he repeats every request until it is
//! answered, and remembers what was acknowledged.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{
    Booking, CancelBookingRequest, CreateBookingRequest, GetBookingRequest, Hold, HoldSeatsRequest,
    OfferQuantity, booking,
};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, Payment};
use boxoffice_sdk::{Code, Error, ErrorReason};
use tokio::sync::watch;

use crate::door::Door;
use crate::patience::eventually_within;
use crate::people::{Person, request_id};
use crate::purchase::Purchase;
use crate::stage::Stage;

/// No call stays without an answer for longer, whatever happens to the server.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// What buyers pay with: half of the first answers are lost, before or after the money was taken.
const TOKENS: [&str; 4] =
    ["tok_success", "tok_timeout_after_charge", "tok_success", "tok_timeout_before_charge"];

/// What is known of the server from outside.
#[derive(Clone)]
struct Outside {
    door: Door,
    is_closing: bool,
}

/// A sale that goes on until it is closed, wherever the server is.
pub struct Sale(watch::Sender<Outside>);

/// What becomes of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is paid and kept.
    Kept,
    /// It is paid, and then cancelled.
    GivenBack,
    /// It is cancelled while it is being paid, so that its money comes late or not at all.
    Withdrawn,
}

/// What a buyer wants, and by which request.
pub struct Wish {
    seat: String,
    standing: Option<String>,
    token: &'static str,
    ending: Ending,
}

/// Somebody who buys.
pub struct Buyer {
    /// Who it is, as a caller of the server that was last there.
    pub person: Person,
    outside: watch::Receiver<Outside>,
    /// How often it was not known what became of a request.
    pub unknown_count: usize,
}

/// Whether nobody knows what became of a request, so that it has to be repeated.
pub fn is_unknown(error: &Error) -> bool {
    let raced = error.reason() == ErrorReason::ChangedMeanwhile;
    raced || matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded)
}

impl Sale {
    /// A sale at this door.
    pub fn open(door: &Door) -> Self {
        Self(watch::channel(Outside { door: door.clone(), is_closing: false }).0)
    }

    /// Tells everybody that the server is somewhere else now.
    pub fn moved_to(&self, door: &Door) {
        self.0.send_modify(|outside| outside.door = door.clone());
    }

    /// Lets everybody end the purchase that is under way, and no other begin.
    pub fn close(&self) {
        self.0.send_modify(|outside| outside.is_closing = true);
    }

    /// Lets somebody in.
    pub fn admit(&self, person: Person) -> Buyer {
        Buyer { person, outside: self.0.subscribe(), unknown_count: 0 }
    }
}

impl Buyer {
    /// Calls until there is an answer; the request is the same every time.
    pub async fn ask<T>(
        &mut self,
        call: impl AsyncFn(&Person) -> Result<T, Error>,
    ) -> Result<T, Error> {
        eventually_within(ANSWER_MAX, async || {
            let unknown = match call(&self.person).await {
                Err(error) if is_unknown(&error) => error,
                answer => return Ok(answer),
            };
            self.unknown_count += 1;
            if self.outside.has_changed().expect("the test is not over") {
                let door = self.outside.borrow_and_update().door.clone();
                self.person = door.again(&self.person).await;
            }
            Err(format!("still no answer: {unknown}"))
        })
        .await
    }

    /// Buys seat after seat until the sale closes, or there are no more of his. Every third try is
    /// for one of the first seats, which others want as well; the rest are his own. Of his own he
    /// gives every fifth back, and withdraws from another.
    pub async fn buy_until_closing(
        mut self,
        stage: &Stage,
        own: std::ops::Range<usize>,
    ) -> (Self, Vec<Purchase>) {
        let mut purchases = Vec::new();
        // Not everybody begins with the same.
        let shift = own.start / own.len().max(1);
        for (number, seat) in own.enumerate() {
            if self.outside.borrow().is_closing {
                break;
            }
            let is_contested = number % 3 == 2;
            let ending = match (number + shift) % 5 {
                0 if !is_contested => Ending::GivenBack,
                1 if !is_contested => Ending::Withdrawn,
                _ => Ending::Kept,
            };
            let standing =
                (number % 2 == 0 && !stage.standing.is_empty()).then_some(&stage.standing);
            let wish = Wish {
                seat: stage.seat(if is_contested { number / 3 } else { seat }).to_owned(),
                standing: standing.cloned(),
                token: if ending == Ending::Withdrawn { TOKENS[1] } else { TOKENS[number % 4] },
                ending,
            };
            purchases.extend(self.purchase(stage, &wish).await);
        }
        (self, purchases)
    }

    /// Buys what is wished for, unless somebody else has it.
    async fn purchase(&mut self, stage: &Stage, wish: &Wish) -> Option<Purchase> {
        let quantity = |offer: &String| OfferQuantity { offer_id: offer.clone(), quantity: 1 };
        let holding = HoldSeatsRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            seat_ids: vec![wish.seat.clone()],
            general_admission: wish.standing.iter().map(quantity).collect(),
        };
        let hold = self.hold(&holding).await?;
        let booking_request = CreateBookingRequest {
            request_id: request_id(),
            hold_id: hold.hold_id,
            contact_email: "buyer@example.com".into(),
        };
        let booked = self.ask(async |person| person.create_booking(booking_request.clone()).await);
        let booking = booked.await.expect("the hold is good").booking.expect("a booking");
        let paying = CreatePaymentRequest {
            request_id: request_id(),
            booking_id: booking.booking_id.clone(),
            payment_token: wish.token.to_owned(),
            wait: None,
        };
        let payment = self.pay(&paying).await;
        let cancelling = (wish.ending != Ending::Kept).then(|| CancelBookingRequest {
            request_id: request_id(),
            booking_id: booking.booking_id.clone(),
        });
        if wish.ending == Ending::GivenBack {
            self.until_confirmed(&booking).await;
        }
        if let Some(request) = &cancelling {
            let cancelled = self.ask(async |person| person.cancel_booking(request.clone()).await);
            let cancelled = cancelled.await.expect("it can be cancelled").booking;
            assert_eq!(cancelled.expect("a booking").state(), booking::State::Cancelled);
        }
        let ending = wish.ending;
        Some(Purchase { holding, booking_request, paying, cancelling, booking, payment, ending })
    }

    /// `None` if somebody else has the seat.
    async fn hold(&mut self, holding: &HoldSeatsRequest) -> Option<Hold> {
        match self.ask(async |person| person.hold_seats(holding.clone()).await).await {
            Ok(held) => Some(held.hold.expect("a hold")),
            Err(error) if error.reason() == ErrorReason::SeatsTaken => None,
            Err(error) => panic!("holding: {error}"),
        }
    }

    async fn pay(&mut self, paying: &CreatePaymentRequest) -> Payment {
        let paid = self.ask(async |person| person.create_payment(paying.clone()).await).await;
        paid.expect("the booking can be paid").payment.expect("a payment")
    }

    async fn until_confirmed(&mut self, booking: &Booking) {
        let request = GetBookingRequest { booking_id: booking.booking_id.clone() };
        eventually_within(ANSWER_MAX, async || {
            let found = self.ask(async |person| person.get_booking(request.clone()).await).await;
            let found = found.expect("it is there").booking.expect("a booking");
            match found.state() {
                booking::State::Confirmed => Ok(()),
                state => Err(format!("still {state:?}")),
            }
        })
        .await;
    }
}
