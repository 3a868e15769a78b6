//! A thousand watchers of one event, of whom some never read: the others notice nothing of it, and
//! what is kept for those who do not read is bounded.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use boxoffice_sdk::booking::v1::{ReleaseHoldRequest, WatchSeatsResponse};
use boxoffice_server::ports::clock::Clock;
use boxoffice_tests::streams::{
    Heard, Keeper, StreamLog, assert_kept, channel, narrow_channel, open_seats, stalling_channel,
};
use boxoffice_tests::{
    Backend, HandClock, Person, Process, Stage, StagePlan, eventually, kills, look_until,
    request_id,
};
use futures::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::Streaming;

const WATCHERS: usize = 1_000;
/// PostgreSQL has a process of its own, which wants its part of the machine.
const WATCHERS_BESIDE_POSTGRES: usize = 600;
/// Those of them who never read.
const STUCK: usize = 50;
/// Streams that one connection carries here; a server takes 200 of each.
const STREAMS_A_CONNECTION: usize = 190;
/// What a server takes of each connection.
const STREAMS_MAX: usize = 200;
/// Changes that are measured without those who are stuck, and with them; and how often each.
const CHANGES: usize = 6;
const ROUNDS: usize = 3;
/// How often the two are compared at the most.
const COMPARISONS_MAX: usize = 3;
/// How soon a change is with everybody who reads. As with the ratio, one delay of a hundred may be
/// longer, and a few bad moments of a machine that runs other tests as well.
const DELAY_MAX: Duration = Duration::from_secs(1);
/// How much longer a change may take when some do not read; what is measured varies by itself.
const RATIO_MAX: f64 = 2.5;
/// Changes that are made while nobody reads them, and the seats of each.
const UNREAD_CHANGES: usize = 300;
const SEATS_A_CHANGE: usize = 50;
/// What may be kept for each who does not read.
const KEPT_BYTES_MAX: u64 = 256 * 1_024;

/// Everybody who reads.
struct Readers {
    seen: Vec<Arc<AtomicI64>>,
    reading: Vec<JoinHandle<StreamLog>>,
    close: watch::Sender<bool>,
}

/// Reads until it is told to leave.
async fn read(
    mut stream: Streaming<WatchSeatsResponse>,
    mut log: StreamLog,
    seen: Arc<AtomicI64>,
    mut closing: watch::Receiver<bool>,
) -> StreamLog {
    let clock = HandClock::default();
    loop {
        let message = tokio::select! {
            message = stream.message() => message.expect("it goes on").expect("a message"),
            _ = closing.changed() => return log,
        };
        let arrival_micros = clock.now().micros();
        seen.store(message.cursor.expect("a cursor").revision, Ordering::SeqCst);
        log.heard.push(Heard { message, arrival_micros });
    }
}

impl Readers {
    /// So many, over as few connections as there can be.
    async fn gather(process: &Process, stage: &Stage, count: usize) -> Self {
        let (close, closing) = watch::channel(false);
        let mut readers = Self { seen: Vec::new(), reading: Vec::new(), close };
        let mut connection = channel(&process.url());
        for index in 0..count {
            if index % STREAMS_A_CONNECTION == 0 {
                connection = channel(&process.url());
            }
            let stream = open_seats(&connection, &stage.event_id, None, None).await;
            let (log, seen) = (StreamLog::begin(format!("reader {index}"), None), Arc::default());
            readers.seen.push(Arc::clone(&seen));
            let stream = stream.expect("a stream");
            readers.reading.push(tokio::spawn(read(stream, log, seen, closing.clone())));
        }
        readers
    }

    /// Waits until all of them have seen a revision.
    async fn all_see(&self, revision: i64) {
        let last = || self.seen.iter().map(|seen| seen.load(Ordering::SeqCst)).min();
        look_until(async || last(), |last| last.is_some_and(|last| last >= revision)).await;
    }

