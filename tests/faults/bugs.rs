//! Negative controls: every bug that can be planted is found, and what finds it finds nothing
//! without it.
//!
//! The table says by which scene a bug comes to bite and by whom it is found. A scene is played on
//! a healthy server first, and then on one with each of its bugs. Many bugs are found by a sale
//! under pressure as well, which is not made for them (`sale.rs`).

use std::time::Duration;

use boxoffice_server::faults::{Bug, bites, plant};
use boxoffice_tests::streams::StreamPromise;
use boxoffice_tests::{Backend, World};

use crate::scenes::{holds, inventory, money, people, streams, work};
use crate::verdict::{By, Findings};

use Sale::{Finds, Passes};

/// How long a healthy server may take until nothing is under way.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long one with a bug gets for that.
const PATIENCE_WITH_A_BUG: Duration = Duration::from_millis(1_500);

/// What a sale under pressure, which was made for no bug, makes of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sale {
    /// It finds it, some not always, or only with 24 purchases a buyer.
    Finds,
    /// It passes it by: what it needs to bite, or to be seen, does not happen there.
    Passes,
}

/// Each bug, what a sale under pressure makes of it, the scene that it bites in, and who finds it
/// there.
const TABLE: &[(Bug, Sale, &str, By)] = &[
    (Bug::HoldWithoutCondition, Finds, "taken_places", By::Promise("live_hold_has_all_its_seats")),
    (Bug::BulkWriteSkipsOne, Finds, "taken_places", By::Promise("live_hold_has_all_its_seats")),
    (Bug::BlockedSeatSellable, Finds, "taken_places", By::Answers("a blocked seat is held")),
    (
        Bug::BuyersLimitUnenforced,
        Finds,
        "taken_places",
        By::Answers("a buyer has more than the limit"),
    ),
    (Bug::ReleaseWithoutOwner, Finds, "taken_places", By::Answers("a stranger releases a hold")),
    (Bug::ExpiredHoldLives, Finds, "holds_that_end", By::Answers("a hold that is over is booked")),
    (Bug::SweepOfALiveHold, Finds, "holds_that_end", By::Answers("a hold ends before its time")),
    (Bug::ExtensionWithoutCap, Finds, "holds_that_end", By::Answers("a hold lasts too long")),
    (Bug::GaNotGivenBack, Finds, "holds_that_end", By::Promise("general_admission_adds_up")),
    (Bug::GaGivenBackTwice, Finds, "holds_that_end", By::Promise("general_admission_adds_up")),
    (Bug::ClaimWithoutCondition, Finds, "a_late_claim", By::Promise("booking_has_all_its_seats")),
    (Bug::PartialClaim, Finds, "unpaid_bookings", By::Promise("held_seat_has_its_hold")),
    (Bug::WrongTotal, Finds, "unpaid_bookings", By::Promise("total_is_the_sum_of_prices")),
    (
        Bug::CancelledKeepsPlaces,
        Finds,
        "unpaid_bookings",
        By::Promise("claimed_seat_has_its_booking"),
    ),
    (Bug::UnpaidBookingStays, Finds, "unpaid_bookings", By::Promise("no_booking_past_its_time")),
    (Bug::VersionGap, Finds, "unpaid_bookings", By::Promise("event_versions_without_gap")),
    (Bug::NeighboursAnswer, Finds, "many_at_once", By::Answers("somebody gets another one's hold")),
    (Bug::LostRaceUnnoticed, Passes, "two_replicas", By::Answers("two buyers hold one seat")),
    (
        Bug::AcknowledgedBeforeCommit,
        Finds,
        "a_commit_that_fails",
        By::Answers("an answer comes to nothing"),
    ),
    (Bug::RequestNotRecorded, Finds, "repeats", By::Answers("a repeat makes another payment")),
    (Bug::BodyNotCompared, Finds, "repeats", By::Answers("another request is taken for a repeat")),
    (Bug::CallerNotInTheKey, Finds, "repeats", By::Answers("a caller meets another one's request")),
    (Bug::DeclineFreesPlaces, Finds, "repeats", By::Promise("booking_has_all_its_seats")),
    (Bug::AmountNotCompared, Finds, "late_notices", By::Answers("a webhook names another amount")),
    (Bug::DeclineUndoesSuccess, Finds, "late_notices", By::Promise("confirmed_booking_is_paid")),
    (Bug::SecondCaptureKept, Finds, "late_notices", By::Promise("confirmed_booking_is_paid")),
    (Bug::SilenceTakenForDecline, Finds, "a_silent_gateway", By::Money),
    (Bug::NewKeyPerCharge, Finds, "a_silent_gateway", By::Money),
    (Bug::LateMoneyTakesPlaces, Passes, "late_money", By::Promise("booking_has_all_its_seats")),
    (Bug::RefundTwice, Finds, "money_back", By::Promise("confirmed_booking_is_paid")),
    (Bug::NewKeyPerRefund, Passes, "money_back", By::Money),
    (Bug::CancelledKeepsMoney, Finds, "money_back", By::Promise("captured_money_has_a_home")),
    (Bug::VoidForgotten, Finds, "money_back", By::Promise("live_ticket_has_its_seat")),
    (
        Bug::NoTicketForOnePlace,
        Finds,
        "money_back",
        By::Promise("confirmed_booking_has_its_tickets"),
    ),
    (Bug::LostOutboxRow, Finds, "money_back", By::Promise("event_versions_without_gap")),
    (
        Bug::MarkedBeforeSent,
        Passes,
        "a_failing_consumer",
        By::Promise("published_events_are_consumed"),
    ),
    (
        Bug::InboxRowNotWritten,
        Finds,
        "a_failing_consumer",
        By::Promise("published_events_are_consumed"),
    ),
    (Bug::InboxBeforeEffect, Passes, "a_failing_consumer", By::Answers("a timeline has a hole")),
    (
        Bug::OrderBroken,
        Passes,
        "a_failing_consumer",
        By::Answers("an event overtakes an earlier one"),
    ),
    (Bug::CheckInTwice, Finds, "two_gates", By::Answers("a ticket lets two people in")),
    (Bug::CursorOffByOne, Finds, "watchers", By::Stream(StreamPromise::Resumable)),
    (Bug::ChangeToldTwice, Finds, "watchers", By::Stream(StreamPromise::Unique)),
    (Bug::ChangesOutOfOrder, Finds, "watchers", By::Stream(StreamPromise::Ordered)),
    (Bug::FoldKeepsOldest, Finds, "watchers", By::Stream(StreamPromise::Reliable)),
    (Bug::SeatOfAGroupUntold, Finds, "watchers", By::Stream(StreamPromise::Whole)),
    (Bug::GaRemainderUntold, Finds, "watchers", By::Stream(StreamPromise::Whole)),
    (Bug::NewBeginningUnmarked, Finds, "watchers", By::Stream(StreamPromise::Marked)),
    (Bug::UsedTokenStillWorks, Finds, "strangers", By::Answers("a used refresh token works")),
    (Bug::OwnershipNotChecked, Finds, "strangers", By::Answers("a stranger reads a booking")),
];

