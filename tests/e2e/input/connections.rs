//! Clients that keep connections and give nothing for them: they say nothing, answer nothing, take
//! nothing, or are too many. The server here has less patience than others have.

use std::time::Duration;

use boxoffice_sdk::catalog::v1::{GetEventRequest, GetSeatMapRequest, ListEventsRequest};
use boxoffice_server::kernel::limits::{CONNECTIONS_MAX, GREETING_MAX, STALL_MAX};
use boxoffice_server::transport::connections::ConnectionLimits;
use boxoffice_tests::{Backend, StagePlan, World, eventually};
use futures::StreamExt;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::exchange::frame;
use super::raw::{ACK, DATA, END_STREAM, Frame, INITIAL_WINDOW, PING, RESET, Raw, WINDOW_UPDATE};

const GET_SEAT_MAP: &str = "/boxoffice.catalog.v1.CatalogService/GetSeatMap";
const GET_EVENT: &str = "/boxoffice.catalog.v1.CatalogService/GetEvent";
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long the server of these tests waits for a greeting, an answer to a ping, and a client that
/// takes nothing.
const PATIENCE: Duration = Duration::from_millis(1_200);
const CONNECTIONS: usize = 12;

/// A server that waits for `PATIENCE` where `limits` says so.
async fn world(change: impl FnOnce(&mut ConnectionLimits)) -> World {
    World::start_with(Backend::Sqlite, |parts, _| change(&mut parts.connections)).await
}

/// Asserts that a connection ends by the server's hand, not before its patience is over.
async fn assert_ended(raw: &mut Raw, since: Instant, what: &str) {
    raw.end().await;
    let after = since.elapsed();
    println!("{what}: ended after {after:?}");
    assert!(after >= PATIENCE - Duration::from_millis(50), "{what}: ended after {after:?}");
}

fn map_request(event_id: &str) -> Vec<u8> {
    frame(&GetSeatMapRequest { event_id: event_id.to_owned() }.encode_to_vec())
}

/// A hall whose map is larger than what a client takes at once.
async fn large_hall(world: &World) -> String {
    let plan = StagePlan { rows: 40, seats_a_row: 100, ..StagePlan::default() };
    world.stage(plan).await.event_id
}

