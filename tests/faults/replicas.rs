//! Two replicas, one of which stands still for a while and then goes on as if nothing had happened.

use std::time::Duration;

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::booking;
use boxoffice_tests::pressure::{Siege, Verdict};
use boxoffice_tests::{
    Backend, Chance, Process, SandboxChild, StagePlan, free_port, length, portions,
};
use tempfile::TempDir;

const BUYERS: usize = 8;
/// Pauses of one test, unless `BOXOFFICE_TEST_PAUSES` says how many.
const PAUSES: usize = 3;
/// Pauses of one event's sale; then the next event goes on sale.
const PAUSES_A_SALE: usize = 8;
/// Pauses of one sale at the most until one falls on events that are leased.
const PAUSES_MAX: usize = 30;

/// Two servers on one database, with one gateway.
struct Pair {
    _folder: TempDir,
    sandbox: SandboxChild,
    first: Process,
    second: Process,
}

impl Pair {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        // The gateway tells by itself what it does to the one that never stands still.
        let port = free_port();
        let sandbox = SandboxChild::start(folder.path(), port).await;
        let flags = sandbox.flags();
        let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let first = Process::start_with(Backend::Postgres, &flags).await;
        let own = tempfile::tempdir().expect("a scratch folder");
        let listen = format!("127.0.0.1:{port}");
        flags.extend(["--listen", &listen]);
        let mut second = Process::prepare(first.database.clone(), own, &flags);
        second.start_again().await;
        Self { _folder: folder, sandbox, first, second }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_06_a_replica_that_stood_still_books_no_hold_that_is_over() {
    let mut pair = Pair::start().await;
    let stage = pair.first.stage(StagePlan::default()).await;
    let (slow, quick) = (pair.first.guest().await, pair.second.guest().await);
    let hold = slow.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    pair.first.signal("STOP");
    let late = tokio::spawn({
        let (slow, hold) = (slow.clone(), hold.clone());
        async move { slow.book(&hold).await }
    });
    // As if it had stood still for ten minutes.
    let over = "update booking_hold set expire_time = 1 where state = 'ACTIVE'";
    assert_eq!(pair.first.database.by_hand(over).await, 1);
    let bought = quick.buy(&stage.event_id, &[stage.seat(0)]).await;
    assert_eq!(bought.state(), booking::State::Confirmed);
    assert!(!late.is_finished(), "it stands still");
    pair.first.signal("CONT");
    let refused = late.await.expect("it ends").expect_err("its time is over");
    assert_eq!(refused.reason(), ErrorReason::HoldExpired);
    assert_eq!(quick.tickets_of(&bought).await.len(), 1);
    pair.second.kill();
    pair.first.finish().await;
}

/// Lets the first replica stand still at random moments, so often and until something was leased to
/// it then. What it has leased is taken from it meanwhile, as when its time is over. Says how much
/// that was.
async fn pause_at_random(pair: &Pair, mut chance: Chance, times: usize) -> i64 {
    let (mut taken, mut paused) = (0, 0);
    while paused < times || (taken == 0 && paused < PAUSES_MAX) {
        paused += 1;
        let pause = chance.between(Duration::from_millis(100), Duration::from_millis(400));
        // It chooses the moment of a pause, at random.
        tokio::time::sleep(pause).await;
        pair.first.signal("STOP");
        let pause = chance.between(Duration::from_millis(300), Duration::from_millis(1_200));
        // It chooses the moment at which it goes on, at random.
        tokio::time::sleep(pause).await;
        // Whoever holds a row's lock as it stands still keeps it; its row is left to it.
        let over = "with over as (select message_id from store_outbox
                where lease_id is not null for update skip locked),
            ended as (update store_outbox set lease_until = 1
                where message_id in (select message_id from over) returning 1)
            select count(*) from ended";
        taken += pair.first.database.count_by_hand(over).await;
        pair.first.signal("CONT");
    }
    // It chooses the moment of closing: some of the sale is to come after the last pause.
    tokio::time::sleep(Duration::from_millis(300)).await;
    taken
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_42_a_replica_that_stands_still_now_and_then_sends_no_event_twice_for_good() {
    let mut pair = Pair::start().await;
    let (seed, times) = (Chance::seed(), length("BOXOFFICE_TEST_PAUSES", PAUSES));
    let (mut verdict, mut taken) = (Verdict::default(), 0);
    for (seed, times) in (seed..).zip(portions(times, PAUSES_A_SALE)) {
        let doors = [&*pair.second, &*pair.first];
        let siege = Siege::begin_at(&doors, None, Siege::plan(BUYERS), seed).await;
        let mut siege = siege.watched(&pair.first.database).await;
        taken += siege.sell_during(pause_at_random(&pair, siege.chance(), times)).await;
        verdict.add(siege.end(&pair.first.database, &pair.sandbox.ledger).await);
    }
    boxoffice_tests::tell!("{taken} events were taken from the replica that stood still");
    assert!(taken > 0, "nothing was leased to the replica as it stood still");
    verdict.assert_noticed(0);
    let twice = "select count(*) from store_event_log l where 4 <>
        (select count(*) from store_inbox i where i.message_id = l.message_id)";
    assert_eq!(pair.first.database.count_by_hand(twice).await, 0, "four consumers, once each");
    pair.second.kill();
    pair.first.finish().await;
}
