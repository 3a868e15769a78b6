//! Somebody who buys, and changes his mind.

use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::booking;
use boxoffice_sdk::payment::v1::payment;
use futures::future::join;
use uuid::Uuid;

use super::Pressure;
use super::gateway::{Gateway, UNREACHABLE};
use super::strange::Ids;
use crate::chance::Chance;
use crate::clock::HandClock;
use crate::history::{Answer, BookingSeen, Call, HoldSeen, Outcome, PaymentSeen};
use crate::patience::eventually_within;
use crate::people::Person;

/// How long the outcome of a payment may take, whatever happens to the server meanwhile.
const OUTCOME_MAX: Duration = Duration::from_secs(60);
/// The longest time after which somebody goes away from a call.
const LEAVE_MICROS_MAX: u64 = 6_000;
/// By how much a buyer nudges the clock between a hold and its extension.
const NUDGE: Duration = Duration::from_secs(30);
/// Tries to pay one booking; at the fifth decline it fails.
const PAYMENTS_MAX: usize = 6;
/// What buyers pay with. Half of it is good.
const TOKENS: [&str; 16] = [
    "tok_success",
    "tok_success",
    "tok_success",
    "tok_success",
    "tok_timeout_after_refund",
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
    /// The server's clock, if it may be nudged.
    clock: Option<&'a HandClock>,
    /// The ids of the buyer's requests.
    pub(super) ids: Ids,
    /// Bookings that the buyer has paid for and kept.
    kept: Vec<Uuid>,
}

impl<'a> Buyer<'a> {
    /// A buyer who has bought nothing yet.
    pub fn new(
        number: usize,
        person: Person,
        chance: Chance,
        sale: &'a Pressure,
        clock: Option<&'a HandClock>,
    ) -> Self {
        let ids = Ids::of(sale.event);
        Self { number, person, chance, sale, clock, ids, kept: Vec::new() }
    }
}

impl Buyer<'_> {
    /// Makes a call until it is answered: most of the time once, sometimes twice at once, and
    /// sometimes goes away from it and asks again. Sometimes asks under an id that was used before,
    /// and sometimes looks at once whether what was answered is there.
    pub async fn ask(&mut self, call: Call) -> Outcome {
        if self.chance.percent(15)
            && let Some(used) = self.ids.used_for_another(&call)
        {
            self.try_once(&call, Some(used)).await;
        }
        let request = self.ids.next(&call, &mut self.chance);
        let outcome = self.ask_until_answered(&call, request).await;
        if let (Outcome::Done(answer), Some(request)) = (&outcome, request) {
            self.after(&call, request, answer).await;
        }
        outcome
    }

    async fn ask_until_answered(&mut self, call: &Call, request: Option<Uuid>) -> Outcome {
        if self.chance.percent(6) {
            let (one, other) = (self.try_once(call, request), self.try_once(call, request));
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
            let left = self.try_once(call, request);
            // It leaves in the middle; what becomes of the call it learns by asking again.
            drop(tokio::time::timeout(Duration::from_micros(span), left).await);
        }
        self.until_answered(call, request).await
    }

    async fn until_answered(&self, call: &Call, request: Option<Uuid>) -> Outcome {
        self.sale.until_answered(&self.person, self.number, call, request).await
    }

    pub(super) async fn try_once(&self, call: &Call, request: Option<Uuid>) -> Outcome {
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
        if let Some(gateway) = self.sale.gateway.as_ref().filter(|_| self.chance.percent(25)) {
            gateway.take_one(&mut self.chance).await;
        }
        if self.chance.percent(50) {
            self.meddle().await;
        }
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
        let mut hold = match self.ask(Call::Hold { event, seats: wanted, standing }).await {
            Outcome::Done(Answer::Hold(hold)) => hold,
            Outcome::Refused { reason: ErrorReason::TooManyPlaces, .. } => {
                self.make_room().await;
                return None;
            }
            _ => return None,
        };
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
            if let Some(clock) = self.clock.filter(|_| self.chance.percent(40)) {
                self.sale.recorder.turn(clock, NUDGE);
            }
            hold = self.ask_hold(Call::Extend(hold.id)).await.unwrap_or(hold);
        }
        Some(hold)
    }

    /// Cancels what was bought first, for something else.
    async fn make_room(&mut self) {
        if !self.kept.is_empty() {
            let first = self.kept.remove(0);
            drop(self.ask(Call::Cancel(first)).await);
        }
    }

    /// Pays a booking, with one card after the other. The booking if it was paid in the end.
    async fn pay(&mut self, id: Uuid) -> Option<BookingSeen> {
        for _ in 0..PAYMENTS_MAX {
            if self.sale.is_closed() {
                return None;
            }
            let token = *self.chance.pick(&TOKENS);
            let paying = Call::Pay(id, token);
            let gateway = self.sale.gateway.as_ref().filter(|_| self.chance.percent(20));
            if let Some(gateway) = gateway {
                self.pay_in_vain(gateway, id).await;
            } else if self.chance.percent(10) {
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

    /// Pays by a card whose gateway cannot be asked. It may tell that nothing was taken, or what is
    /// not so, or nothing; and it may take the money after all.
    async fn pay_in_vain(&mut self, gateway: &Gateway, id: Uuid) {
        use payment::State::{Pending, Unknown};
        let Some(payment) = self.ask_payment(Call::Pay(id, UNREACHABLE)).await else { return };
        self.wait_while(payment.id, &[Pending]).await;
        if self.chance.percent(40) {
            gateway.tell(&payment, "succeeded", payment.amount + 1).await;
        }
        let way = self.chance.below(4);
        if way < 3 {
            gateway.tell(&payment, "failed", payment.amount).await;
            self.wait_while(payment.id, &[Pending, Unknown]).await;
        }
        if way > 0 {
            gateway.keep(&payment);
        }
    }

    /// Waits for the outcome of a payment, and does what the bank asks for.
    async fn follow(&mut self, payment: PaymentSeen, token: &'static str) {
        if token == "tok_hang" {
            return;
        }
        use payment::State::{Pending, RequiresAction, Succeeded, Unknown};
        let mut state = self.wait_while(payment.id, &[Pending, Unknown]).await;
        if state == RequiresAction {
            let answer = if self.chance.percent(70) { "succeed" } else { "decline" };
            drop(self.ask(Call::Act(payment.id, answer)).await);
            state = self.wait_while(payment.id, &[Pending, Unknown, RequiresAction]).await;
        }
        if let Some(gateway) = &self.sale.gateway
            && state == Succeeded
            && self.chance.percent(10)
        {
            // It says otherwise afterwards, which changes nothing.
            gateway.tell(&payment, "failed", payment.amount).await;
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
            0..3 => {
                let code = self.sale.good_code(&self.person, booking).await;
                drop(self.ask(Call::Cancel(booking.id)).await);
                if let Some(code) = code {
                    // Somebody may have a copy.
                    self.sale.scan(&code, self.chance.uuid()).await;
                }
            }
            3 => self.sale.give_back(&self.person, self.chance.uuid(), booking).await,
            4..7 => {
                let entries = (self.chance.uuid(), self.chance.uuid());
                self.sale.let_in(&self.person, entries, booking).await;
                self.kept.push(booking.id);
            }
            _ => self.kept.push(booking.id),
        }
        drop(self.ask(Call::LookAtBooking(booking.id)).await);
    }
}