/// What a sale under pressure makes of a bug.
pub fn sale_of(bug: Bug) -> Sale {
    let row = TABLE.iter().find(|(planted, ..)| *planted == bug);
    row.expect("every bug is in the table").1
}

/// Takes a bug out again, also when its scene has failed.
struct Planted;

impl Planted {
    fn plant(bug: Option<Bug>) -> Self {
        plant(bug);
        Self
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        plant(None);
    }
}

/// Plays a scene on a server of its own. Says what was found, and how often the bug was met.
async fn play(
    bug: Option<Bug>,
    backend: Backend,
    scene: &impl AsyncFn(&World, &mut Findings),
) -> (Findings, u64) {
    let world = World::start(backend).await;
    let planted = Planted::plant(bug);
    let mut findings = Findings::default();
    scene(&world, &mut findings).await;
    let patience = if bug.is_some() { PATIENCE_WITH_A_BUG } else { PATIENCE };
    findings.conclude(&world, patience).await;
    let bites = bites();
    drop(planted);
    world.app.stop().await.expect("it stops");
    world.database.discard().await;
    (findings, bites)
}

/// Nothing is found in a scene as it should go, and each of its bugs is.
async fn prove(name: &str, backend: Backend, scene: impl AsyncFn(&World, &mut Findings)) {
    let (findings, _) = play(None, backend, &scene).await;
    assert!(findings.is_empty(), "{name} without a bug: {findings:#?}");
    let (mut missed, mut met) = (Vec::new(), Vec::new());
    for (bug, _, _, by) in TABLE.iter().filter(|(_, _, scene, _)| *scene == name) {
        let (findings, bites) = play(Some(*bug), backend, &scene).await;
        println!("{bug:?}: met {bites} times; {findings:?}");
        met.push(format!("{bug:?} ({bites})"));
        if bites == 0 || !findings.has(*by) {
            missed.push(format!("{bug:?}, met {bites} times, not found by {by:?}: {findings:#?}"));
        }
    }
    boxoffice_tests::tell!("planted, and met so often: {}", met.join(", "));
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Tests of scenes: on both databases, or on one, where what its bugs get wrong is nothing that the
/// database could notice, or where only that database lets it happen.
macro_rules! scenes {
    (@test $test:ident $name:ident: $scene:path, $backend:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let scene = async |world: &World, findings: &mut Findings| {
                $scene(world, findings).await;
            };
            prove(stringify!($name), Backend::$backend, scene).await;
        }
    };
    (@tests $name:ident: $scene:path) => {
        scenes! { @test its_bugs_are_found_on_sqlite $name: $scene, Sqlite }
        scenes! { @test its_bugs_are_found_on_postgres $name: $scene, Postgres }
    };
    (@tests $name:ident: $scene:path, only $backend:ident) => {
        scenes! { @test its_bugs_are_found $name: $scene, $backend }
    };
    ($($name:ident: $scene:path $(, only $backend:ident)?;)*) => {
        const SCENES: &[&str] = &[$(stringify!($name)),*];
        $(mod $name {
            use super::*;

            scenes! { @tests $name: $scene $(, only $backend)? }
        })*
    };
}

