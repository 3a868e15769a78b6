//! Killed again and again in the middle of a sale: whoever repeats a request whose outcome he does
//! not know gets what he asked for, once.

use std::time::Duration;

use boxoffice_sdk::booking::v1::{
    Booking, CreateBookingRequest, GetBookingRequest, HoldSeatsRequest, booking,
};
use boxoffice_sdk::payment::v1::{CreatePaymentRequest, Payment, payment};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_server::adapters::sandbox::LedgerState;
use boxoffice_tests::{
    Door, Person, Process, Stage, StagePlan, eventually_within, kills, request_id,
};
use futures::future::join_all;
use tokio::sync::watch;
use uuid::Uuid;

const BUYERS: usize = 16;
const SEATS_A_BUYER: usize = 60;
/// The first seats, which everybody tries to get.
const CONTESTED_SEATS: usize = SEATS_A_BUYER / 3;
const KILLS: usize = 3;
const READY_MAX: Duration = Duration::from_secs(2);
/// No call stays without an answer for longer, kills included.
const ANSWER_MAX: Duration = Duration::from_secs(30);
const TOKENS: [&str; 4] =
    ["tok_success", "tok_timeout_after_charge", "tok_success", "tok_timeout_before_charge"];

/// A small generator, so that a printed seed gives the same moments again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// What is known of the server from outside.
#[derive(Clone)]
struct Outside {
    door: Door,
    is_closing: bool,
}

/// Somebody who repeats a request until it is answered, wherever the server comes back.
struct Buyer {
    person: Person,
    outside: watch::Receiver<Outside>,
    /// How often he did not know what became of a request.
    unknown_count: usize,
}

/// What one purchase was asked with and what was acknowledged.
struct Purchase {
    holding: HoldSeatsRequest,
    booking_request: CreateBookingRequest,
    paying: CreatePaymentRequest,
    booking: Booking,
    payment: Payment,
}

fn is_unknown(error: &Error) -> bool {
    matches!(error.code(), Code::Unavailable | Code::DeadlineExceeded)
}

impl Buyer {
    /// Calls until there is an answer; the request is the same every time.
    async fn ask<T>(
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

    /// Buys seat after seat until the sale closes. Every third try is for a seat that others want
    /// as well.
    async fn buy_until_closing(mut self, stage: &Stage, index: usize) -> (Self, Vec<Purchase>) {
        let mut purchases = Vec::new();
        let own = CONTESTED_SEATS + index * SEATS_A_BUYER;
        for number in 0..SEATS_A_BUYER {
            if self.outside.borrow().is_closing {
                break;
            }
            let seat = if number % 3 == 2 { number / 3 } else { own + number };
            let token = TOKENS[number % TOKENS.len()];
            purchases.extend(self.purchase(stage, seat, token).await);
        }
        (self, purchases)
    }

    /// Buys a seat, unless somebody else has it.
    async fn purchase(&mut self, stage: &Stage, seat: usize, token: &str) -> Option<Purchase> {
        let holding = HoldSeatsRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            seat_ids: vec![stage.seat(seat).to_owned()],
            general_admission: Vec::new(),
        };
        let held = self.ask(async |person| person.hold_seats(holding.clone()).await).await;
        let hold = match held {
            Ok(held) => held.hold.expect("a hold"),
            Err(error) if error.reason() == ErrorReason::SeatsTaken => return None,
            Err(error) => panic!("holding: {error}"),
        };
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
            payment_token: token.to_owned(),
            wait: None,
        };
        let paid = self.ask(async |person| person.create_payment(paying.clone()).await).await;
        let payment = paid.expect("the booking can be paid").payment.expect("a payment");
        Some(Purchase { holding, booking_request, paying, booking, payment })
    }
}

