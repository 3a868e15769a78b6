//! A clock that jumps by an hour, to and fro, in the middle of a sale: times may end early or late,
//! but nothing is sold twice, no money is lost and nothing stays for ever.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use boxoffice_sdk::booking::v1::{Booking, SeatState};
use boxoffice_sdk::{Code, Error};
use boxoffice_tests::{Person, Stage, StagePlan, World, look_until, scenarios};
use futures::future::join_all;
use tokio::sync::watch;

const HOUR: Duration = Duration::from_secs(60 * 60);
const BUYERS: usize = 8;
const SEATS_A_BUYER: usize = 20;

/// What the clock has done to buyers.
#[derive(Default)]
struct Toll {
    refused: AtomicUsize,
    signed_out: AtomicUsize,
}

impl Toll {
    /// Takes a refusal in. Whatever the clock does, it is no fault of the server's.
    fn note(&self, error: &Error) {
        let faults = [Code::Internal, Code::Unknown, Code::Unavailable, Code::DeadlineExceeded];
        assert!(!faults.contains(&error.code()), "{error}");
        let count =
            if error.code() == Code::Unauthenticated { &self.signed_out } else { &self.refused };
        count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Buys a seat; `None` if the clock got in the way.
async fn buy(person: &Person, stage: &Stage, seat: usize, toll: &Toll) -> Option<Booking> {
    let done = async {
        let hold = person.hold(&stage.event_id, &[stage.seat(seat)]).await?;
        let booking = person.book(&hold).await?;
        person.start_paying(&booking, "tok_success").await?;
        Ok(booking)
    };
    done.await.map_err(|error: Error| toll.note(&error)).ok()
}

/// Buys seats of one's own and such as others want, until it is over. Whoever is signed out by the
/// clock comes back as somebody else.
async fn buy_on(
    world: &World,
    stage: &Stage,
    index: usize,
    toll: &Toll,
    is_over: watch::Receiver<bool>,
) -> Vec<(Person, Booking)> {
    let mut bought = Vec::new();
    let mut person = world.guest().await;
    for number in 0..SEATS_A_BUYER {
        if *is_over.borrow() {
            break;
        }
        let seat = if number % 2 == 0 { number } else { (index + 1) * SEATS_A_BUYER + number };
        let before = toll.signed_out.load(Ordering::SeqCst);
        bought.extend(buy(&person, stage, seat, toll).await.map(|it| (person.clone(), it)));
        if toll.signed_out.load(Ordering::SeqCst) > before {
            person = world.guest().await;
        }
    }
    bought
}

/// An hour on, two back, two on, until the clock is right again.
async fn strobe(world: &World, is_over: watch::Sender<bool>) {
    for _ in 0..4 {
        for jump in [1, -2, 2, -1] {
            let span = HOUR * i32::unsigned_abs(jump);
            if jump > 0 {
                world.clock.advance(span)
            } else {
                world.clock.turn_back(span)
            }
            // It chooses the moment of the next jump.
            tokio::time::sleep(Duration::from_millis(120)).await;
        }
    }
    is_over.send_replace(true);
}

/// How much is under way still.
const UNFINISHED: &str = "select (select count(*) from store_outbox)
    + (select count(*) from booking_hold where state = 'ACTIVE')
    + (select count(*) from booking_booking where state in ('PENDING', 'AWAITING_PAYMENT'))
    + (select count(*) from payment_payment where state in ('PENDING', 'UNKNOWN'))
    + (select count(*) from payment_refund where state <> 'SUCCEEDED')
    + (select count(*) from notification_notification where state = 'PENDING')";

scenarios! {
    async fn s_05_a_clock_that_jumps_in_a_sale_sells_nothing_twice(world: &World) {
        let plan = StagePlan { rows: 12, seats_a_row: 20, places_per_buyer_max: 100,
            ..StagePlan::default() };
        let stage = world.stage(plan).await;
        let toll = Toll::default();
        let (over, is_over) = watch::channel(false);
        let buyers = (0..BUYERS).map(|index| buy_on(world, &stage, index, &toll, is_over.clone()));
        let (bought, ()) = tokio::join!(join_all(buyers), strobe(world, over));
        // Whatever was put off to an hour that is to come gets its turn.
        look_until(async || {
            world.clock.advance(Duration::from_secs(120));
            world.database.count_by_hand(UNFINISHED).await
        }, |left| *left == 0).await;
        let sold = "select count(*) from booking_booking where state = 'CONFIRMED'";
        let sold = world.database.count_by_hand(sold).await;
        let ended = "select count(*) from booking_booking where state <> 'CONFIRMED'";
        let ended = world.database.count_by_hand(ended).await;
        let (refused, signed_out) = (toll.refused.into_inner(), toll.signed_out.into_inner());
        boxoffice_tests::tell!(
            "{sold} sold, {ended} ended, {refused} refused, {signed_out} signed out"
        );
        assert!(sold > 0 && signed_out > 0 && refused > 0, "the clock changed nothing");
        let states = stage.states(&world.anonymous().await).await;
        let taken = states.values().filter(|state| **state == SeatState::Sold).count();
        assert_eq!(i64::try_from(taken).expect("it fits"), sold, "a seat a booking");
        assert!(states.values().all(|s| [SeatState::Sold, SeatState::Available].contains(s)));
        let known: usize = bought.iter().map(Vec::len).sum();
        assert!(known > 0, "nobody bought anything");
        for entry in world.sandbox().entries().await.expect("the ledger's entries") {
            assert!([0, 2_500].contains(&entry.refunded_minor), "{entry:?}");
        }
    }
}
