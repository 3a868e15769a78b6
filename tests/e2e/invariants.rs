//! Every invariant finds the faults it is for: rows are changed by hand and put back.

use std::collections::BTreeSet;
use std::time::Duration;

use boxoffice_sdk::booking::v1::booking;
use boxoffice_sdk::identity::v1::RegisterRequest;
use boxoffice_sdk::operations::v1::GetStatusRequest;
use boxoffice_server::operations::invariants::{names, verify};
use boxoffice_server::store::Store;
use boxoffice_tests::{Backend, Database, HandClock, PASSWORD, Stage, StagePlan, World, scenarios};

use crate::entry_faults::{ENTRY_FAULTS, let_in_twice};
use crate::sale_faults::{BOOKING_FAULTS, SEAT_FAULTS};

/// Where the consumers and what they do are told.
const ARCHITECTURE: &str = include_str!("../../ARCHITECTURE.md");

/// Something done to the database by hand, and the invariants that must find it.
pub struct Fault {
    found_by: &'static [&'static str],
    /// The one table whose rows it changes.
    table: &'static str,
    statement: &'static str,
}

pub const fn fault(
    found_by: &'static [&'static str],
    table: &'static str,
    statement: &'static str,
) -> Fault {
    Fault { found_by, table, statement }
}

/// Indexes that keep a fault from happening at all. Without them, it must still be found.
const GUARDS: [(&str, &str); 3] = [
    (
        "drop index ticket_ticket_live",
        "create unique index ticket_ticket_live on ticket_ticket (event_id, place_id)
            where state in ('VALID', 'USED')",
    ),
    (
        "drop index ticket_check_in_admitted",
        "create unique index ticket_check_in_admitted on ticket_check_in (ticket_id)
            where outcome = 'ADMITTED'",
    ),
    (
        "drop index payment_payment_open",
        "create unique index payment_payment_open on payment_payment (booking_id)
            where state in ('PENDING', 'REQUIRES_ACTION', 'UNKNOWN')",
    ),
];

const MONEY_AND_TICKET_FAULTS: [Fault; 12] = [
    fault(
        &["confirmed_booking_is_paid", "payment_is_of_its_booking"],
        "payment_payment",
        "update payment_payment set amount_minor = amount_minor + 1",
    ),
    fault(
        &["payment_is_of_its_booking"],
        "payment_payment",
        "update payment_payment set currency_code = 'USD'",
    ),
    fault(
        &["payment_owner_is_its_bookings"],
        "payment_payment",
        "update payment_payment set session_id = 'gst_somebody'",
    ),
    fault(
        &["action_while_it_is_required"],
        "payment_payment",
        "update payment_payment set action_url = 'https://bank.example'",
    ),
    fault(
        &["refunds_match_their_payment", "confirmed_booking_is_paid"],
        "payment_payment",
        "update payment_payment set refunded_minor = 1",
    ),
    fault(
        &["refunds_match_their_payment", "no_payment_forgotten", "no_refund_overdue"],
        "payment_refund",
        "insert into payment_refund select payment_id, payment_id, booking_id, event_id, 'PENDING',
            currency_code, 100, 'by hand', 0, 1, 1, 1, '' from payment_payment",
    ),
    fault(
        &["no_payment_forgotten", "confirmed_booking_is_paid"],
        "payment_payment",
        "update payment_payment set state = 'UNKNOWN', next_ask_time = 1",
    ),
    fault(
        &["one_open_payment_a_booking"],
        "payment_payment",
        "insert into payment_payment select
            case when n.number = 1 then booking_id else event_id end, booking_id, event_id,
            session_id, 'PENDING', currency_code, amount_minor, payment_token,
            '', '', 0, 0, 1, 1, 1, 1, method, '', '' from (select * from payment_payment
            order by payment_id limit 1) p
            cross join (select 1 as number union all select 2) n",
    ),
    fault(
        &["sold_seat_has_one_live_ticket", "confirmed_booking_has_its_tickets"],
        "ticket_ticket",
        "update ticket_ticket set state = 'VOID' where seat_label = '1'",
    ),
    fault(
        &["sold_seat_has_one_live_ticket", "confirmed_booking_has_its_tickets"],
        "ticket_ticket",
        "delete from ticket_ticket where seat_label = '1'",
    ),
    fault(
        &["live_ticket_has_its_seat"],
        "ticket_ticket",
        "update ticket_ticket set booking_id = event_id where seat_label = '1'",
    ),
    fault(
        &["place_has_one_live_ticket", "sold_seat_has_one_live_ticket"],
        "ticket_ticket",
        "insert into ticket_ticket select booking_id, booking_id, event_id, place_id, session_id,
            section_name, row_label, seat_label, 'VALID', create_time, version, seat_id,
            offer_name, gate, use_time, update_time from ticket_ticket where seat_label = '1'",
    ),
];

