//! Clients that misuse HTTP/2: each is sent away, and nobody else notices.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use boxoffice_sdk::catalog::v1::ListEventsRequest;
use boxoffice_tests::{Backend, StagePlan, World};
use prost::Message;

use super::exchange::frame;
use super::raw::{
    ACK, CONTINUATION, DATA, END_STREAM, Frame, HEADERS, PING, RESET, Raw, SETTINGS, WINDOW_UPDATE,
    header,
};

const LIST_EVENTS: &str = "/boxoffice.catalog.v1.CatalogService/ListEvents";
const WATCH_SEATS: &str = "/boxoffice.booking.v1.BookingService/WatchSeats";
/// Reasons of HTTP/2 for ending a connection or a call (RFC 9113, 7).
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;
/// Open calls on a connection at the most, as the server is to say.
const STREAMS_MAX: u32 = 200;
/// How long a call of somebody else may take while a flood is on; a call takes a few milliseconds
/// without one, and the machine is a busy one.
const UNDISTURBED_MAX: Duration = Duration::from_secs(3);
/// Calls of somebody else while a flood is on, at the least.
const CALLS_BESIDE: usize = 20;

/// Runs a flood, again until somebody else has called often enough meanwhile, and says what came of
/// each time. Nobody else may notice.
async fn beside<T>(world: &World, mut flood: impl AsyncFnMut() -> T) -> Vec<T> {
    let bystander = world.customer().await;
    let (calls, mut slowest) = (AtomicUsize::new(0), Duration::ZERO);
    let flooding = async {
        let mut outcomes = vec![flood().await];
        while calls.load(Ordering::Relaxed) < CALLS_BESIDE {
            outcomes.push(flood().await);
        }
        outcomes
    };
    let calling = async {
        loop {
            let begun = Instant::now();
            let listed = bystander.list_events(ListEventsRequest::default()).await;
            listed.expect("nobody else is disturbed");
            slowest = slowest.max(begun.elapsed());
            calls.fetch_add(1, Ordering::Relaxed);
        }
    };
    let outcomes = tokio::select! {
        outcomes = flooding => outcomes,
        () = calling => unreachable!("it calls for as long as the flood lasts"),
    };
    bystander.list_events(ListEventsRequest::default()).await.expect("and afterwards neither");
    let calls = calls.into_inner();
    println!("{} floods, {calls} calls beside them, the slowest in {slowest:?}", outcomes.len());
    assert!(slowest < UNDISTURBED_MAX, "a call took {slowest:?}");
    outcomes
}

async fn world() -> World {
    World::start(Backend::Sqlite).await
}

/// Sends batches until the server has had enough; how many, and its reason.
async fn flood(raw: &mut Raw, most: u32, batch: impl Fn(u32) -> Vec<u8>) -> (u32, Option<u32>) {
    for count in 0..most {
        if !raw.write(&batch(count)).await {
            return (count, raw.end().await);
        }
    }
    (most, raw.end().await)
}

