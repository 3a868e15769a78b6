//! What is over is forgotten, however much of it there is.

use boxoffice_tests::{Backend, World};

/// More than one sweep takes, and more than a few rounds with a minute between them would.
const FAILURES: i64 = 2_300;

async fn many_failures_expire(backend: Backend) {
    let key = match backend {
        Backend::Sqlite => "cast(i as blob)",
        Backend::Postgres => "int4send(i)",
    };
    let insert = format!(
        "insert into identity_throttle (throttle_key, attempt_count, expire_time)
            with recursive n(i) as (select 1 union all select i + 1 from n where i < {FAILURES})
            select {key}, 1, 1 from n"
    );
    let count = "select count(*) from identity_throttle";
    let world = World::start(backend).await;
    let world = world
        .while_stopped(async |database, _| {
            database.by_hand(&insert).await;
            assert_eq!(database.count_by_hand(count).await, FAILURES);
        })
        .await;
    world.database.wait_by_hand(count, |count| count == 0).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_is_forgotten_without_a_pause_between_the_sweeps_on_sqlite() {
    many_failures_expire(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_is_forgotten_without_a_pause_between_the_sweeps_on_postgres() {
    many_failures_expire(Backend::Postgres).await;
}
