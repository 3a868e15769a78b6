//! Writes a history while a sale goes on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use boxoffice_sdk::{Code, Error};
use boxoffice_server::ports::clock::Clock;
use uuid::Uuid;

use super::{Answer, Call, Entry, History, Moment, NEVER, Outcome};
use crate::clock::HandClock;

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
        let server_begin_micros = clock.now().micros();
        let history = History { server_begin_micros, ..History::default() };
        Self { begun: Instant::now(), history: Arc::new(Mutex::new(history)) }
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
        // Whoever turns it at the same time is noted in the same order.
        self.write(|history| {
            history.turns.push((self.now(), micros));
            clock.advance(by);
        });
    }

    /// Turns the server's clock back, and notes that.
    pub fn turn_back(&self, clock: &HandClock, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        clock.turn_back(by);
        let now = self.now();
        self.write(|history| history.turns.push((now, -micros)));
    }

    /// The history so far.
    pub fn history(&self) -> History {
        self.history.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn write(&self, change: impl FnOnce(&mut History)) {
        change(&mut self.history.lock().unwrap_or_else(PoisonError::into_inner));
    }
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
            Outcome::Refused { code, reason: error.reason(), seats }
        }
    }
}

/// The part of an id that is its own: `hld_` and the like are left out.
pub(crate) fn parse_id(id: &str) -> Option<Uuid> {
    id.rsplit_once('_').and_then(|(_, digits)| Uuid::try_parse(digits).ok())
}
