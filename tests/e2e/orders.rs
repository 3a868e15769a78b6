//! Money, time, a decline and the buyer's change of mind meet one booking in every order there is,
//! one after the other and all at once.

use std::collections::BTreeMap;
use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_sdk::payment::v1::{Payment, payment};
use boxoffice_server::kernel::id::{BookingId, EventId, PaymentId};
use boxoffice_server::kernel::money::{Currency, Money};
use boxoffice_server::ports::clock::Clock;
use boxoffice_server::ports::gateway::{Charge, ChargeOutcome, PaymentGateway};
use boxoffice_tests::judge::{Promise, Truth, judge};
use boxoffice_tests::{Person, Stage, StagePlan, World, look_until, notice, request_id, scenarios};
use futures::future::join_all;

/// Beyond the time to settle, and beyond the longest pause between two questions to the gateway.
const SETTLE_BY_PASSED: Duration = Duration::from_secs(5 * 60 + 65);
const SETTLE_BY_MICROS: i64 = (5 * 60 + 65) * 1_000_000;
const PRICE: i64 = 2_500;

/// What may happen to a booking whose payment is open.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Happening {
    /// The gateway tells that it has taken the money.
    Money,
    /// The gateway tells that it has not.
    Decline,
    /// The buyer cancels.
    Cancel,
    /// The time to pay passes.
    Time,
}

const HAPPENINGS: [Happening; 4] =
    [Happening::Money, Happening::Decline, Happening::Cancel, Happening::Time];

/// Every order of any of them: 64, and the one in which nothing happens.
fn orders() -> Vec<Vec<Happening>> {
    let mut orders: Vec<Vec<Happening>> = vec![Vec::new()];
    let mut next = 0;
    while let Some(order) = orders.get(next).cloned() {
        let more = HAPPENINGS.iter().filter(|one| !order.contains(one));
        orders.extend(more.map(|one| [order.as_slice(), &[*one]].concat()));
        next += 1;
    }
    orders
}

/// How a booking stands, as far as these happenings go.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stand {
    /// The payment is open; whether the time to pay has passed.
    Open {
        is_late: bool,
    },
    /// The payment was declined.
    Declined,
    Over(booking::State),
}

/// What a booking comes to, by the table of the saga alone.
fn expected(order: &[Happening]) -> booking::State {
    use booking::State::{Cancelled, Confirmed, Expired, Failed};
    let mut stand = Stand::Open { is_late: false };
    for happening in order {
        stand = match (happening, stand) {
            // Late money finds every place free: nobody else wants them.
            (Happening::Money, Stand::Over(Cancelled)) => Stand::Over(Cancelled),
            (Happening::Money, _) => Stand::Over(Confirmed),
            (Happening::Decline, Stand::Open { is_late: false }) => Stand::Declined,
            (Happening::Decline, Stand::Open { is_late: true }) => Stand::Over(Failed),
            (Happening::Cancel, Stand::Over(Failed | Expired)) => stand,
            (Happening::Cancel, _) => Stand::Over(Cancelled),
            (Happening::Time, Stand::Open { .. }) => Stand::Open { is_late: true },
            (Happening::Time, Stand::Declined) => Stand::Over(Failed),
            (Happening::Decline | Happening::Time, _) => stand,
        };
    }
    match stand {
        Stand::Over(state) => state,
        // In the end the time passes for all.
        Stand::Open { .. } => Expired,
        Stand::Declined => Failed,
    }
}

/// What a booking may come to when all of this happens at once: what it comes to in one of the
/// orders.
fn may_come_to(happenings: &[Happening]) -> Vec<booking::State> {
    let has_the_same = |order: &&Vec<Happening>| {
        order.len() == happenings.len() && order.iter().all(|one| happenings.contains(one))
    };
    orders().iter().filter(has_the_same).map(|order| expected(order)).collect()
}

struct Sale<'a> {
    world: &'a World,
    buyer: Person,
    booking: Booking,
    payment: Payment,
}

