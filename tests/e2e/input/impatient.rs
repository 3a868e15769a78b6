//! Clients who do not wait for their answers, many behind one proxy: that is no flood, for which
//! the connection of all of them would end.

use std::time::Duration;

use boxoffice_sdk::catalog::v1::ListEventsRequest;
use boxoffice_server::kernel::limits::{CALLS_GIVEN_UP_MAX, GIVEN_UP_WINDOW, HASTE_MAX};
use boxoffice_tests::{Backend, World};
use prost::Message;
use tokio::time::Instant;

use super::exchange::frame;
use super::raw::{END_STREAM, Frame, RESET, Raw};

const LIST_EVENTS: &str = "/boxoffice.catalog.v1.CatalogService/ListEvents";
/// Calls that may be open at a time.
const OPEN_MAX: u32 = 200;

/// A connection by which calls are made.
struct Proxy {
    raw: Raw,
    next: u32,
}

impl Proxy {
    async fn open(world: &World) -> Self {
        Self { raw: Raw::open(world, &[]).await, next: 1 }
    }

    fn number(&mut self) -> u32 {
        self.next += 2;
        self.next - 2
    }

    /// Begins so many calls, which the server waits for the rest of. Gives their numbers.
    async fn begin(&mut self, count: u32) -> Vec<u32> {
        let numbers: Vec<u32> = (0..count).map(|_| self.number()).collect();
        for number in &numbers {
            assert!(self.raw.send(&Frame::headers(*number, LIST_EVENTS, 0)).await);
        }
        assert!(self.raw.calm_down().await, "it was cut off");
        numbers
    }

    async fn give_up(&mut self, numbers: Vec<u32>) {
        for number in numbers {
            assert!(self.raw.send(&Frame::reset(number)).await, "it was cut off");
        }
        assert!(self.raw.catch_up().await, "it was cut off");
    }

    /// Makes so many calls, and waits for their answers.
    async fn call(&mut self, count: u32) {
        let request = frame(&ListEventsRequest::default().encode_to_vec());
        let numbers: Vec<u32> = (0..count).map(|_| self.number()).collect();
        for number in numbers.iter().copied() {
            assert!(self.raw.call(number, LIST_EVENTS, request.clone()).await, "it was cut off");
        }
        for _ in 0..count {
            let is_end = |frame: &Frame| {
                let ends = frame.kind == RESET || frame.flags & END_STREAM != 0;
                ends && numbers.contains(&frame.stream)
            };
            let end = self.raw.find(is_end).await.expect("an answer");
            assert_ne!(end.kind, RESET);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_clients_who_wait_for_a_while_and_then_give_up_end_no_connection() {
    let world = World::start(Backend::Sqlite).await;
    let (mut proxy, begun) = (Proxy::open(&world).await, Instant::now());
    let mut given_up = 0;
    while given_up <= CALLS_GIVEN_UP_MAX {
        let numbers = proxy.begin(OPEN_MAX).await;
        given_up += OPEN_MAX;
        // It chooses the moment at which they tire of waiting.
        tokio::time::sleep(HASTE_MAX + Duration::from_millis(50)).await;
        proxy.give_up(numbers).await;
    }
    println!("{given_up} calls were given up in {:?}", begun.elapsed());
    proxy.call(10).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_74_who_asks_twice_and_takes_the_first_answer_is_no_flood() {
    const AT_ONCE: u32 = 60;
    let world = World::start(Backend::Sqlite).await;
    let (mut proxy, begun) = (Proxy::open(&world).await, Instant::now());
    let mut given_up = 0;
    while given_up <= CALLS_GIVEN_UP_MAX {
        proxy.call(AT_ONCE + 5).await;
        let numbers = proxy.begin(AT_ONCE).await;
        given_up += AT_ONCE;
        proxy.give_up(numbers).await;
    }
    let took = begun.elapsed();
    println!("{given_up} calls were given up in {took:?}, and more were answered");
    // On a machine that is too busy for it, this shows nothing.
    if took > GIVEN_UP_WINDOW {
        boxoffice_tests::tell!("too slow to tell: {took:?}");
    }
    proxy.call(10).await;
    world.finish().await;
}
