//! A server that dies while it brings its tables up to date: the next start goes on from there.

use std::time::Duration;

use boxoffice_sdk::booking::v1::booking;
use boxoffice_server::faults::Point;
use boxoffice_tests::{Backend, Chance, Database, Process, StagePlan, length};

/// Migrations there are at the least.
const MIGRATIONS_MIN: i64 = 18;
/// First starts that are tried at the most until a kill falls between two migrations.
const ROUNDS_MAX: usize = 30;
const READY_MAX: Duration = Duration::from_secs(5);
/// The longest that a new database's first start takes on a machine that is busy.
const START_SPAN: Duration = Duration::from_millis(400);

async fn prepared(backend: Backend) -> Process {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let database = Database::create(backend, folder.path()).await;
    Process::prepare(database, folder, &[])
}

/// It starts, and sells.
async fn assert_whole(mut process: Process) {
    let ready = process.start_again().await;
    assert!(ready < READY_MAX, "ready only after {ready:?}");
    let stage = process.stage(StagePlan::default()).await;
    let buyer = process.guest().await;
    let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
    assert_eq!(booking.state(), booking::State::Confirmed);
    process.finish().await;
}

/// How many migrations a database has had; none while there is not even a table of them.
async fn done(process: &Process) -> i64 {
    let file = process.database.url.strip_prefix("sqlite://");
    if file.is_some_and(|file| !std::path::Path::new(file).exists()) {
        return 0;
    }
    let tables = match process.database.backend {
        Backend::Sqlite => "select count(*) from sqlite_master where name = '_sqlx_migrations'",
        Backend::Postgres => {
            "select count(*) from information_schema.tables where table_name = '_sqlx_migrations'"
        }
    };
    if process.database.count_by_hand(tables).await == 0 {
        return 0;
    }
    process.database.count_by_hand("select count(*) from _sqlx_migrations").await
}

async fn goes_on_between_migrations(backend: Backend) {
    let mut chance = Chance::of_test();
    let mut process = prepared(backend).await;
    let mut had = 0;
    // Three deaths in a row, each a little further on.
    for _ in 0..3 {
        let left = u64::try_from(MIGRATIONS_MIN - had).expect("some are left");
        let pass = had + 1 + i64::try_from(chance.below(left / 2)).expect("a number that fits");
        let fault = format!("crash={}:{pass}", Point::AfterMigration.name());
        assert_eq!(
            process.die_at_start(&fault).await,
            Some(6),
            "it died of something else than its fault"
        );
        assert_eq!(done(&process).await, pass);
        had = pass;
    }
    assert_whole(process).await;
}

/// Kills a server at random moments of its first start.
async fn goes_on_inside_of_migrations(backend: Backend) {
    let mut chance = Chance::of_test();
    let (mut inside, mut rounds) = (0, 0);
    while rounds < length("BOXOFFICE_TEST_STARTS", 2) || (inside == 0 && rounds < ROUNDS_MAX) {
        rounds += 1;
        let mut process = prepared(backend).await;
        let (mut had, mut longest) = (0, START_SPAN);
        while had < MIGRATIONS_MIN {
            process.launch_unready();
            // It chooses the moment of a kill, at random.
            tokio::time::sleep(chance.between(Duration::ZERO, longest)).await;
            // On a machine that is busy every kill could come too early.
            longest += START_SPAN / 4;
            process.kill();
            let now = done(&process).await;
            assert!(now >= had, "{now} of {had} migrations are left");
            inside += usize::from(now > 0 && now < MIGRATIONS_MIN);
            had = now;
        }
        assert_whole(process).await;
    }
    boxoffice_tests::tell!(
        "{inside} kills of {rounds} first starts fell between the first migration and the last"
    );
    assert!(inside > 0, "no kill fell between two migrations");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_it_dies_between_two_migrations() {
    tokio::join!(
        goes_on_between_migrations(Backend::Sqlite),
        goes_on_between_migrations(Backend::Postgres)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_it_is_killed_while_it_migrates() {
    tokio::join!(
        goes_on_inside_of_migrations(Backend::Sqlite),
        goes_on_inside_of_migrations(Backend::Postgres)
    );
}