    /// Sends them away, and gives what they have heard.
    async fn leave(self) -> Vec<StreamLog> {
        self.close.send_replace(true);
        let logs = join_all(self.reading).await;
        logs.into_iter().map(|log| log.expect("it was read")).collect()
    }
}

/// Those who never read: on connections that take little of each stream, and on one of which not a
/// byte is read.
async fn get_stuck(process: &Process, stage: &Stage) -> Vec<Streaming<WatchSeatsResponse>> {
    let narrow = narrow_channel(&process.url());
    let (stalling, stall) = stalling_channel(&process.url());
    let mut stuck = Vec::new();
    for index in 0..STUCK {
        let connection = if index % 5 == 0 { &stalling } else { &narrow };
        let stream = open_seats(connection, &stage.event_id, None, None).await;
        stuck.push(stream.expect("a stream"));
    }
    stall.send_replace(true);
    stuck
}

/// Holds seats and gives them back, one after the other, each time once everybody has seen it.
/// Gives the revisions of these.
async fn change_and_show(buyer: &Person, stage: &Stage, readers: &Readers) -> Range<i64> {
    let first = readers.seen[0].load(Ordering::SeqCst) + 1;
    for number in 0..CHANGES / 2 {
        let revision = first + 2 * number as i64;
        let seat = stage.seat(number);
        let hold = buyer.hold(&stage.event_id, &[seat]).await.expect("it is free");
        readers.all_see(revision).await;
        let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id };
        buyer.release_hold(request).await.expect("it is released");
        readers.all_see(revision + 1).await;
    }
    first..first + CHANGES as i64
}

/// The delay that one of a hundred readers exceeds: of each of these changes, and then the middle
/// one of them, so that one bad moment of the machine makes no difference.
fn typical_delay(logs: &[StreamLog], ranges: &[Range<i64>]) -> Duration {
    let mut by_revision: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for log in logs {
        let changes = log.heard.len() - log.delays_micros().len();
        for (heard, delay) in log.heard.iter().skip(changes).zip(log.delays_micros()) {
            let revision = heard.message.cursor.expect("a cursor").revision;
            if ranges.iter().any(|range| range.contains(&revision)) {
                by_revision.entry(revision).or_default().push(delay);
            }
        }
    }
    let worst = by_revision.into_values().map(|delays| at_part(delays, 99)).collect();
    Duration::from_micros(at_part(worst, 50).unsigned_abs())
}

/// The delay that so many of a hundred do not exceed.
fn at_part(mut delays: Vec<i64>, percent: usize) -> i64 {
    delays.sort_unstable();
    delays[delays.len() * percent / 100]
}

/// Many seats are held and given back again and again.
async fn change_much(buyer: &Person, stage: &Stage) {
    let seats: Vec<&str> = stage.seats[..SEATS_A_CHANGE].iter().map(String::as_str).collect();
    for _ in 0..UNREAD_CHANGES / 2 {
        let hold = buyer.hold(&stage.event_id, &seats).await.expect("they are free");
        let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id };
        buyer.release_hold(request).await.expect("they are released");
    }
}

fn plan() -> StagePlan {
    StagePlan { rows: 10, seats_a_row: 20, places_per_buyer_max: 100, ..Default::default() }
}

