//! Writes a history while a sale goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boxoffice_sdk::{Code, Error};
use boxoffice_server::ports::clock::Clock;
use uuid::Uuid;

use super::{Answer, Call, Entry, History, Moment, NEVER, OWN_CLOCK_SLACK, Outcome, Taken, Turn};
use crate::clock::HandClock;

/// How often two clocks are read to know how far they are apart.
const READINGS: usize = 20;

/// Notes every call. Clones write the same history.
#[derive(Clone)]
pub struct Recorder {
    begun: Instant,
    history: Arc<Mutex<History>>,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(&HandClock::default())
    }
}

impl Recorder {
    /// Begins a history of a server that goes by this clock.
    pub fn new(clock: &HandClock) -> Self {
        let (begun, server_begin_micros) = read_at_once(clock);
        let history = History { server_begin_micros, ..History::default() };
        Self { begun, history: Arc::new(Mutex::new(history)) }
    }

    /// The server goes by a clock of its own instead, which is as right as it can be.
    pub fn with_clock_of_its_own(self) -> Self {
        self.write(|history| history.clock_slack = OWN_CLOCK_SLACK);
        self
    }

    /// Now.
    pub fn now(&self) -> Moment {
        i64::try_from(self.begun.elapsed().as_micros()).unwrap_or(NEVER)
    }

    /// Makes a call and notes it. If nobody waits for the answer until it is there, the call is
    /// noted as one whose outcome nobody knows.
    pub async fn note(
        &self,
        caller: usize,
        request: Option<Uuid>,
        call: &Call,
        answer: impl Future<Output = Result<Answer, Error>>,
    ) -> Outcome {
        let (from, call) = (self.now(), call.clone());
        let entry = Entry { caller, request, call, from, to: NEVER, outcome: Outcome::Unknown };
        let mut open = Open { recorder: self, entry: Some(entry) };
        let outcome = match answer.await {
            Ok(answer) => Outcome::Done(answer),
            Err(error) => outcome_of(&error),
        };
        if let Some(entry) = &mut open.entry {
            entry.to = if outcome == Outcome::Unknown { NEVER } else { self.now() };
            entry.outcome = outcome.clone();
        }
        outcome
    }

    /// Turns the server's clock on, and notes that.
    pub fn turn(&self, clock: &HandClock, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.note_turn(micros, || clock.advance(by));
    }

    /// Turns the server's clock back, and notes that.
    pub fn turn_back(&self, clock: &HandClock, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.note_turn(-micros, || clock.turn_back(by));
    }

    fn note_turn(&self, by: i64, turn: impl FnOnce()) {
        // Whoever turns it at the same time is noted in the same order.
        self.write(|history| {
            let from = self.now();
            turn();
            history.turns.push(Turn { from, to: self.now(), by });
        });
    }

    /// The history so far.
    pub fn history(&self) -> History {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, change: impl FnOnce(&mut History)) {
        change(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Reads both clocks so often that once nothing came between.
fn read_at_once(clock: &HandClock) -> (Instant, i64) {
    let readings = (0..READINGS).map(|_| {
        let begun = Instant::now();
        let server_micros = clock.now().micros();
        (begun.elapsed(), begun, server_micros)
    });
    let quickest = readings.min_by_key(|(took, ..)| *took);
    let (_, begun, server_micros) = quickest.expect("there are readings");
    (begun, server_micros)
}

/// A call that is under way: it is noted when it ends, in whichever way.
struct Open<'a> {
    recorder: &'a Recorder,
    entry: Option<Entry>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            self.recorder.write(|history| history.entries.push(entry));
        }
    }
}

/// What an error says of the call's effect.
fn outcome_of(error: &Error) -> Outcome {
    match error.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Outcome::Unknown,
        code => {
            let seats = error.conflicts().iter();
            let seats = seats.filter_map(|conflict| parse_id(&conflict.seat_id)).collect();
            let taken = Taken { seats, standing: !error.offer_conflicts().is_empty() };
            Outcome::Refused { code, reason: error.reason(), taken }
        }
    }
}

/// The part of an id that is its own: `hld_` and the like are left out.
pub(crate) fn parse_id(id: &str) -> Option<Uuid> {
    id.rsplit_once('_').and_then(|(_, digits)| Uuid::try_parse(digits).ok())
}