impl Purchase {
    /// What was acknowledged is there and gets to its end, and repeating any request gives the
    /// same again.
    async fn assert_kept(&self, person: &Person) {
        let confirmed = person.wait_for(&self.booking, booking::State::Confirmed).await;
        assert_eq!(confirmed.booking_id, self.booking.booking_id);
        let held = person.hold_seats(self.holding.clone()).await.expect("the same hold");
        assert_eq!(held.hold.expect("a hold").hold_id, self.booking_request.hold_id);
        let booked = person.create_booking(self.booking_request.clone()).await;
        let booked = booked.expect("the same booking").booking.expect("a booking");
        assert_eq!(booked.booking_id, self.booking.booking_id);
        let paid = person.create_payment(self.paying.clone()).await.expect("the same payment");
        let paid = paid.payment.expect("a payment");
        assert_eq!(paid.payment_id, self.payment.payment_id);
        assert_eq!(paid.state(), payment::State::Succeeded);
        assert_eq!(person.tickets_of(&self.booking).await.len(), 1);
        let request = GetBookingRequest { booking_id: self.booking.booking_id.clone() };
        person.get_booking(request).await.expect("it is there");
    }
}

/// Kills the server at random moments of the sale, then closes the sale.
async fn kill_at_random(process: &mut Process, outside: &watch::Sender<Outside>) {
    let seed = match std::env::var("BOXOFFICE_TEST_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => Uuid::new_v4().as_u64_pair().0 | 1,
    };
    println!("the seed is {seed}; BOXOFFICE_TEST_SEED gives it again");
    let mut chance = Chance(seed);
    for _ in 0..KILLS {
        let pause = Duration::from_millis(200 + chance.below(1_000));
        // It chooses the moment of a kill, at random.
        tokio::time::sleep(pause).await;
        process.kill();
        let ready = process.start_again();
        assert!(ready < READY_MAX, "ready only after {ready:?}");
        outside.send_modify(|outside| outside.door = Door { url: process.url() });
    }
    // It chooses the moment of closing: some of the sale is to come after the last kill.
    tokio::time::sleep(Duration::from_millis(300)).await;
    outside.send_modify(|outside| outside.is_closing = true);
}

kills! {
    async fn s_09_a_sale_that_is_killed_three_times_loses_nothing(process: &mut Process) {
        let plan = StagePlan { rows: 26, seats_a_row: 50, places_per_buyer_max: 100,
            ..StagePlan::default() };
        let stage = process.stage(plan).await;
        let door = Door { url: process.url() };
        let (outside, listening) = watch::channel(Outside { door, is_closing: false });
        let mut buyers = Vec::new();
        for _ in 0..BUYERS {
            let (person, outside) = (process.guest().await, listening.clone());
            buyers.push(Buyer { person, outside, unknown_count: 0 });
        }
        let sales = buyers.into_iter().enumerate();
        let sales = sales.map(|(index, buyer)| buyer.buy_until_closing(&stage, index));
        let (bought, ()) = tokio::join!(join_all(sales), kill_at_random(process, &outside));
        let (mut confirmed, mut unknown) = (0, 0);
        for (buyer, purchases) in &bought {
            let person = process.again(&buyer.person).await;
            for purchase in purchases {
                purchase.assert_kept(&person).await;
            }
            confirmed += purchases.len();
            unknown += buyer.unknown_count;
        }
        println!("{confirmed} seats were sold, {unknown} requests repeated");
        assert!(confirmed >= BUYERS && unknown >= KILLS, "{confirmed} sold, {unknown} repeated");
        let ledger = process.ledger().await;
        assert_eq!(ledger.len(), confirmed, "one charge a purchase");
        for entry in ledger {
            assert_eq!((entry.state, entry.refunded_minor), (LedgerState::Captured, 0));
        }
        process.assert_sound().await;
        let left = "select (select count(*) from store_outbox)
            + (select count(*) from booking_hold where state = 'ACTIVE')
            + (select count(*) from booking_booking where state <> 'CONFIRMED')";
        assert_eq!(process.database.count_by_hand(left).await, 0, "nothing is left half done");
    }
}
