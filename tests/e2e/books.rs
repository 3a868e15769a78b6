//! After thousands of purchases, a part of which fails in every way there is, the payments are the
//! gateway's books to the cent. The books are read from the ledger's file, by no way the server
//! knows.
//!
//! `BOXOFFICE_TEST_PURCHASES` says how many (500 unless set), `BOXOFFICE_TEST_SEED` which.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use boxoffice_sdk::ErrorReason;
use boxoffice_sdk::booking::v1::{Booking, booking};
use boxoffice_sdk::operations::v1::ReconcileRequest;
use boxoffice_sdk::payment::v1::{ConfirmPaymentActionRequest, payment};
use boxoffice_server::adapters::sandbox::WebhookPlan;
use boxoffice_server::config::{Config, Payments};
use boxoffice_tests::{
    Backend, Chance, LedgerLine, Person, Stage, StagePlan, World, eventually_within, length,
    read_ledger, request_id, scenarios,
};
use futures::StreamExt;
use sqlx::{Connection, PgConnection, SqliteConnection};
use uuid::Uuid;

const PURCHASES_A_BUYER: usize = 50;
/// More would only wait for each other, and some of them for longer than a test does.
const BUYERS_AT_ONCE: usize = 20;
const SEATS_A_ROW: usize = 100;

/// How long it may take until every payment and refund has come to its end.
const SETTLED_MAX: Duration = Duration::from_secs(120);
/// What goes wrong with a purchase: each with one in twenty, and nothing with the others.
const FAULTS: [&str; 14] = [
    "tok_declined",
    "tok_insufficient_funds",
    "tok_expired_card",
    "tok_timeout_before_charge",
    "tok_timeout_after_charge",
    "tok_webhook",
    "tok_webhook_late",
    "tok_webhook_doubled",
    "tok_webhook_reordered",
    "tok_requires_action",
    "challenge_declined",
    "tok_hang",
    "cancelled_after_charge",
    CANCELLED_WHEN_PAID,
];

/// The fate of the first purchase, too, so that money is given back whatever the seed is.
const CANCELLED_WHEN_PAID: &str = "cancelled_when_paid";

/// The fate of a purchase, which follows from the seed and its number alone.
fn fate(seed: usize, number: usize) -> &'static str {
    if number == 0 {
        return CANCELLED_WHEN_PAID;
    }
    let roll = Chance::part(seed as u64, number).index(20);
    FAULTS.get(roll).copied().unwrap_or("tok_success")
}

/// Buys one seat, whatever that takes.
async fn purchase(buyer: &Person, stage: &Stage, number: usize, fate: &str) {
    let seat = stage.seat(number);
    let hold = buyer.hold(&stage.event_id, &[seat]).await.expect("the seat is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    match fate {
        "tok_declined" | "tok_insufficient_funds" | "tok_expired_card" => {
            let declined = buyer.start_paying(&booking, fate).await.expect("it is recorded");
            let declined = buyer.wait_for_outcome(&declined).await;
            assert_eq!(declined.state(), payment::State::Failed);
            buyer.start_paying(&booking, "tok_success").await.expect("it is recorded");
        }
        "tok_requires_action" => confirm(buyer, &booking, "succeed").await,
        "challenge_declined" => confirm(buyer, &booking, "decline").await,
        "tok_hang" => {
            buyer.start_paying(&booking, fate).await.expect("it is recorded");
            cancel(buyer, &booking).await;
        }
        "cancelled_after_charge" => {
            let token = "tok_timeout_after_charge";
            buyer.start_paying(&booking, token).await.expect("it is recorded");
            cancel(buyer, &booking).await;
        }
        CANCELLED_WHEN_PAID => {
            buyer.start_paying(&booking, "tok_success").await.expect("it is recorded");
            buyer.wait_for(&booking, booking::State::Confirmed).await;
            buyer.cancel(&booking).await.expect("it is in time");
        }
        token => {
            buyer.start_paying(&booking, token).await.expect("it is recorded");
        }
    }
}

async fn confirm(buyer: &Person, booking: &Booking, answer: &str) {
    let challenged = buyer.start_paying(booking, "tok_requires_action").await.expect("recorded");
    let challenged = buyer.wait_for_outcome(&challenged).await;
    assert_eq!(challenged.state(), payment::State::RequiresAction);
    let payment_id = challenged.payment_id;
    let (request_id, answer) = (request_id(), answer.to_owned());
    let request = ConfirmPaymentActionRequest { request_id, payment_id, answer, wait: None };
    buyer.confirm_payment_action(request).await.expect("it is recorded");
}

/// It may be paid by then: the money is kept or given back, as the booking says.
async fn cancel(buyer: &Person, booking: &Booking) {
    if let Err(error) = buyer.cancel(booking).await {
        assert_eq!(error.reason(), ErrorReason::BookingState);
    }
}

