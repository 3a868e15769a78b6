//! A PostgreSQL whose disk is full: what cannot be written is refused for now, whether the database
//! gets over it or falls, and everything goes on by itself once there is space again.

use std::time::{Duration, Instant};

use boxoffice_sdk::catalog::v1::GetEventRequest;
use boxoffice_sdk::identity::v1::CreateGuestSessionRequest;
use boxoffice_sdk::{Code, Error};
use boxoffice_tests::pressure::Siege;
use boxoffice_tests::{
    Backend, Chance, Database, Person, PostgresServer, Process, eventually_within,
};

/// The size of the disk that the database is on: about 20 MiB more than it needs.
const DISK: &str = "64m";
/// Buyers meanwhile.
const BUYERS: usize = 6;
/// How often a write has to fail before there is space again, and for how long nobody writes more,
/// if the database is gone and every failure takes its time.
const FAILURES_MIN: usize = 30;
const FULL_MAX: Duration = Duration::from_secs(10);
/// Writes that there is never space for.
const WRITES_MAX: usize = 20_000;
/// How soon writes succeed again once the database does.
const RECOVERY_MAX: Duration = Duration::from_secs(10);

/// Somebody who makes each call once, and does not wait for long.
async fn hasty(process: &Process) -> Person {
    let anybody = process.anonymous().await;
    (*anybody).clone().with_deadline(Duration::from_secs(2)).into()
}

/// Writes something new.
async fn write(reader: &Person) -> Result<(), Error> {
    let guest = reader.another_session();
    guest.create_guest_session(CreateGuestSessionRequest::default()).await.map(drop)
}

/// An answer, or a refusal for now.
fn assert_clear<T>(answer: Result<T, Error>) -> bool {
    let Err(error) = answer else { return true };
    let clear = [Code::Unavailable, Code::DeadlineExceeded];
    assert!(clear.contains(&error.code()), "{error}");
    false
}

/// Writes until that has failed a few times. Says how much there was space for still.
async fn write_in_vain(reader: &Person, event_id: &str) -> usize {
    let (mut done, mut failed, begun) = (0, 0, Instant::now());
    while failed < FAILURES_MIN && (failed == 0 || begun.elapsed() < FULL_MAX) {
        match assert_clear(write(reader).await) {
            true => done += 1,
            false => failed += 1,
        }
        assert_clear(reader.get_event(GetEventRequest { event_id: event_id.to_owned() }).await);
        assert!(done < WRITES_MAX, "there is space for ever");
    }
    done
}

/// Fills the disk under a sale, and makes space again.
async fn fill_for_a_while(server: &mut PostgresServer, process: &Process, siege: &Siege) {
    let reader = hasty(process).await;
    for _ in 0..2 {
        // It chooses the moment at which the disk is full: the sale is under way.
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.fill_disk();
        let done = write_in_vain(&reader, &siege.stage().event_id).await;
        server.empty_disk();
        let begun = Instant::now();
        let fell = server.has_ended();
        // If it has not got over it, whoever looks after it starts it again.
        server.start_again().await;
        let there = begun.elapsed();
        eventually_within(RECOVERY_MAX, async || write(&reader).await).await;
        boxoffice_tests::tell!(
            "full after {done} writes; the database fell: {fell}; it was there after {there:?}, \
             and writing after {:?}",
            begun.elapsed()
        );
    }
    // It chooses the moment of closing: some of the sale is to come after that.
    tokio::time::sleep(Duration::from_millis(500)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_postgres_refuses_writes_for_now_and_nothing_is_lost() {
    let mut server = PostgresServer::start_on_disk(DISK).await;
    let folder = tempfile::tempdir().expect("a scratch folder");
    let database = Database::create_on(&server.url(), Backend::Postgres, folder.path()).await;
    let mut process = Process::prepare(database, folder, &[]);
    process.start_again().await;
    let siege = Siege::begin(&process, Siege::plan(BUYERS), Chance::seed()).await;
    let mut siege = siege.watched(&process.database).await;
    siege.sell_during(fill_for_a_while(&mut server, &process, &siege)).await;
    siege.end(&process.database, &process.ledger_file()).await.assert_noticed(1);
    let log = std::fs::read_to_string(server.log()).expect("a log");
    assert!(log.contains("No space left on device"), "the disk was never full");
    let log = std::fs::read_to_string(process.log()).expect("a log");
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
    process.finish().await;
}