#[test]
fn whoever_is_slow_has_the_time_of_the_platform() {
    let limits = ConnectionLimits::default();
    assert_eq!(limits.connections_max, CONNECTIONS_MAX);
    assert_eq!((limits.greeting_max, limits.stall_max), (GREETING_MAX, STALL_MAX));
    // A dead client is found within the 80 seconds that the platform has set itself.
    let dead = limits.keep_alive_interval + limits.keep_alive_timeout;
    assert!(dead <= Duration::from_secs(80), "{dead:?}");
    assert!(limits.greeting_max <= limits.stall_max);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_who_never_says_what_he_speaks_is_cut_off() {
    let world = world(|limits| limits.greeting_max = PATIENCE).await;
    for greeting in [&b""[..], b"P", b"PRI * HTTP/2.0", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01"] {
        let since = Instant::now();
        let mut raw = Raw::silent(&world).await;
        assert!(raw.write(greeting).await);
        let what = format!("{:?}", String::from_utf8_lossy(greeting));
        if greeting.first() == Some(&0x16) {
            // TLS is not spoken here, and whoever tries hears it at once.
            raw.end().await;
        } else {
            assert_ended(&mut raw, since, &what).await;
        }
    }
    // Whoever says it in time stays.
    let mut raw = Raw::silent(&world).await;
    assert!(raw.write(&GREETING[..10]).await && raw.write(&GREETING[10..]).await);
    assert!(raw.send(&Frame::new(super::raw::SETTINGS, 0, 0, [])).await);
    let since = Instant::now();
    eventually(async || {
        assert!(raw.catch_up().await, "it was cut off after {:?}", since.elapsed());
        if since.elapsed() > 2 * PATIENCE { Ok(()) } else { Err("it stays") }
    })
    .await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_who_does_not_answer_pings_is_taken_for_dead_and_who_does_stays() {
    let world = world(|limits| {
        limits.keep_alive_interval = PATIENCE / 2;
        limits.keep_alive_timeout = PATIENCE / 2;
    })
    .await;
    let since = Instant::now();
    let (mut dead, mut alive) = (Raw::open(&world, &[]).await, Raw::open(&world, &[]).await);
    let answers = async {
        let mut pings = 0;
        while since.elapsed() < 3 * PATIENCE {
            let ping = alive.find(|frame| frame.kind == PING && frame.flags == 0).await;
            let content = ping.expect("it is not cut off").content;
            assert!(alive.send(&Frame::new(PING, ACK, 0, content)).await);
            pings += 1;
        }
        pings
    };
    let (pings, ()) = tokio::join!(answers, assert_ended(&mut dead, since, "a dead client"));
    assert!(pings >= 4, "only {pings} pings");
    assert!(alive.catch_up().await);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_81_who_asks_for_much_and_takes_nothing_is_cut_off() {
    let world = world(|limits| limits.stall_max = PATIENCE).await;
    let event_id = large_hall(&world).await;
    // No window at all, one for a byte, and one that is never made wider.
    for window in [0, 1, 65_535] {
        let since = Instant::now();
        let mut raw = Raw::open(&world, &[(INITIAL_WINDOW, window)]).await;
        for stream in [1, 3, 5] {
            assert!(raw.send(&Frame::headers(stream, GET_SEAT_MAP, 0)).await);
            let request = map_request(&event_id);
            assert!(raw.send(&Frame::new(DATA, END_STREAM, stream, request)).await);
        }
        assert_ended(&mut raw, since, &format!("a window of {window}")).await;
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_81_who_asks_over_grpc_web_and_reads_nothing_is_cut_off() {
    let world = world(|limits| limits.stall_max = PATIENCE).await;
    let event_id = large_hall(&world).await;
    let url = world.url();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").expect("an address"))
        .await
        .expect("a connection");
    let body = map_request(&event_id);
    let head = format!(
        "POST {GET_SEAT_MAP} HTTP/1.1\r\nhost: boxoffice\r\ncontent-length: {}\r\n\
         content-type: application/grpc-web+proto\r\n\r\n",
        body.len()
    );
    // Many requests at once, until their answers fill whatever is between the two.
    let request = [head.as_bytes(), &body].concat();
    for _ in 0..200 {
        if stream.write_all(&request).await.is_err() {
            break;
        }
    }
    let since = Instant::now();
    // What the server had sent is read only after it has given up: there is an end to it.
    let cut_off = async || {
        let written = stream.write_all(b"x").await;
        if written.is_err() { Ok(()) } else { Err("it is not cut off") }
    };
    eventually(cut_off).await;
    println!("cut off after {:?}", since.elapsed());
    drop(stream.read(&mut [0; 16]).await);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_81_who_reads_slowly_gets_everything_and_who_waits_for_news_is_left_alone() {
    let world = world(|limits| limits.stall_max = PATIENCE).await;
    let event_id = large_hall(&world).await;
    let watcher = world.guest().await;
    let mut watched = watcher.watch_seats(&event_id, None);
    watched.next().await.expect("a snapshot").expect("no error");
    let whole = watcher.get_seat_map(GetSeatMapRequest { event_id: event_id.clone() }).await;
    let whole = whole.expect("a map").encode_to_vec().len();
    // A map in pieces of 16 KiB, each asked for after the one before has come.
    let since = Instant::now();
    let mut raw = Raw::open(&world, &[(INITIAL_WINDOW, 16_384)]).await;
    let room = |stream: u32, bytes: u32| Frame::new(WINDOW_UPDATE, 0, stream, bytes.to_be_bytes());
    assert!(raw.send(&Frame::headers(1, GET_SEAT_MAP, 0)).await);
    let request = map_request(&event_id);
    assert!(raw.send(&Frame::new(DATA, END_STREAM, 1, request)).await);
    let mut length = 0;
    loop {
        let frame = raw.find(|frame| frame.stream == 1).await.expect("the next piece");
        assert_ne!(frame.kind, RESET);
        length += if frame.kind == DATA { frame.content.len() } else { 0 };
        if frame.flags & END_STREAM != 0 {
            break;
        }
        let more = u32::try_from(frame.content.len()).expect("a length");
        if frame.kind == DATA && more > 0 {
            // It chooses the moment of the next piece: a slow reader's.
            tokio::time::sleep(PATIENCE / 30).await;
            assert!(raw.send(&room(1, more)).await && raw.send(&room(0, more)).await);
        }
    }
    let took = since.elapsed();
    println!("{length} bytes were read in {took:?}");
    assert_eq!(length, whole + 5);
    // The watcher has waited for longer than anybody may stall, and hears of what happens.
    eventually(async || if since.elapsed() > 2 * PATIENCE { Ok(()) } else { Err("soon") }).await;
    let map = watcher.get_seat_map(GetSeatMapRequest { event_id: event_id.clone() }).await;
    let seat = map.expect("a map").sections[0].rows[0].seats[0].seat_id.clone();
    watcher.hold(&event_id, &[&seat]).await.expect("it is free");
    let news = watched.next().await.expect("news").expect("no error");
    assert!(news.update.is_some());
    world.finish().await;
}

/// A phone on a slow line: it takes all the time, and less than the system would take for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_81_who_takes_little_at_a_time_and_all_the_time_gets_everything() {
    // More than the system would take, which is some megabytes.
    const ANSWERS: u32 = 24;
    let world = world(|limits| limits.stall_max = PATIENCE).await;
    let event_id = large_hall(&world).await;
    let anybody = world.anonymous().await;
    let whole = anybody.get_seat_map(GetSeatMapRequest { event_id: event_id.clone() }).await;
    let whole = whole.expect("a map").encode_to_vec().len();
    let since = Instant::now();
    let mut raw = Raw::narrow(&world).await;
    for count in 0..ANSWERS {
        assert!(raw.call(2 * count + 1, GET_SEAT_MAP, map_request(&event_id)).await);
    }
    let (bytes, ends) = raw.take_slowly(ANSWERS as usize, PATIENCE / 30, None).await;
    println!("{bytes} bytes of {ends} answers were taken in {:?}", since.elapsed());
    assert_eq!((bytes, ends), (ANSWERS as usize * (whole + 5), ANSWERS as usize));
    assert!(since.elapsed() > 4 * PATIENCE, "it was not slow");
    world.finish().await;
}

/// A proxy carries the calls of many on one connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_81_an_answer_that_nobody_takes_ends_no_other_on_its_connection() {
    let world = world(|limits| limits.stall_max = PATIENCE).await;
    let event_id = large_hall(&world).await;
    let mut raw = Raw::open(&world, &[(INITIAL_WINDOW, 4_096)]).await;
    assert!(raw.send(&Frame::headers(1, GET_SEAT_MAP, 0)).await);
    assert!(raw.send(&Frame::new(DATA, END_STREAM, 1, map_request(&event_id))).await);
    let since = Instant::now();
    let event = frame(&GetEventRequest { event_id }.encode_to_vec());
    let mut stream = 3;
    while since.elapsed() < 3 * PATIENCE {
        assert!(raw.send(&Frame::headers(stream, GET_EVENT, 0)).await);
        assert!(raw.send(&Frame::new(DATA, END_STREAM, stream, event.clone())).await);
        let is_end = |frame: &Frame| frame.stream == stream && frame.flags & END_STREAM != 0;
        let end = raw.find(is_end).await.expect("its end");
        assert_ne!(end.kind, RESET);
        stream += 2;
        // It chooses the moment of the next call: well before the patience is over.
        tokio::time::sleep(PATIENCE / 10).await;
    }
    // When nobody else calls, it ends.
    let since = Instant::now();
    raw.end().await;
    println!("ended after {:?} and {stream} streams", since.elapsed());
    world.finish().await;
}

/// Over HTTP/1.1 a refusal that comes before the end of its request is lost if the connection is
/// closed at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_who_sends_too_much_over_grpc_web_is_told_so() {
    let world = world(|_| {}).await;
    let url = world.url();
    let address = url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let body = frame(&vec![0; 2 * 1024 * 1024]);
    let head = format!(
        "POST {GET_EVENT} HTTP/1.1\r\nhost: boxoffice\r\ncontent-length: {}\r\n\
         content-type: application/grpc-web+proto\r\n\r\n",
        body.len()
    );
    // How large it is, the first bytes say.
    stream.write_all(&[head.as_bytes(), &body[..5]].concat()).await.expect("it is taken");
    assert_eq!(stream.peek(&mut [0]).await.expect("an answer"), 1);
    stream.write_all(&body[5..]).await.expect("it is taken, too");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("the whole answer");
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.contains("grpc-status: 8") || answer.contains("grpc-status:8"), "{answer}");
    drop(stream);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_there_are_so_many_connections_and_no_more() {
    let world = world(|limits| limits.connections_max = CONNECTIONS).await;
    let mut open = Vec::new();
    let refused = loop {
        let mut raw = Raw::open(&world, &[]).await;
        if !raw.catch_up().await {
            break raw;
        }
        open.push(raw);
        assert!(open.len() <= CONNECTIONS, "{} connections", open.len());
    };
    drop(refused);
    assert_eq!(open.len(), CONNECTIONS);
    // Those that are there are not disturbed, and one that leaves makes room.
    for raw in &mut open {
        assert!(raw.catch_up().await);
    }
    open.truncate(CONNECTIONS - 4);
    let guest = eventually(async || {
        boxoffice_sdk::Client::connect(world.url()).await.map_err(|error| error.to_string())
    })
    .await;
    guest.list_events(ListEventsRequest::default()).await.expect("there is room again");
    drop(open);
    world.finish().await;
}
