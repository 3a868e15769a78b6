//! Somebody who buys, and changes his mind.

use std::time::Duration;

use boxoffice_sdk::booking::v1::booking;
use boxoffice_sdk::payment::v1::payment;
use futures::future::join;
use uuid::Uuid;

use super::Pressure;
use crate::chance::Chance;
use crate::history::{Answer, BookingSeen, Call, HoldSeen, Outcome, PaymentSeen};
use crate::patience::eventually_within;
use crate::people::Person;

/// How long the outcome of a payment may take, whatever happens to the server meanwhile.
const OUTCOME_MAX: Duration = Duration::from_secs(60);
/// The longest time after which somebody goes away from a call.
const LEAVE_MICROS_MAX: u64 = 6_000;
/// Tries to pay one booking; at the fifth decline it fails.
const PAYMENTS_MAX: usize = 6;
/// What buyers pay with. Half of it is good.
const TOKENS: [&str; 16] = [
    "tok_success",
    "tok_success",
    "tok_success",
    "tok_success",
    "tok_success",
    "tok_timeout_after_charge",
    "tok_timeout_before_charge",
    "tok_timeout_after_refund",
    "tok_declined",
    "tok_insufficient_funds",
    "tok_requires_action",
    "tok_webhook",
    "tok_webhook_late",
    "tok_webhook_doubled",
    "tok_webhook_reordered",
    "tok_hang",
];

/// A buyer of a sale.
pub struct Buyer<'a> {
    /// The number under which the history knows the buyer.
    pub number: usize,
    /// The buyer's client.
    pub person: Person,
    /// What the buyer's whims follow from.
    pub chance: Chance,
    /// The sale.
    pub sale: &'a Pressure,
}

