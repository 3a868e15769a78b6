//! People who do at a sale whatever can be done, by chance.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_sdk::booking::v1::ReleaseHoldRequest;
use boxoffice_sdk::catalog::v1::{BlockSeatsRequest, UnblockSeatsRequest};
use boxoffice_sdk::{Code, Error};
use boxoffice_tests::{Chance, Person, Stage, request_id};
use tokio::sync::watch;

/// How long a trader tries again while a server stops and starts.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often what was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// Holds that were made.
    pub held: usize,
    /// Holds that were given back.
    pub released: usize,
    /// Holds and bookings that were left to their time.
    pub left: usize,
    /// Bookings that were paid.
    pub paid: usize,
    /// Bookings that were cancelled, paid or not.
    pub cancelled: usize,
    /// Seats that were taken off sale and put on sale again.
    pub blocked: usize,
    /// What was refused, because others were first or its time was over.
    pub refused: usize,
}

impl Deeds {
    /// Adds what somebody else did.
    pub fn add(&mut self, other: &Self) {
        self.held += other.held;
        self.released += other.released;
        self.left += other.left;
        self.paid += other.paid;
        self.cancelled += other.cancelled;
        self.blocked += other.blocked;
        self.refused += other.refused;
    }

    /// Whether each was done at least once.
    pub fn all_happened(&self) -> bool {
        let Self { held, released, left, paid, cancelled, blocked, refused } = self;
        [held, released, left, paid, cancelled, blocked, refused].iter().all(|count| **count > 0)
    }

    /// What an answer gave; a refusal by the rules is one too, and nothing else is.
    fn given<T>(&mut self, answer: Result<T, Error>) -> Option<T> {
        match answer {
            Ok(given) => Some(given),
            Err(error) => {
                let by_rule = [Code::Aborted, Code::FailedPrecondition].contains(&error.code());
                assert!(by_rule, "{error}");
                self.refused += 1;
                None
            }
        }
    }
}

fn patient(person: &Person) -> Person {
    let client = (**person).clone();
    client.with_patience(PATIENCE).with_deadline(2 * PATIENCE).into()
}

/// Holds, and then does one of all there is to do, until the sale is over.
pub async fn trade(
    person: Person,
    stage: Arc<Stage>,
    mut chance: Chance,
    stopped: watch::Receiver<bool>,
) -> Deeds {
    let person = patient(&person);
    let mut deeds = Deeds::default();
    while !*stopped.borrow() {
        visit(&person, &stage, &mut chance, &mut deeds).await;
    }
    deeds
}

async fn visit(person: &Person, stage: &Stage, chance: &mut Chance, deeds: &mut Deeds) {
    let first = chance.index(stage.seats.len());
    let count = 1 + chance.index(3);
    let seats: Vec<&str> = stage.seats.iter().map(String::as_str).skip(first).take(count).collect();
    let standing = i32::try_from(chance.below(3)).expect("it fits");
    let quantities = [(stage.standing.as_str(), standing)];
    let quantities = if standing > 0 { &quantities[..] } else { &[] };
    let held = person.hold_places(&stage.event_id, &seats, quantities).await;
    let Some(hold) = deeds.given(held) else { return };
    deeds.held += 1;
    match chance.below(10) {
        0..4 => {
            let request = ReleaseHoldRequest { request_id: request_id(), hold_id: hold.hold_id };
            let released = person.release_hold(request).await;
            deeds.released += usize::from(deeds.given(released).is_some());
            return;
        }
        4 => {
            deeds.left += 1;
            return;
        }
        _ => {}
    }
    let booked = person.book(&hold).await;
    let Some(booking) = deeds.given(booked) else { return };
    if chance.percent(10) {
        deeds.left += 1;
        return;
    }
    if chance.percent(70) {
        let paid = person.pay(&booking, "tok_success").await;
        deeds.paid += usize::from(deeds.given(paid).is_some());
    }
    if chance.percent(80) {
        let cancelled = person.cancel(&booking).await;
        deeds.cancelled += usize::from(deeds.given(cancelled).is_some());
    }
}

/// Takes seats off sale and puts them on sale again, until the sale is over.
pub async fn block_and_unblock(
    organizer: Person,
    stage: Arc<Stage>,
    mut chance: Chance,
    stopped: watch::Receiver<bool>,
) -> Deeds {
    let organizer = patient(&organizer);
    let mut deeds = Deeds::default();
    while !*stopped.borrow() {
        let seat_ids = vec![stage.seats[chance.index(stage.seats.len())].clone()];
        let event_id = stage.event_id.clone();
        let request = BlockSeatsRequest {
            request_id: request_id(),
            event_id: event_id.clone(),
            seat_ids: seat_ids.clone(),
        };
        let blocked = organizer.block_seats(request).await;
        if deeds.given(blocked).is_some() {
            let request = UnblockSeatsRequest { request_id: request_id(), event_id, seat_ids };
            let unblocked = organizer.unblock_seats(request).await;
            deeds.blocked += usize::from(deeds.given(unblocked).is_some());
        }
    }
    deeds
}