/// The number of the call that a client begins after so many others.
fn stream(count: u32) -> u32 {
    2 * count + 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_the_server_says_what_a_connection_may_do() {
    let world = world().await;
    let mut raw = Raw::open(&world, &[]).await;
    let settings = raw.find(|frame| frame.kind == SETTINGS && frame.flags != ACK).await;
    let content = settings.expect("settings").content;
    let value = |number: u16| {
        let found = content.chunks(6).find(|setting| setting[..2] == number.to_be_bytes());
        found.map(|setting| u32::from_be_bytes(setting[2..].try_into().expect("four bytes")))
    };
    let (streams, window, header_bytes) = (value(3), value(4), value(6));
    assert_eq!(streams, Some(STREAMS_MAX));
    assert_eq!((window, header_bytes), (Some(256 * 1024), Some(64 * 1024)));
    // Frames are of the ordinary size, which need not be said.
    assert!(matches!(value(5), None | Some(16_384)));
    let window = raw.find(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 0).await;
    assert_eq!(window.expect("a window").number(0) + 65_535, 1024 * 1024);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_a_call_beyond_those_that_may_be_open_is_refused_and_the_others_go_on() {
    let world = world().await;
    let stage = world.stage(StagePlan::default()).await;
    let mut raw = Raw::open(&world, &[]).await;
    let request = boxoffice_sdk::booking::v1::WatchSeatsRequest {
        event_id: stage.event_id.clone(),
        cursor: None,
    };
    let body = frame(&request.encode_to_vec());
    // What the server does not promise anew is told by hand: there is room for every answer.
    let room = Frame::new(WINDOW_UPDATE, 0, 0, 0x7fff_0000_u32.to_be_bytes());
    assert!(raw.send(&room).await);
    for count in 0..STREAMS_MAX {
        assert!(raw.send(&Frame::headers(stream(count), WATCH_SEATS, 0)).await);
        assert!(raw.send(&Frame::new(DATA, END_STREAM, stream(count), body.clone())).await);
    }
    for count in STREAMS_MAX..STREAMS_MAX + 3 {
        assert!(raw.send(&Frame::headers(stream(count), WATCH_SEATS, 0)).await);
        let refused = raw.find(|frame| frame.kind == RESET).await.expect("a refusal");
        assert_eq!((refused.stream, refused.number(0)), (stream(count), REFUSED_STREAM));
    }
    // One that ends makes room for another.
    assert!(raw.send(&Frame::reset(1)).await && raw.catch_up().await);
    let next = stream(STREAMS_MAX + 3);
    assert!(raw.send(&Frame::headers(next, WATCH_SEATS, 0)).await);
    assert!(raw.send(&Frame::new(DATA, END_STREAM, next, body)).await);
    let answer = raw.find(|frame| frame.stream == next).await.expect("an answer");
    assert_eq!(answer.kind, HEADERS);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_calls_that_are_begun_and_reset_at_once_end_the_connection() {
    let world = world().await;
    // CVE-2023-44487, by one client after another.
    let ends = beside(&world, async || {
        let mut raw = Raw::open(&world, &[]).await;
        flood(&mut raw, 200, |count| {
            let pair = |at: u32| {
                let id = stream(count * 100 + at);
                let begun = Frame::headers(id, LIST_EVENTS, END_STREAM).bytes();
                [begun, Frame::reset(id).bytes()].concat()
            };
            (0..100).flat_map(pair).collect()
        })
        .await
    })
    .await;
    println!("hundreds of calls that were reset, and why the connection ended: {ends:?}");
    for (hundreds, reason) in ends {
        assert!(hundreds < 200, "20,000 calls were taken");
        // Whoever still writes when the server closes may not get to read why.
        assert!(reason.is_none_or(|reason| reason == ENHANCE_YOUR_CALM), "{reason:?}");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_calls_that_are_given_up_when_the_server_has_begun_with_them_end_the_connection() {
    let world = world().await;
    let begun = beside(&world, async || {
        let mut raw = Raw::open(&world, &[]).await;
        let mut count = 0;
        while count < 20_000 {
            let ids: Vec<u32> = (count..count + 100).map(stream).collect();
            for id in &ids {
                // Their bodies never come, so that the server waits for them.
                if !raw.send(&Frame::headers(*id, LIST_EVENTS, 0)).await {
                    return count;
                }
            }
            if !raw.calm_down().await {
                return count;
            }
            for id in ids {
                if !raw.send(&Frame::reset(id)).await {
                    return count;
                }
            }
            count += 100;
        }
        count
    })
    .await;
    println!("calls that were given up before each connection ended: {begun:?}");
    assert!(begun.iter().all(|count| (1_000..=3_000).contains(count)), "{begun:?}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_faults_that_make_the_server_reset_calls_end_the_connection() {
    let world = world().await;
    // CVE-2025-8671: the client makes the server reset, here by a window that grows beyond bounds.
    let ends = beside(&world, async || {
        let mut raw = Raw::open(&world, &[]).await;
        flood(&mut raw, 500, |count| {
            let pair = |at: u32| {
                let id = stream(count * 20 + at);
                let more = Frame::new(WINDOW_UPDATE, 0, id, 0x7fff_ffff_u32.to_be_bytes());
                [Frame::headers(id, LIST_EVENTS, 0).bytes(), more.bytes()].concat()
            };
            (0..20).flat_map(pair).collect()
        })
        .await
    })
    .await;
    println!("scores of faults that were answered, and why the connection ended: {ends:?}");
    assert!(ends.iter().any(|(_, reason)| reason.is_some()));
    for (scores, reason) in ends {
        // The system may have taken all of them before the server has had enough.
        assert!(scores < 500 || reason.is_some(), "10,000 faults were answered");
        assert!(reason.is_none_or(|reason| reason == ENHANCE_YOUR_CALM), "{reason:?}");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_headers_without_end_end_the_connection() {
    let world = world().await;
    // CVE-2024-27316 and its like.
    let ends = beside(&world, async || {
        let mut raw = Raw::open(&world, &[]).await;
        let begin = Frame::new(HEADERS, 0, 1, super::raw::head(LIST_EVENTS));
        assert!(raw.send(&begin).await);
        let more = Frame::new(CONTINUATION, 0, 1, header("x-more", &"a".repeat(8_000))).bytes();
        flood(&mut raw, 2_000, |_| more.clone()).await
    })
    .await;
    println!("pieces of headers that were taken, and why the connection ended: {ends:?}");
    assert!(ends.iter().all(|(count, _)| *count < 2_000), "16 MB of headers were taken");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_floods_of_small_frames_disturb_nobody() {
    let world = world().await;
    let ping = Frame::new(PING, 0, 0, *b"are you?").bytes();
    let settings = Frame::new(SETTINGS, 0, 0, []).bytes();
    let begin = Frame::headers(1, LIST_EVENTS, 0).bytes();
    let empty = Frame::new(DATA, 0, 1, []).bytes();
    for (what, first, small) in [
        ("pings", Vec::new(), ping),
        ("settings", Vec::new(), settings),
        ("empty pieces of a request", begin, empty),
    ] {
        let taken = beside(&world, async || {
            let mut raw = Raw::open(&world, &[]).await;
            assert!(raw.write(&first).await);
            let batch = small.repeat(1_000);
            for count in 0..50 {
                // Answers are read, lest the flood ends because they are in each other's way.
                if !(raw.write(&batch).await && raw.catch_up().await) {
                    return count * 1_000;
                }
            }
            50_000
        })
        .await;
        println!("{what} that were taken: {taken:?}");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_frames_that_make_no_sense_end_their_connection_and_no_other() {
    let world = world().await;
    let overflow = Frame::new(WINDOW_UPDATE, 0, 0, 0x7fff_ffff_u32.to_be_bytes());
    let cases = [
        ("a window beyond all bounds", overflow),
        ("data of no call", Frame::new(DATA, 0, 1, *b"data")),
        ("headers of a call that the server would begin", Frame::headers(2, LIST_EVENTS, 1)),
        ("settings of a call", Frame::new(SETTINGS, 0, 1, [])),
        ("a ping of a call", Frame::new(PING, 0, 1, *b"are you?")),
        ("a short ping", Frame::new(PING, 0, 0, *b"ping")),
        ("settings cut short", Frame::new(SETTINGS, 0, 0, *b"abc")),
        ("a reset of the connection", Frame::reset(0)),
        ("headers of the connection", Frame::headers(0, LIST_EVENTS, 1)),
        ("a continuation of nothing", Frame::new(CONTINUATION, 4, 1, *b"")),
        ("headers that are no headers", Frame::new(HEADERS, 5, 1, [0xff; 40])),
        ("a frame that is too long", Frame::new(DATA, 0, 1, vec![0; 20_000])),
    ];
    for (what, frame) in cases {
        let mut raw = Raw::open(&world, &[]).await;
        let mut other = Raw::open(&world, &[]).await;
        raw.send(&frame).await;
        let reason = raw.end().await;
        println!("{what}: {reason:?}");
        assert!(reason.is_some_and(|reason| reason != 0), "{what}: {reason:?}");
        assert!(other.catch_up().await, "{what} has ended another connection");
    }
    // Frames of kinds that are not known are passed over (RFC 9113, 5.5).
    let mut raw = Raw::open(&world, &[]).await;
    assert!(raw.send(&Frame::new(77, 0, 0, *b"what is this?")).await && raw.catch_up().await);
    world.finish().await;
}