/// Our payments as the ledger would have them.
async fn our_lines(world: &World) -> Vec<LedgerLine> {
    const SQL: &str = "select payment_id, state, currency_code, amount_minor, refunded_minor
        from payment_payment order by payment_id";
    type Row = (Uuid, String, String, i64, i64);
    let url = &world.database.url;
    let rows: Vec<Row> = match world.database.backend {
        Backend::Sqlite => {
            let mut conn = SqliteConnection::connect(url).await.expect("it opens");
            sqlx::query_as(SQL).fetch_all(&mut conn).await.expect("payments")
        }
        Backend::Postgres => {
            let mut conn = PgConnection::connect(url).await.expect("it opens");
            sqlx::query_as(SQL).fetch_all(&mut conn).await.expect("payments")
        }
    };
    let states = BTreeMap::from([
        ("SUCCEEDED", "CAPTURED"),
        ("FAILED", "DECLINED"),
        ("CANCELED", "CANCELED"),
    ]);
    let mut lines: Vec<LedgerLine> = rows
        .into_iter()
        .map(|(payment_id, state, currency_code, amount_minor, refunded_minor)| LedgerLine {
            payment_id,
            state: (*states.get(state.as_str()).unwrap_or(&"not settled")).to_owned(),
            currency_code,
            amount_minor,
            refunded_minor,
        })
        .collect();
    lines.sort();
    lines
}

fn with_faults(config: &mut Config) {
    let seed = length("BOXOFFICE_TEST_SEED", 7) as u64;
    config.sandbox_webhooks = Some(WebhookPlan { late: 5, doubled: 5, reordered: 5, seed });
}

scenarios! {
    with with_faults;

    async fn s_30_after_thousands_of_purchases_every_cent_is_in_both_books(world: &World) {
        let (count, seed) =
            (length("BOXOFFICE_TEST_PURCHASES", 500), length("BOXOFFICE_TEST_SEED", 7));
        let plan = StagePlan {
            rows: count.div_ceil(SEATS_A_ROW),
            seats_a_row: i32::try_from(SEATS_A_ROW).expect("it fits"),
            price_minor_units: 1_999,
            places_per_buyer_max: 100,
            ..StagePlan::default()
        };
        let stage = world.stage(plan).await;
        let begun = Instant::now();
        let crowd = world.crowd(count.div_ceil(PURCHASES_A_BUYER)).await;
        let buyers = futures::stream::iter(crowd.iter().enumerate());
        let bought = buyers.for_each_concurrent(BUYERS_AT_ONCE, async |(index, buyer)| {
            let first = index * PURCHASES_A_BUYER;
            for number in first..(first + PURCHASES_A_BUYER).min(count) {
                purchase(buyer, &stage, number, fate(seed, number)).await;
            }
        });
        bought.await;
        let bought = begun.elapsed();
        let unsettled = "select (select count(*) from payment_refund where state = 'PENDING')
            + (select count(*) from payment_payment
                where state in ('PENDING', 'UNKNOWN', 'REQUIRES_ACTION'))
            + (select count(*) from booking_booking where open_payment_id is not null)";
        eventually_within(SETTLED_MAX, async || {
            match world.database.count_by_hand(unsettled).await {
                0 => Ok(()),
                open => Err(format!("{open} are not settled")),
            }
        })
        .await;
        let Payments::Sandbox { ledger } = &world.config.payments else { panic!("a sandbox") };
        let file = ledger.strip_prefix("sqlite://").expect("a file");
        let mut theirs = read_ledger(std::path::Path::new(file)).await;
        theirs.sort();
        let ours = our_lines(world).await;
        let differing: Vec<_> = ours.iter().zip(&theirs).filter(|(a, b)| a != b).collect();
        assert!(differing.is_empty(), "seed {seed}: {:#?}", &differing[..differing.len().min(5)]);
        assert_eq!(ours.len(), theirs.len(), "seed {seed}");
        let kept: i64 = theirs
            .iter()
            .filter(|line| line.state == "CAPTURED")
            .map(|line| line.amount_minor - line.refunded_minor)
            .sum();
        let due = "select cast(coalesce(sum(total_minor), 0) as bigint) from booking_booking
            where state = 'CONFIRMED'";
        assert_eq!(kept, world.database.count_by_hand(due).await, "seed {seed}");
        let given_back: i64 = theirs.iter().map(|line| line.refunded_minor).sum();
        let settle = Some(boxoffice_sdk::Duration { seconds: 0, nanos: 0 });
        let request = ReconcileRequest { only_changes: false, settle };
        let admin = world.admin().await;
        let compared = admin.reconcile(request).await.expect("it is compared");
        assert_eq!((compared.difference_count, compared.complete), (0, true), "{compared:?}");
        boxoffice_tests::tell!(
            "{count} purchases, seed {seed}: {} payments, {kept} cents kept, {given_back} given \
             back, 0 differ; bought in {bought:.1?}, settled in {:.1?}",
            ours.len(),
            begun.elapsed()
        );
        assert!(given_back > 0, "seed {seed}: nothing was given back");
        let paid = "select count(*) from booking_booking where state = 'CONFIRMED'";
        let paid = world.database.count_by_hand(paid).await;
        assert!(paid as usize > count * 3 / 4, "seed {seed}: only {paid} were paid");
    }
}
