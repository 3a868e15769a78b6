//! A server that dies at a named place of its work, in the middle of a sale: once it is back, what
//! was acknowledged is there, whoever repeats his request gets the same, and nothing is stuck.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;
use std::time::Duration;

use boxoffice_server::faults::Point;
use boxoffice_server::kernel::id::NotificationId;
use boxoffice_tests::pressure::Siege;
use boxoffice_tests::{Backend, Chance, Database, Process, length};
use uuid::Uuid;

/// How soon a server is ready again.
const READY_MAX: Duration = Duration::from_secs(2);
/// What a process ends by that was told to die.
const SIGABRT: i32 = 6;
const BUYERS: usize = 8;

/// Lets a server die at a place, passed so often, and come back as it is released; then it sells on
/// for a moment.
async fn die_and_come_back(process: &mut Process, point: Point, pass: u64) -> Duration {
    let signal = process.death().await;
    assert_eq!(signal, Some(SIGABRT), "it died of something else than {}:{pass}", point.name());
    let ready = process.start_again().await;
    assert!(ready < READY_MAX, "ready only after {ready:?}");
    // It chooses the moment of closing: some of the sale is to come after the crash.
    tokio::time::sleep(Duration::from_millis(300)).await;
    ready
}

/// The mails of which that is noted.
async fn noted(process: &Process, state: &str) -> BTreeSet<String> {
    let noted =
        format!("select notification_id from notification_notification where state = '{state}'");
    let noted: Vec<(Uuid,)> = process.database.rows_by_hand(&noted).await;
    noted.into_iter().map(|(id,)| NotificationId::from(id).to_string()).collect()
}

/// Every mail that is noted as sent has its file, no mail has two, and no other has any, but for
/// one that was handed on as the server died and was no longer so when it was back.
async fn assert_mails_are_whole(process: &Process) {
    let pending = "select count(*) from notification_notification where state = 'PENDING'";
    process.database.wait_by_hand(pending, |count| count == 0).await;
    let (sent, skipped) = (noted(process, "SENT").await, noted(process, "SKIPPED").await);
    let folder = std::fs::read_dir(process.folder.path().join("boxoffice.mails"));
    let names = folder.expect("the folder of mails").map(|file| file.expect("a file").file_name());
    let names = names.map(|name| name.into_string().expect("a name"));
    // What a crash has left half written is hidden.
    let files = names.filter(|name| !name.starts_with('.'));
    let of = |name: String| Some(name.strip_suffix(".eml")?.rsplit_once('-')?.1.to_owned());
    let files: Vec<String> = files.map(|name| of(name).expect("a mail's name")).collect();
    let mails: BTreeSet<String> = files.iter().cloned().collect();
    assert_eq!(files.len(), mails.len(), "a mail has two files: {files:?}");
    let lost: Vec<_> = sent.difference(&mails).collect();
    assert!(lost.is_empty(), "noted as sent, and not there: {lost:?}");
    let others: Vec<_> = mails.difference(&sent).filter(|id| !skipped.contains(*id)).collect();
    assert!(others.is_empty(), "there, and not noted: {others:?}");
}

/// Sells an event while the server dies there.
async fn survives(backend: Backend, point: Point, pass: u64, seed: u64) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let database = Database::create(backend, folder.path()).await;
    let mails = format!("dir:{}", folder.path().join("boxoffice.mails").display());
    let mut process = Process::prepare_at_one_port(database, folder, &["--mail", &mails]);
    process.start_again().await;
    let siege = Siege::begin(&process, Siege::plan(BUYERS), seed).await;
    let mut siege = siege.watched(&process.database).await;
    process.kill();
    process.start_faulty(&format!("crash={}:{pass}", point.name())).await;
    let ready = siege.sell_during(die_and_come_back(&mut process, point, pass)).await;
    let verdict = siege.end(&process.database, &process.ledger_file()).await;
    boxoffice_tests::tell!("{}:{pass} on {backend:?}, ready after {ready:?}", point.name());
    verdict.assert_noticed(1);
    assert_mails_are_whole(&process).await;
    process.finish().await;
}

/// On both databases as often as `BOXOFFICE_TEST_CRASHES` says. Without it a run takes each place
/// on one of them: half of the places on the one and half on the other, and another run may take
/// them the other way round.
async fn survives_everywhere(point: Point, passes: Range<u64>) {
    static WAY_ROUND: OnceLock<u64> = OnceLock::new();
    let seed = Chance::seed();
    let mut chance = Chance::of(seed);
    let mut pass = || passes.start + chance.below(passes.end - passes.start);
    let rounds = length("BOXOFFICE_TEST_CRASHES", 0);
    if rounds == 0 {
        let way_round = WAY_ROUND.get_or_init(|| seed % 2);
        let is_first = (point as u64 + way_round).is_multiple_of(2);
        let backend = if is_first { Backend::Sqlite } else { Backend::Postgres };
        survives(backend, point, pass(), seed).await;
    }
    for (seed, _) in (seed..).zip(0..rounds) {
        tokio::join!(
            survives(Backend::Sqlite, point, pass(), seed),
            survives(Backend::Postgres, point, pass(), seed)
        );
    }
}

macro_rules! crashes {
    ($($(#[$meta:meta])* async fn $name:ident() { $point:ident, $passes:expr })*) => {$(
        $(#[$meta])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            survives_everywhere(Point::$point, $passes).await;
        }
    )*};
}

crashes! {
    async fn s_09_it_dies_before_any_commit() { BeforeCommit, 30..90 }
    async fn s_09_it_dies_after_any_commit() { AfterCommit, 30..90 }
    async fn s_09_it_dies_before_a_commit_of_the_sale() { BeforeSaleCommit, 2..12 }
    async fn s_09_it_dies_after_a_commit_of_the_sale_and_before_any_answer() { BeforeAnswer, 2..12 }
    async fn s_09_it_dies_with_a_frozen_hold() { AfterFreeze, 1..8 }
    async fn s_08_it_dies_with_places_claimed_and_not_committed() { AfterClaim, 1..5 }
    async fn s_39_it_dies_with_a_payment_recorded_and_not_asked_for() { BeforeCharge, 1..8 }
    async fn s_31_it_dies_with_money_taken_and_not_recorded() { AfterCharge, 1..8 }
    async fn s_34_it_dies_with_money_given_back_and_not_recorded() { AfterRefund, 1..5 }
    async fn s_42_it_dies_with_events_leased_and_not_handed_on() { AfterLease, 1..8 }
    async fn s_43_it_dies_with_an_event_noted_in_an_inbox_and_no_effect() { AfterInbox, 1..30 }
    async fn s_42_it_dies_with_events_handed_on_and_not_noted() { AfterPublish, 1..8 }
    async fn s_52_it_dies_with_a_mail_sent_and_not_noted() { AfterMail, 1..5 }
}
