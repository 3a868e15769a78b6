//! Killed again and again in the middle of a sale: whoever repeats a request whose outcome he does
//! not know gets what he asked for, once. `BOXOFFICE_TEST_KILLS` makes it longer.

use std::time::Duration;

use boxoffice_tests::pressure::{Siege, Verdict};
use boxoffice_tests::{Backend, Chance, Process, length, look_until, portions};

const BUYERS: usize = 16;
/// Kills a database, unless `BOXOFFICE_TEST_KILLS` says how many.
const KILLS: usize = 3;
/// Kills of one event's sale; then the next event goes on sale.
const KILLS_A_SALE: usize = 4;
const READY_MAX: Duration = Duration::from_secs(2);

/// Kills the server at random moments. Gives the longest time until it was ready again.
async fn kill_at_random(process: &mut Process, siege: &Siege, kills: usize) -> Duration {
    let (mut chance, mut worst) = (siege.chance(), Duration::ZERO);
    for _ in 0..kills {
        // It chooses the moment of a kill, at random.
        tokio::time::sleep(Duration::from_millis(200 + chance.below(1_000))).await;
        // A kill counts if somebody waits for an answer.
        look_until(async || siege.is_hit(), |is_hit| *is_hit).await;
        process.kill();
        let ready = process.start_again().await;
        assert!(ready < READY_MAX, "ready only after {ready:?}");
        worst = worst.max(ready);
    }
    // It chooses the moment of closing: some of the sale is to come after the last kill.
    tokio::time::sleep(Duration::from_millis(300)).await;
    worst
}

async fn sell_in_a_storm(backend: Backend) {
    let mut process = Process::start_at_one_port(backend, &[]).await;
    let (seed, kills) = (Chance::seed(), length("BOXOFFICE_TEST_KILLS", KILLS));
    let (mut verdict, mut worst) = (Verdict::default(), Duration::ZERO);
    for (seed, kills) in (seed..).zip(portions(kills, KILLS_A_SALE)) {
        let siege = Siege::begin(&process, Siege::plan(BUYERS), seed).await;
        let mut siege = siege.watched(&process.database).await;
        let trouble = kill_at_random(&mut process, &siege, kills);
        worst = worst.max(siege.sell_during(trouble).await);
        verdict.add(siege.end(&process.database, &process.ledger_file()).await);
    }
    boxoffice_tests::tell!("{kills} kills, ready after {worst:?} at the latest");
    verdict.assert_noticed(kills);
    verdict.assert_lively(
        seed,
        &[("Hold done", BUYERS), ("Pay done", 1), ("Cancel done", 1), ("streams outlived", 1)],
    );
    process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_a_sale_that_is_killed_at_random_loses_nothing_on_sqlite() {
    sell_in_a_storm(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_a_sale_that_is_killed_at_random_loses_nothing_on_postgres() {
    sell_in_a_storm(Backend::Postgres).await;
}