const CATALOG_FAULTS: [Fault; 4] = [
    fault(
        &["venue_has_all_its_seats"],
        "catalog_venue",
        "update catalog_venue set seat_count = seat_count + 1",
    ),
    fault(
        &["venue_has_all_its_seats"],
        "catalog_section",
        "update catalog_section set venue_id = section_id",
    ),
    fault(
        &["sale_follows_its_event"],
        "booking_event",
        "update booking_event set on_sale = false where on_sale",
    ),
    fault(
        &["sale_follows_its_event"],
        "catalog_event",
        "update catalog_event set start_time = start_time - 1 where state = 'PUBLISHED'",
    ),
];

const EVENT_FAULTS: [Fault; 10] = [
    fault(
        &["event_versions_without_gap"],
        "store_event_log",
        "delete from store_event_log where context = 'booking' and aggregate_version = 1",
    ),
    fault(
        &["state_has_its_event"],
        "store_event_log",
        "delete from store_event_log where context = 'payment'",
    ),
    fault(
        &["committed_events_are_published"],
        "store_outbox",
        "insert into store_outbox select message_id, context, kind, aggregate_id,
            aggregate_version + 1000, payload, 1, null, 0, 0 from store_event_log
            where context = 'booking' and aggregate_version = 1",
    ),
    fault(
        &["published_events_are_consumed"],
        "store_inbox",
        "delete from store_inbox where consumer = 'reporting.timeline'",
    ),
    fault(
        &["parked_events_keep_their_order"],
        "store_dead_letter",
        "insert into store_dead_letter select message_id, 'reporting.timeline', message_id, 'topic',
            0, null, context, kind, aggregate_id, aggregate_version, payload, occur_time, 'cause',
            1, 1, 1, 1, 'PARKED', null, '', '' from store_event_log
            where context = 'booking' and aggregate_version = 1",
    ),
    fault(
        &["state_has_its_event"],
        "identity_user",
        "update identity_user set version = version + 1 where email_verify_time is null",
    ),
    fault(
        &["taken_over_guest_has_its_user"],
        "identity_guest",
        "update identity_guest set user_id = guest_id",
    ),
    fault(
        &["taken_over_guest_has_its_user"],
        "identity_guest",
        "update identity_guest set user_id = null where tell_again_time is not null",
    ),
    fault(
        &["no_notification_forgotten"],
        "notification_notification",
        "update notification_notification set state = 'PENDING', next_try_time = 1",
    ),
    fault(
        &["refresh_tokens_form_a_line"],
        "identity_refresh_token",
        "update identity_refresh_token set use_time = null where use_time is not null",
    ),
];

/// A confirmed booking of two seats, one that awaits its money, a hold, and a token that was used.
async fn set_the_scene(world: &World) {
    let organizer = world.organizer().await;
    let plan = StagePlan { standing: 9, ..StagePlan::default() };
    let stage = Stage::publish(&organizer, &plan).await;
    let (event_id, buyer) = (stage.event_id.as_str(), world.customer().await);
    buyer.refresh().await.expect("the next");
    let guest_refresh_token = world.guest().await.tokens().expect("a session").refresh_token;
    let request = RegisterRequest {
        email: "once.a.guest@example.com".into(),
        password: PASSWORD.into(),
        display_name: "Once a Guest".into(),
        guest_refresh_token,
    };
    world.anonymous().await.register(request).await.expect("an account");
    let hold = buyer.hold(event_id, &[stage.seat(3)]).await.expect("it is free");
    let pending = buyer.book(&hold).await.expect("the hold is good");
    assert_eq!(pending.state(), booking::State::Pending);
    buyer.hold(event_id, &[stage.seat(4)]).await.expect("it is free");
    let standing = [(stage.standing.as_str(), 1)];
    let hold = buyer.hold_places(event_id, &[], &standing).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    buyer.pay(&booking, "tok_success").await.expect("it is paid");
    buyer.hold_places(event_id, &[], &standing).await.expect("it is free");
    // The sale comes last, so that the newest revision of the feed is of its seats.
    let booking = buyer.buy(event_id, &[stage.seat(0), stage.seat(1)]).await;
    let_in_twice(&organizer, &buyer, &booking).await;
    world.assert_sound().await;
}