scenes! {
    taken_places: holds::taken_places;
    holds_that_end: holds::holds_that_end, only Sqlite;
    a_late_claim: holds::a_late_claim;
    unpaid_bookings: inventory::unpaid_bookings, only Sqlite;
    many_at_once: inventory::many_at_once, only Sqlite;
    two_replicas: inventory::two_replicas, only Postgres;
    a_commit_that_fails: work::a_commit_that_fails;
    repeats: work::repeats, only Sqlite;
    a_failing_consumer: work::a_failing_consumer;
    late_notices: money::late_notices, only Sqlite;
    a_silent_gateway: money::a_silent_gateway, only Sqlite;
    late_money: money::late_money, only Sqlite;
    money_back: money::money_back, only Sqlite;
    watchers: streams::watchers, only Sqlite;
    two_gates: people::two_gates, only Sqlite;
    strangers: people::strangers, only Sqlite;
}

#[test]
fn every_bug_is_in_the_table_once_and_its_scene_is_played() {
    for bug in Bug::ALL {
        let rows = TABLE.iter().filter(|(planted, ..)| planted == bug).count();
        assert_eq!(rows, 1, "{bug:?}");
    }
    for (bug, _, scene, _) in TABLE {
        assert!(SCENES.contains(scene), "{scene} of {bug:?}");
    }
    for scene in SCENES {
        assert!(TABLE.iter().any(|(_, _, wanted, _)| wanted == scene), "{scene} proves nothing");
    }
}
