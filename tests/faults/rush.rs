//! A short sale with everything in it, during which something goes wrong.

use boxoffice_server::adapters::sandbox::LedgerEntry;
use boxoffice_tests::{Buyer, Database, Door, Purchase, Sale, SandboxChild, Stage, StagePlan};
use futures::future::join_all;

const BUYERS: usize = 6;
const SEATS_A_BUYER: usize = 30;
/// The first seats, which everybody tries to get.
const CONTESTED_SEATS: usize = SEATS_A_BUYER / 3;

/// What was bought, and by whom.
pub type Bought = Vec<(Buyer, Vec<Purchase>)>;

/// Puts an event on sale that is large enough.
pub async fn stage(door: &Door) -> Stage {
    let plan = StagePlan {
        rows: 10,
        seats_a_row: 19,
        standing: 200,
        places_per_buyer_max: 100,
        ..StagePlan::default()
    };
    door.stage(plan).await
}

/// Lets people in.
pub async fn admit(sale: &Sale, door: &Door) -> Vec<Buyer> {
    let mut buyers = Vec::new();
    for _ in 0..BUYERS {
        buyers.push(sale.admit(door.guest().await));
    }
    buyers
}

/// Lets everybody buy while something goes wrong, at whose end the sale closes.
pub async fn sell(stage: &Stage, buyers: Vec<Buyer>, trouble: impl Future<Output = ()>) -> Bought {
    let sales = buyers.into_iter().enumerate().map(|(index, buyer)| {
        let first = CONTESTED_SEATS + index * SEATS_A_BUYER;
        buyer.buy_until_closing(stage, first..first + SEATS_A_BUYER)
    });
    tokio::join!(join_all(sales), trouble).0
}

/// Whatever was acknowledged is there, and a repeat gives it again. Says how much was bought, and
/// how often a request had to be repeated.
pub async fn assert_kept(door: &Door, bought: &Bought) -> (usize, usize) {
    let (mut count, mut unknown) = (0, 0);
    for (buyer, purchases) in bought {
        let person = door.again(&buyer.person).await;
        for purchase in purchases {
            purchase.assert_kept(&person).await;
        }
        count += purchases.len();
        unknown += buyer.unknown_count;
    }
    println!("{count} purchases, {unknown} requests repeated");
    assert!(count >= BUYERS, "only {count} purchases");
    (count, unknown)
}

/// One charge a purchase, given back where it was cancelled.
pub fn assert_charged_once(bought: &Bought, ledger: &[LedgerEntry]) {
    let purchases: Vec<_> = bought.iter().flat_map(|(_, purchases)| purchases).collect();
    for purchase in &purchases {
        purchase.assert_charged_once(ledger);
    }
    assert!(ledger.len() <= purchases.len(), "one charge a purchase");
}

/// The same with a gateway in a process of its own: whatever is sold is paid, and nothing else.
pub async fn assert_paid(bought: &Bought, sandbox: &SandboxChild, database: &Database) {
    let lines = sandbox.lines().await;
    let purchases: usize = bought.iter().map(|(_, purchases)| purchases.len()).sum();
    assert!(lines.len() <= purchases, "one charge a purchase");
    let taken = lines.iter().filter(|line| line.state == "CAPTURED");
    let kept: i64 = taken.map(|line| line.amount_minor - line.refunded_minor).sum();
    let owed = "select cast(coalesce(sum(total_minor), 0) as bigint) from booking_booking
        where state = 'CONFIRMED'";
    assert_eq!(kept, database.count_by_hand(owed).await, "what is sold is paid");
}

/// Nothing is left half done, as soon as the workers have had their turns.
pub async fn assert_finished(database: &Database) {
    let left = "select (select count(*) from store_outbox)
        + (select count(*) from booking_hold where state = 'ACTIVE')
        + (select count(*) from booking_booking where state not in ('CONFIRMED', 'CANCELLED'))";
    database.wait_by_hand(left, |count| count == 0).await;
}