impl<'a> Sale<'a> {
    /// A booking with an open payment whose outcome the server cannot learn by asking.
    async fn begin(world: &'a World, stage: &Stage, seat: usize) -> Self {
        let buyer = world.guest().await;
        let hold = buyer.hold(&stage.event_id, &[stage.seat(seat)]).await.expect("it is free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        let payment = buyer.start_paying(&booking, "tok_unreachable").await.expect("recorded");
        let payment = buyer.wait_for_payment(&payment, payment::State::Unknown).await;
        Self { world, buyer, booking, payment }
    }

    async fn happen(&self, happening: Happening) {
        match happening {
            Happening::Money => {
                let payment_id = PaymentId::parse(&self.payment.payment_id).expect("an id");
                let currency = Currency::parse("EUR").expect("a currency");
                let amount = Money { currency, minor: PRICE };
                let charge = Charge { payment_id, amount, payment_token: "tok_success".into() };
                let outcome = self.world.sandbox().charge(&charge).await;
                assert!(matches!(outcome, ChargeOutcome::Succeeded { .. }), "{outcome:?}");
                self.tell("succeeded").await;
            }
            Happening::Decline => self.tell("failed").await,
            Happening::Cancel => {
                if let Err(error) = self.buyer.cancel(&self.booking).await {
                    assert_eq!(error.reason(), ErrorReason::BookingState);
                }
            }
            Happening::Time => {
                let late = format!(
                    "update booking_booking set pay_by_time = {} where booking_id = {}",
                    self.world.clock.now().micros() - 1,
                    self.sql_id(),
                );
                assert_eq!(self.world.database.by_hand(&late).await, 1);
            }
        }
    }

    async fn tell(&self, state: &str) {
        let notice = notice(&request_id(), &self.payment, state);
        assert_eq!(self.world.post_signed(&notice).await, 200);
    }

    /// The booking's id, as a query names it.
    fn sql_id(&self) -> String {
        let id = BookingId::parse(&self.booking.booking_id).expect("an id").uuid();
        self.world.database.literal(id)
    }

    /// Waits until a sweep has seen that the time to pay has passed.
    async fn wait_until_seen(&self) {
        let unseen = format!(
            "select count(*) from booking_booking where booking_id = {} and settle_by_time is null
                and state in ('PENDING', 'AWAITING_PAYMENT')",
            self.sql_id()
        );
        self.world.database.wait_by_hand(&unseen, |count| count == 0).await;
    }
}

/// Makes a booking for each order, lets things happen to all of them side by side, and then lets
/// time pass until nothing is open. Tells what each came to, and asserts that the money agrees.
async fn come_to(world: &World, at_once: bool) -> BTreeMap<String, (booking::State, bool)> {
    let orders = orders();
    let (rows, seats_a_row) = (orders.len().div_ceil(10), 10);
    let plan = StagePlan { rows, seats_a_row, price_minor_units: PRICE, ..StagePlan::default() };
    let stage = world.stage(plan).await;
    let sales = orders.iter().enumerate().map(async |(seat, order)| {
        let sale = Sale::begin(world, &stage, seat).await;
        if at_once {
            join_all(order.iter().map(|happening| sale.happen(*happening))).await;
        } else {
            for happening in order {
                sale.happen(*happening).await;
                if *happening == Happening::Time {
                    sale.wait_until_seen().await;
                }
            }
        }
        sale
    });
    let sales = join_all(sales).await;
    // The gateway can be reached again, and nobody pays any more.
    world.database.by_hand("update payment_payment set payment_token = 'tok_hang'").await;
    for _ in 0..3 {
        world.clock.advance(SETTLE_BY_PASSED);
        let late = world.clock.now().micros() - SETTLE_BY_MICROS;
        let open = format!(
            "select count(*) from booking_booking
                where state in ('PENDING', 'AWAITING_PAYMENT') and pay_by_time < {late}"
        );
        world.database.wait_by_hand(&open, |count| count == 0).await;
    }
    world.assert_sound().await;
    let event = EventId::parse(&stage.event_id).expect("an id").uuid();
    let truth = Truth::read(&world.database, world.ledger().await, event).await;
    let wrong = judge(&boxoffice_tests::history::History::default(), &truth);
    let wrong: Vec<_> = wrong.iter().filter(|one| one.promise == Promise::MoneyAgrees).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut outcomes = BTreeMap::new();
    for (order, sale) in orders.iter().zip(&sales) {
        let is_over = |now: &Booking| {
            !matches!(now.state(), booking::State::Pending | booking::State::AwaitingPayment)
        };
        let state = look_until(async || sale.buyer.look_at(&sale.booking).await, is_over).await;
        let tickets = sale.buyer.tickets_of(&sale.booking).await;
        let valid = boxoffice_sdk::ticket::v1::ticket::State::Valid;
        let has_ticket = tickets.iter().any(|ticket| ticket.state() == valid);
        outcomes.insert(format!("{order:?}"), (state.state(), has_ticket));
    }
    outcomes
}

scenarios! {
    async fn s_24_money_time_declines_and_cancellations_in_every_order(world: &World) {
        let outcomes = come_to(world, false).await;
        let wanted: BTreeMap<String, (booking::State, bool)> = orders()
            .iter()
            .map(|order| {
                let state = expected(order);
                (format!("{order:?}"), (state, state == booking::State::Confirmed))
            })
            .collect();
        assert_eq!(outcomes, wanted);
        assert_eq!(outcomes.len(), 65);
    }

    async fn s_24_money_time_declines_and_cancellations_at_the_same_time(world: &World) {
        let outcomes = come_to(world, true).await;
        for order in orders() {
            let (state, has_ticket) = outcomes[&format!("{order:?}")];
            let one_after_the_other = may_come_to(&order);
            assert!(one_after_the_other.contains(&state), "{order:?} at once: {state:?}");
            assert_eq!(state == booking::State::Confirmed, has_ticket, "{order:?}: {state:?}");
        }
        assert_eq!(outcomes.len(), 65);
    }
}
