//! Killed again and again in the middle of a sale: whoever repeats a request whose outcome he does
//! not know gets what he asked for, once. `BOXOFFICE_TEST_KILLS` makes it longer.

use std::time::Duration;

use boxoffice_tests::{
    Buyer, Chance, Ending, Process, Purchase, Sale, Stage, StagePlan, kills, length,
};
use futures::future::join_all;

const BUYERS: usize = 16;
const SEATS_A_BUYER: usize = 60;
/// The first seats, which everybody tries to get.
const CONTESTED_SEATS: usize = SEATS_A_BUYER / 3;
/// Kills a database, unless `BOXOFFICE_TEST_KILLS` says how many.
const KILLS: usize = 3;
/// Kills of one event's sale; then the next event goes on sale.
const KILLS_A_SALE: usize = 4;
const READY_MAX: Duration = Duration::from_secs(2);

type Bought = Vec<(Buyer, Vec<Purchase>)>;

/// Kills the server at random moments of a sale, then closes the sale. Gives the longest time until
/// it was ready again.
async fn kill_at_random(
    process: &mut Process,
    sale: &Sale,
    chance: &mut Chance,
    kills: usize,
) -> Duration {
    let mut worst = Duration::ZERO;
    for _ in 0..kills {
        // It chooses the moment of a kill, at random.
        tokio::time::sleep(Duration::from_millis(200 + chance.below(1_000))).await;
        process.kill();
        let ready = process.start_again();
        assert!(ready < READY_MAX, "ready only after {ready:?}");
        worst = worst.max(ready);
        sale.moved_to(process);
    }
    // It chooses the moment of closing: some of the sale is to come after the last kill.
    tokio::time::sleep(Duration::from_millis(300)).await;
    sale.close();
    worst
}

/// Sells an event while the server is killed so often.
async fn sell_in_a_storm(
    process: &mut Process,
    chance: &mut Chance,
    kills: usize,
) -> (Bought, Duration) {
    let plan = StagePlan {
        rows: 26,
        seats_a_row: 50,
        standing: 1_000,
        places_per_buyer_max: 100,
        ..StagePlan::default()
    };
    let stage: Stage = process.stage(plan).await;
    let sale = Sale::open(process);
    let mut buyers = Vec::new();
    for _ in 0..BUYERS {
        buyers.push(sale.admit(process.guest().await));
    }
    let sales = buyers.into_iter().enumerate().map(|(index, buyer)| {
        let first = CONTESTED_SEATS + index * SEATS_A_BUYER;
        buyer.buy_until_closing(&stage, first..first + SEATS_A_BUYER)
    });
    tokio::join!(join_all(sales), kill_at_random(process, &sale, chance, kills))
}

kills! {
    async fn s_09_a_sale_that_is_killed_at_random_loses_nothing(process: &mut Process) {
        let mut chance = Chance::of_test();
        let kills = length("BOXOFFICE_TEST_KILLS", KILLS);
        let (mut purchases, mut unknown, mut killed) = (Vec::new(), 0, 0);
        let mut worst = Duration::ZERO;
        while killed < kills {
            let next = KILLS_A_SALE.min(kills - killed);
            let (bought, ready) = sell_in_a_storm(process, &mut chance, next).await;
            (killed, worst) = (killed + next, worst.max(ready));
            for (buyer, its) in bought {
                let person = process.again(&buyer.person).await;
                for purchase in &its {
                    purchase.assert_kept(&person).await;
                }
                unknown += buyer.unknown_count;
                purchases.extend(its);
            }
        }
        process.assert_sound().await;
        let ledger = process.ledger().await;
        for purchase in &purchases {
            purchase.assert_charged_once(&ledger);
        }
        assert!(ledger.len() <= purchases.len(), "one charge a purchase");
        let count = |ending| purchases.iter().filter(|one| one.ending == ending).count();
        let (kept, given_back) = (count(Ending::Kept), count(Ending::GivenBack));
        let withdrawn = count(Ending::Withdrawn);
        boxoffice_tests::tell!(
            "{killed} kills, ready after {worst:?} at the latest; {kept} kept, {given_back} given \
             back, {withdrawn} withdrawn, {unknown} requests repeated"
        );
        assert!(kept > 0 && given_back > 0 && withdrawn > 0 && purchases.len() >= BUYERS);
        assert!(unknown >= kills, "nobody noticed");
        let left = "select (select count(*) from store_outbox)
            + (select count(*) from booking_hold where state = 'ACTIVE')
            + (select count(*) from booking_booking where state not in ('CONFIRMED', 'CANCELLED'))";
        assert_eq!(process.database.count_by_hand(left).await, 0, "nothing is left half done");
    }
}
