//! A clock that jumps by an hour, to and fro, in the middle of a sale: times may end early or late,
//! but nothing is sold twice, no money is lost and nothing stays for ever.

use std::time::Duration;

use boxoffice_tests::judge::{Finding, Promise, SIGNED_OUT};
use boxoffice_tests::pressure::{Siege, Verdict};
use boxoffice_tests::{Chance, World, look_until, scenarios};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// How long the clock goes as it should between two jumps.
const PAUSE: Duration = Duration::from_millis(400);
const BUYERS: usize = 8;
/// How long they wait for an answer on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Sales one after the other, each of which begins with people who have just signed in.
const SALES: u64 = 2;
/// Sales at the most until the clock has got in the way.
const SALES_MAX: u64 = 10;

/// What nobody can promise of times that come again: a hold that was over is good once more, and so
/// its seat is taken of which everybody thinks that it is free, and counts; and a token is not good
/// before its time.
fn is_promised(finding: &Finding) -> bool {
    let is_of_a_hold_that_was_over =
        finding.text.contains("Hold(HoldSeen") && finding.text.contains("state: Expired");
    match finding.promise {
        Promise::NoFalseTaken => false,
        Promise::NoFalseRefusal => !finding.text.contains("reason: TooManyPlaces"),
        Promise::ClearAnswers => !finding.text.starts_with(SIGNED_OUT),
        Promise::OneStory | Promise::Acknowledged => !is_of_a_hold_that_was_over,
        _ => true,
    }
}

/// An hour on, two back, two on. Whoever has a new token by then is signed out while it is to come.
async fn strobe(world: &World, siege: &Siege) {
    for jump in [0, 1, -2, 2] {
        let span = HOUR * i32::unsigned_abs(jump);
        siege.sale().turn(&world.clock, span, jump < 0);
        // It chooses the moment of the next jump.
        tokio::time::sleep(PAUSE).await;
    }
}

/// Sells an event while the clock jumps. Gives what became of it.
async fn sell(world: &World, seed: u64) -> Verdict {
    let siege = Siege::begin_at(&[world], Some(&world.clock), Siege::plan(BUYERS), seed).await;
    let siege = siege.with_clients(|it| it.with_patience(PATIENCE).with_deadline(PATIENCE));
    let mut siege = siege.watched(&world.database).await;
    siege.sell_during(strobe(world, &siege)).await;
    siege.clear_up().await;
    // Whatever was put off to an hour that is to come gets its turn.
    let unfinished = async || {
        world.clock.advance(Duration::from_secs(120));
        Siege::unfinished(&world.database).await
    };
    look_until(unfinished, |left| *left == 0).await;
    let mut verdict = siege.judge(&world.database, world.ledger_file()).await;
    verdict.findings.retain(is_promised);
    verdict.assert_clean(seed);
    verdict
}

scenarios! {
    async fn s_05_a_clock_that_jumps_in_a_sale_sells_nothing_twice(world: &World) {
        let seed = Chance::seed();
        let (mut verdict, mut sales) = (Verdict::default(), 0);
        let happened = |verdict: &Verdict| {
            verdict.count_ending("TokenInvalid") > 0 && verdict.count_ending("Expired") > 0
        };
        while sales < SALES || (!happened(&verdict) && sales < SALES_MAX) {
            verdict.add(sell(world, seed + sales).await);
            sales += 1;
        }
        boxoffice_tests::tell!(
            "{sales} sales, {} calls of people signed out, {} holds and bookings over",
            verdict.count_ending("TokenInvalid"),
            verdict.count_ending("Expired")
        );
        verdict.assert_noticed(0);
        assert!(happened(&verdict), "the clock changed nothing");
        assert_eq!(verdict.unanswered(), 0, "it is no fault of the server's");
    }
}