impl Buyer<'_> {
    /// Makes a call until it is answered: most of the time once, sometimes twice at once, and
    /// sometimes goes away from it and asks again.
    pub async fn ask(&mut self, call: Call) -> Outcome {
        let request = super::changes(&call).then(|| self.chance.uuid());
        if self.chance.percent(6) {
            let (one, other) = (self.try_once(&call, request), self.try_once(&call, request));
            let (one, other) = join(one, other).await;
            match (one, other) {
                (Outcome::Unknown, Outcome::Unknown) => {}
                (Outcome::Done(answer), _) | (_, Outcome::Done(answer)) => {
                    return Outcome::Done(answer);
                }
                (Outcome::Unknown, known) | (known, _) => return known,
            }
        } else if self.chance.percent(4) && !self.sale.traffic.is_patient() {
            let span = self.chance.below(LEAVE_MICROS_MAX);
            let left = self.try_once(&call, request);
            // It leaves in the middle; what becomes of the call it learns by asking again.
            drop(tokio::time::timeout(Duration::from_micros(span), left).await);
        }
        self.until_answered(&call, request).await
    }

    async fn until_answered(&self, call: &Call, request: Option<Uuid>) -> Outcome {
        self.sale.until_answered(&self.person, self.number, call, request).await
    }

    async fn try_once(&self, call: &Call, request: Option<Uuid>) -> Outcome {
        self.sale.make(&self.person, self.number, call, request).await
    }

    async fn ask_hold(&mut self, call: Call) -> Option<HoldSeen> {
        match self.ask(call).await {
            Outcome::Done(Answer::Hold(hold)) => Some(hold),
            _ => None,
        }
    }

    async fn ask_booking(&mut self, call: Call) -> Option<BookingSeen> {
        match self.ask(call).await {
            Outcome::Done(Answer::Booking(booking)) => Some(booking),
            _ => None,
        }
    }

    async fn ask_payment(&mut self, call: Call) -> Option<PaymentSeen> {
        match self.ask(call).await {
            Outcome::Done(Answer::Payment(payment)) => Some(payment),
            _ => None,
        }
    }

    /// Goes through a purchase, or as far as the buyer wants to.
    pub async fn walk(&mut self) {
        let Some(hold) = self.fill_cart().await else { return };
        match self.chance.below(10) {
            0 => drop(self.ask(Call::Release(hold.id)).await),
            1 => drop(self.ask(Call::LookAtHold(hold.id)).await),
            _ => {
                let booking = self.ask_booking(Call::Book(hold.id)).await;
                if let Some(booking) = booking
                    && !self.chance.percent(8)
                    && let Some(booking) = self.pay(booking.id).await
                {
                    self.change_mind(&booking).await;
                }
            }
        }
    }

    /// Holds some places, and changes which.
    async fn fill_cart(&mut self) -> Option<HoldSeen> {
        let seats = &self.sale.seats;
        let count = self.chance.index(4);
        let wanted = self.chance.some(seats, count);
        let standing = if wanted.is_empty() || self.chance.percent(30) {
            1 + i32::from(self.chance.percent(50))
        } else {
            0
        };
        let event = self.sale.event;
        let mut hold = self.ask_hold(Call::Hold { event, seats: wanted, standing }).await?;
        if self.chance.percent(25) {
            let remove = match hold.seats.as_slice() {
                [first, _, ..] => vec![*first],
                _ => Vec::new(),
            };
            let mut add = self.chance.some(seats, 1);
            add.retain(|seat| !hold.seats.contains(seat));
            let standing = self.chance.percent(40).then_some(1);
            let change = Call::Change { hold: hold.id, add, remove, standing };
            hold = self.ask_hold(change).await.unwrap_or(hold);
        }
        if self.chance.percent(15) {
            hold = self.ask_hold(Call::Extend(hold.id)).await.unwrap_or(hold);
        }
        Some(hold)
    }

    /// Pays a booking, with one card after the other. The booking if it was paid in the end.
    async fn pay(&mut self, id: Uuid) -> Option<BookingSeen> {
        for _ in 0..PAYMENTS_MAX {
            if self.sale.is_closed() {
                return None;
            }
            let token = *self.chance.pick(&TOKENS);
            let paying = Call::Pay(id, token);
            if self.chance.percent(10) {
                // Pays and cancels at the same time.
                let requests = (self.chance.uuid(), self.chance.uuid());
                let cancelling = Call::Cancel(id);
                let paid = self.until_answered(&paying, Some(requests.0));
                let cancelled = self.until_answered(&cancelling, Some(requests.1));
                join(paid, cancelled).await;
            } else if let Some(payment) = self.ask_payment(paying).await {
                self.follow(payment, token).await;
            }
            let booking = self.ask_booking(Call::LookAtBooking(id)).await?;
            match booking.state {
                booking::State::Confirmed => return Some(booking),
                booking::State::Pending => {}
                _ => return None,
            }
        }
        None
    }

    /// Waits for the outcome of a payment, and does what the bank asks for.
    async fn follow(&mut self, payment: PaymentSeen, token: &'static str) {
        if token == "tok_hang" {
            return;
        }
        use payment::State::{Pending, RequiresAction, Unknown};
        if self.wait_while(payment.id, &[Pending, Unknown]).await == RequiresAction {
            let answer = if self.chance.percent(70) { "succeed" } else { "decline" };
            drop(self.ask(Call::Act(payment.id, answer)).await);
            self.wait_while(payment.id, &[Pending, Unknown, RequiresAction]).await;
        }
    }

    /// Looks at a payment until it is in none of these states; tells in which it is then. Whoever
    /// may not look, or finds the sale closed, waits no longer.
    async fn wait_while(&self, id: Uuid, open: &[payment::State]) -> payment::State {
        let look = Call::LookAtPayment(id);
        eventually_within(OUTCOME_MAX, async || match self.try_once(&look, None).await {
            Outcome::Done(Answer::Payment(seen)) if !open.contains(&seen.state) => Ok(seen.state),
            Outcome::Refused { .. } => Ok(payment::State::Unspecified),
            _ if self.sale.is_closed() => Ok(payment::State::Unspecified),
            other => Err(format!("still {other:?}")),
        })
        .await
    }

    /// Goes in, gives back, or keeps what was bought.
    async fn change_mind(&mut self, booking: &BookingSeen) {
        match self.chance.below(10) {
            0..3 => drop(self.ask(Call::Cancel(booking.id)).await),
            3 => self.sale.give_back(&self.person, self.chance.uuid(), booking).await,
            4..7 => {
                let entries = (self.chance.uuid(), self.chance.uuid());
                self.sale.let_in(&self.person, entries, booking).await;
            }
            _ => {}
        }
        drop(self.ask(Call::LookAtBooking(booking.id)).await);
    }
}