async fn broken(store: &Store, clock: &HandClock) -> BTreeSet<&'static str> {
    let verdicts = verify(store, clock, Duration::ZERO).await.expect("it is verified");
    let broken = verdicts.iter().filter(|verdict| verdict.finding.violation_count > 0);
    broken
        .map(|verdict| {
            assert!(
                !verdict.finding.examples.is_empty(),
                "{} without a row",
                verdict.invariant.name
            );
            verdict.invariant.name
        })
        .collect()
}

async fn commit(fault: &Fault, database: &Database) {
    let table = fault.table;
    database.by_hand(&format!("create table kept as select * from {table}")).await;
    let changed = database.by_hand(fault.statement).await;
    assert!(changed > 0, "nothing to change for {:?}: {}", fault.found_by, fault.statement);
}

async fn put_back(fault: &Fault, database: &Database) {
    let table = fault.table;
    database.by_hand(&format!("delete from {table}")).await;
    database.by_hand(&format!("insert into {table} select * from kept")).await;
    database.by_hand("drop table kept").await;
}

/// Commits every fault while no server runs that could mend it.
async fn every_fault_is_found(backend: Backend) {
    let world = World::start(backend).await;
    set_the_scene(&world).await;
    world.while_stopped(commit_every_fault).await.finish().await;
}

async fn commit_every_fault(database: &Database, clock: &HandClock) {
    let store = Store::open(&database.url).await.expect("it opens");
    for (drop_index, _) in GUARDS {
        database.by_hand(drop_index).await;
    }
    assert_eq!(broken(&store, clock).await, BTreeSet::new());
    let mut covered = BTreeSet::new();
    let faults = SEAT_FAULTS.iter().chain(&BOOKING_FAULTS).chain(&MONEY_AND_TICKET_FAULTS);
    for fault in faults.chain(&ENTRY_FAULTS).chain(&EVENT_FAULTS).chain(&CATALOG_FAULTS) {
        commit(fault, database).await;
        let found = broken(&store, clock).await;
        for name in fault.found_by {
            assert!(found.contains(name), "{name} does not find it: {}", fault.statement);
            covered.insert(*name);
        }
        put_back(fault, database).await;
        assert_eq!(broken(&store, clock).await, BTreeSet::new(), "after {}", fault.statement);
    }
    let all: BTreeSet<_> = names().collect();
    assert_eq!(covered, all, "every invariant has a fault here");
    for (_, create_index) in GUARDS {
        database.by_hand(create_index).await;
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_finds_every_fault_by_the_invariant_it_is_for_on_sqlite() {
    every_fault_is_found(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_finds_every_fault_by_the_invariant_it_is_for_on_postgres() {
    every_fault_is_found(Backend::Postgres).await;
}

scenarios! {
    async fn verify_names_the_rows_to_an_operator(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        let change = |by: &str| {
            let set = "update booking_booking set total_minor = total_minor";
            format!("{set} {by} 1 where state = 'CONFIRMED'")
        };
        assert_eq!(world.database.by_hand(&change("+")).await, 1);
        let results = world.verify().await;
        assert_eq!(results.len(), names().count());
        assert!(results.iter().all(|r| !r.description.is_empty() && r.duration.is_some()));
        let wrong = results.iter().find(|result| result.name == "total_is_the_sum_of_prices");
        let wrong = wrong.expect("it is reported");
        let (_, digits) = booking.booking_id.split_once('_').expect("an id");
        assert_eq!((wrong.violation_count, wrong.examples.len()), (1, 1));
        assert!(wrong.examples[0].contains(digits), "{:?}", wrong.examples);
        assert_eq!(world.database.by_hand(&change("-")).await, 1);
    }
    async fn events_that_a_consumer_has_missed_are_found_whichever_consumer_it_is(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        world.guest().await.buy(&stage.event_id, &[stage.seat(0)]).await;
        world.assert_sound().await;
        let status = world.admin().await.get_status(GetStatusRequest {}).await.expect("a status");
        let consumers: Vec<String> = status.consumers.into_iter().map(|c| c.consumer).collect();
        assert!(consumers.len() >= 4, "{consumers:?}");
        for consumer in consumers {
            let forget = format!("delete from store_inbox where consumer = '{consumer}'");
            assert!(world.database.by_hand(&forget).await > 0, "{consumer} has seen events");
            let results = world.verify().await;
            let found = results.iter().find(|r| r.name == "published_events_are_consumed");
            let examples = &found.expect("it is reported").examples;
            assert!(examples.iter().any(|e| e.contains(&consumer)), "{consumer}: {examples:?}");
            let again = format!("insert into store_inbox (consumer, message_id, occur_time)
                select '{consumer}', message_id, occur_time from store_event_log");
            world.database.by_hand(&again).await;
            assert!(ARCHITECTURE.contains(&format!("| `{consumer}` |")), "{consumer}'s effect");
        }
    }
}