/// Shows changes to many watchers, without and with some who never read. Gives how long they
/// typically take.
async fn compare(process: &Process) -> (Duration, Duration) {
    let stage = process.stage(plan()).await;
    let keeper = Keeper::begin(&process.database, &stage.event_id).await;
    let buyer = process.guest().await;
    let watchers = match process.database.backend {
        Backend::Sqlite => WATCHERS,
        Backend::Postgres => WATCHERS_BESIDE_POSTGRES,
    };
    let readers = Readers::gather(process, &stage, watchers - STUCK).await;
    readers.all_see(0).await;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.push(change_and_show(&buyer, &stage, &readers).await);
        let stuck = get_stuck(process, &stage).await;
        with.push(change_and_show(&buyer, &stage, &readers).await);
        drop(stuck);
    }
    let resident = process.resident_bytes() / 1_048_576;
    let logs = readers.leave().await;
    let history = assert_kept(&logs, &keeper, &process.database).await;
    assert_eq!(history.len(), 2 * ROUNDS * CHANGES);
    let delays: Vec<i64> = logs.iter().flat_map(StreamLog::delays_micros).collect();
    let slowest = Duration::from_micros(at_part(delays, 99).unsigned_abs());
    let (without, with) = (typical_delay(&logs, &without), typical_delay(&logs, &with));
    let ratio = with.as_secs_f64() / without.as_secs_f64();
    boxoffice_tests::tell!(
        "p99 without {without:.1?}, with {STUCK} who do not read {with:.1?}: {ratio:.2}; of all \
         {slowest:.1?}; {resident} MiB"
    );
    (without, with)
}

kills! {
    async fn s_81_a_thousand_watchers_do_not_notice_those_who_never_read(process: &mut Process) {
        let mut times = Vec::new();
        // Something else may have the machine for a while.
        for _ in 0..COMPARISONS_MAX {
            let (without, with) = compare(process).await;
            if with <= DELAY_MAX && with <= without.mul_f64(RATIO_MAX) {
                return;
            }
            times.push((without, with));
        }
        panic!("changes take too long, without and with some who do not read: {times:?}");
    }

    async fn s_81_what_is_kept_for_those_who_never_read_is_bounded(process: &mut Process) {
        let stage = process.stage(plan()).await;
        // A fresh process has none of the memory that hashing passwords leaves behind.
        process.stop().await;
        process.start_again().await;
        let buyer = process.guest().await;
        let readers = Readers::gather(process, &stage, 5).await;
        change_much(&buyer, &stage).await;
        readers.all_see(UNREAD_CHANGES as i64).await;
        let before = process.resident_bytes();
        let stuck = get_stuck(process, &stage).await;
        change_much(&buyer, &stage).await;
        readers.all_see(2 * UNREAD_CHANGES as i64).await;
        let after = process.resident_bytes();
        let kept = after.saturating_sub(before) / STUCK as u64;
        let logs = readers.leave().await;
        let told = logs[0].heard.iter().skip(1 + UNREAD_CHANGES);
        let told: usize = told.map(|heard| prost::Message::encoded_len(&heard.message)).sum();
        boxoffice_tests::tell!(
            "{} KiB before, {} KiB after: {kept} bytes for each who was not told {told}",
            before / 1_024,
            after / 1_024
        );
        drop(stuck);
        assert!(told as u64 > 2 * KEPT_BYTES_MAX, "too little was told to show anything: {told}");
        assert!(kept <= KEPT_BYTES_MAX, "{kept} bytes are kept for each who does not read");
    }

    async fn s_81_streams_beyond_those_of_a_connection_wait_for_others_to_end(
        process: &mut Process
    ) {
        let stage = process.stage(plan()).await;
        let (full, other) = (channel(&process.url()), channel(&process.url()));
        let mut open = Vec::new();
        for _ in 0..STREAMS_MAX {
            let stream = open_seats(&full, &stage.event_id, None, None).await;
            open.push(stream.expect("a stream"));
        }
        let event_id = stage.event_id.clone();
        let waiting = full.clone();
        let mut one_more = tokio::spawn(async move {
            let stream = open_seats(&waiting, &event_id, None, None).await;
            stream.expect("a stream").message().await.expect("no error").expect("a snapshot")
        });
        // Another connection is not concerned.
        let mut elsewhere = open_seats(&other, &stage.event_id, None, None).await.expect("one");
        elsewhere.message().await.expect("no error").expect("a snapshot");
        assert!(!one_more.is_finished(), "a connection carries more than {STREAMS_MAX} streams");
        drop(open.pop());
        eventually(async || if one_more.is_finished() { Ok(()) } else { Err("it waits") }).await;
        (&mut one_more).await.expect("the snapshot came");
    }
}
