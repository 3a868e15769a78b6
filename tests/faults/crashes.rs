//! A server that dies at a named place of its work, in the middle of a sale: once it is back, what
//! was acknowledged is there, whoever repeats his request gets the same, and nothing is stuck.

use std::time::Duration;

use boxoffice_server::faults::Point;
use boxoffice_tests::{Backend, Chance, Database, Process, Sale, eventually, length};

use crate::rush;

/// How soon a server is ready again, and finished with whatever was going on.
const READY_MAX: Duration = Duration::from_secs(2);
/// What a process ends by that was told to die.
const SIGABRT: i32 = 6;

/// Lets a server die at a place, passed so often, and come back as it is released; then it sells on
/// for a moment.
async fn die_and_come_back(process: &mut Process, sale: &Sale, point: Point, pass: u64) {
    let signal = process.death().await;
    assert_eq!(signal, Some(SIGABRT), "it died of something else than {}:{pass}", point.name());
    let ready = process.start_again();
    boxoffice_tests::tell!("{}:{pass}, ready after {ready:?}", point.name());
    assert!(ready < READY_MAX, "ready only after {ready:?}");
    sale.moved_to(process);
    // It chooses the moment of closing: some of the sale is to come after the crash.
    tokio::time::sleep(Duration::from_millis(150)).await;
    sale.close();
}

/// Sells an event while the server dies there.
async fn sell_and_die(process: &mut Process, point: Point, pass: u64) -> rush::Bought {
    let stage = rush::stage(process).await;
    let mut buyers = rush::admit(&Sale::open(process), process).await;
    process.kill();
    process.start_faulty(&format!("crash={}:{pass}", point.name()));
    let sale = Sale::open(process);
    for buyer in &mut buyers {
        *buyer = sale.admit(process.again(&buyer.person).await);
    }
    let crash = die_and_come_back(process, &sale, point, pass);
    rush::sell(&stage, buyers, crash).await
}

/// Nothing of the mails is lost or sent twice under another name.
async fn assert_mails_are_whole(process: &Process) {
    let folder = process.folder.path().join("boxoffice.mails");
    let sent = "select count(*) from notification_notification where state = 'SENT'";
    eventually(async || {
        let noted = process.database.count_by_hand(sent).await;
        let files = std::fs::read_dir(&folder).expect("the folder of mails");
        let names = files.map(|file| file.expect("a file").file_name());
        let mails = names.filter(|name| !name.to_string_lossy().starts_with('.')).count();
        let mails = i64::try_from(mails).expect("a number that fits");
        if mails == noted { Ok(()) } else { Err(format!("{mails} mails, {noted} noted as sent")) }
    })
    .await;
}

async fn survives(backend: Backend, point: Point, pass: u64) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let database = Database::create(backend, folder.path()).await;
    let mails = format!("dir:{}", folder.path().join("boxoffice.mails").display());
    let mut process = Process::prepare(database, folder, &["--mail", &mails]);
    process.start_again();
    let bought = sell_and_die(&mut process, point, pass).await;
    let (_, unknown) = rush::assert_kept(&process, &bought).await;
    assert!(unknown > 0, "nobody noticed");
    rush::assert_charged_once(&bought, &process.ledger().await);
    assert_mails_are_whole(&process).await;
    rush::assert_finished(&process.database).await;
    process.finish().await;
}

/// On both databases at the same time, as often as `BOXOFFICE_TEST_CRASHES` says. `passes` is the
/// range of how often the place is passed before the server dies there.
async fn survives_on_both(point: Point, passes: std::ops::Range<u64>) {
    let mut chance = Chance::of_test();
    for _ in 0..length("BOXOFFICE_TEST_CRASHES", 1) {
        let mut pass = || passes.start + chance.below(passes.end - passes.start);
        let (sqlite, postgres) = (pass(), pass());
        tokio::join!(
            survives(Backend::Sqlite, point, sqlite),
            survives(Backend::Postgres, point, postgres)
        );
    }
}

macro_rules! crashes {
    ($($(#[$meta:meta])* async fn $name:ident() { $point:ident, $passes:expr })*) => {$(
        $(#[$meta])*
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            survives_on_both(Point::$point, $passes).await;
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
