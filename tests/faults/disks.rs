//! A disk that is full: what cannot be written is refused for now, what can be read is read, and
//! everything goes on once there is space again.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use boxoffice_sdk::catalog::v1::{GetEventRequest, GetSeatMapRequest};
use boxoffice_sdk::identity::v1::CreateGuestSessionRequest;
use boxoffice_sdk::{Code, Error};
use boxoffice_tests::pressure::Siege;
use boxoffice_tests::{Backend, Chance, Database, Person, Process, Stage, eventually_within};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

/// The size of the disk that the database is on.
const DISK: &str = "size=12m";
/// How often a write has to fail before there is space again.
const FAILURES_MIN: usize = 50;
/// Writes that there is never space for.
const WRITES_MAX: usize = 20_000;
/// How long it may take until nothing is under way: the gateway is asked again after pauses.
const SETTLED_MAX: Duration = Duration::from_secs(150);
/// How soon writes succeed again.
const RECOVERY_MAX: Duration = Duration::from_secs(5);

/// A server whose database is alone on a small disk, which only it sees and which ends with it.
struct Small {
    process: Process,
    folder: PathBuf,
}

impl Small {
    async fn start() -> Self {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let folder = scratch.path().join("disk");
        std::fs::create_dir(&folder).expect("a folder");
        let database = Database::create(Backend::Sqlite, &folder).await;
        let mount =
            format!("mount -t tmpfs -o {DISK} boxoffice {} && exec \"$@\"", folder.display());
        let is_root = std::fs::metadata("/proc/self").expect("Linux").uid() == 0;
        let who = if is_root { "--mount" } else { "--map-root-user" };
        let wrapper = ["unshare", "--mount", who, "sh", "-c", &mount, "sh"];
        let mut process = Process::prepare(database, scratch, &[]).within(&wrapper);
        process.start_again().await;
        Self { process, folder }
    }

    /// A file of the disk, as others than the server find it.
    fn file(&self, name: &str) -> PathBuf {
        let folder = self.folder.strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(self.process.id().to_string()).join("root").join(folder).join(name)
    }

    /// Fills the disk to the last byte.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.file("ballast")).expect("a file");
        let mut piece = vec![0_u8; 64 * 1024];
        while !piece.is_empty() {
            match ballast.write(&piece) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => {
                    piece.truncate(piece.len() / 2);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.file("ballast")).expect("it was there");
    }

    /// The database as it is now, in a folder of its own: as a power cut would leave it, since the
    /// server stands still while it is copied.
    fn copied(&self) -> (TempDir, Database) {
        let copy = tempfile::tempdir().expect("a scratch folder");
        self.process.signal("STOP");
        for name in ["boxoffice.db", "boxoffice.db-wal"] {
            std::fs::copy(self.file(name), copy.path().join(name)).expect("it is copied");
        }
        self.process.signal("CONT");
        let mut database = self.process.database.clone();
        database.url = format!("sqlite://{}", copy.path().join("boxoffice.db").display());
        (copy, database)
    }

    /// What SQLite says of that.
    async fn integrity(&self) -> String {
        let (_copy, database) = self.copied();
        let mut connection = SqliteConnection::connect(&database.url).await.expect("it opens");
        let check = sqlx::query_scalar("pragma integrity_check").fetch_one(&mut connection);
        check.await.expect("an answer")
    }

    /// A copy in which nothing is under way any more.
    async fn settled(&self) -> (TempDir, Database) {
        eventually_within(SETTLED_MAX, async || {
            let (copy, database) = self.copied();
            match Siege::unfinished(&database).await {
                0 => Ok((copy, database)),
                left => Err(format!("{left} things are left half done")),
            }
        })
        .await
    }
}

/// Reads go on.
async fn assert_reads(person: &Person, stage: &Stage) {
    let request = GetSeatMapRequest { event_id: stage.event_id.clone() };
    person.get_seat_map(request).await.expect("the seat map is read");
    let request = GetEventRequest { event_id: stage.event_id.clone() };
    person.get_event(request).await.expect("the event is read");
}

/// Writes something new.
async fn write(reader: &Person) -> Result<(), Error> {
    let guest = reader.another_session();
    guest.create_guest_session(CreateGuestSessionRequest::default()).await.map(drop)
}

/// Writes until that has failed a few times, for lack of space and for nothing else. Says how much
/// there was space for still.
async fn write_in_vain(small: &Small, reader: &Person, stage: &Stage) -> usize {
    let (mut done, mut failed) = (0, 0);
    while failed < FAILURES_MIN {
        match write(reader).await {
            Ok(()) => done += 1,
            Err(error) => {
                assert_eq!(error.code(), Code::Unavailable, "{error}");
                assert!(error.retry_after().is_some(), "{error}");
                failed += 1;
                assert_reads(reader, stage).await;
            }
        }
        assert!(done < WRITES_MAX, "there is space for ever");
    }
    assert_eq!(small.integrity().await, "ok");
    done
}

/// Fills the disk under a sale, and makes space again.
async fn fill_for_a_while(small: &Small, stage: &Stage) {
    let reader = small.process.anonymous().await;
    for _ in 0..2 {
        // It chooses the moment at which the disk is full: the sale is under way.
        tokio::time::sleep(Duration::from_millis(200)).await;
        small.fill();
        let done = write_in_vain(small, &reader, stage).await;
        small.empty();
        let begun = Instant::now();
        eventually_within(RECOVERY_MAX, async || write(&reader).await).await;
        boxoffice_tests::tell!(
            "full after {done} writes, and writing {:?} after there was space",
            begun.elapsed()
        );
    }
    // It chooses the moment of closing: some of the sale is to come after that.
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_for_now_and_nothing_is_lost() {
    let small = Small::start().await;
    let mut siege = Siege::begin(&small.process, Siege::plan(8), Chance::seed()).await;
    siege.sell_during(fill_for_a_while(&small, siege.stage())).await;
    siege.clear_up().await;
    let (_copy, database) = small.settled().await;
    let verdict = siege.judge(&database, &small.process.ledger_file()).await;
    verdict.assert_clean(siege.seed());
    verdict.assert_noticed(1);
    small.process.assert_sound().await;
    assert_eq!(small.integrity().await, "ok");
    let log = std::fs::read_to_string(small.process.log()).expect("a log");
    assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
}
