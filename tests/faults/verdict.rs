//! What is found wrong with a server: by its answers, by the streams of its seats, by its promises
//! as SQL, and by the gateway's ledger, which the server never wrote.

use std::fmt::Debug;
use std::time::Duration;

use boxoffice_sdk::Error;
use boxoffice_server::operations::invariants::{When, verify};
use boxoffice_tests::history::History;
use boxoffice_tests::judge::{Promise, Truth, judge};
use boxoffice_tests::streams::StreamPromise;
use boxoffice_tests::{World, look_until};
use uuid::Uuid;

/// Who finds something, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A promise of `ops verify`, by its name.
    Promise(&'static str),
    /// The judge of sales: what it says of the money.
    Money,
    /// What is promised of the streams of an event's seats.
    Stream(StreamPromise),
    /// Whoever compares what was answered.
    Answers(&'static str),
}

/// Everything that was found, with what it was seen by.
#[derive(Debug, Default)]
pub struct Findings(Vec<(By, String)>);

impl Findings {
    /// Notes a finding.
    pub fn add(&mut self, by: By, detail: impl Debug) {
        self.0.push((by, format!("{detail:?}")));
    }

    /// Notes what should be so and is not.
    pub fn unless(&mut self, is_so: bool, what: &'static str) {
        if !is_so {
            self.add(By::Answers(what), "");
        }
    }

    /// Notes what should have been refused.
    pub fn unless_refused<T: Debug>(&mut self, answer: &Result<T, Error>, what: &'static str) {
        if let Ok(answer) = answer {
            self.add(By::Answers(what), answer);
        }
    }

    /// Notes what should not have been refused.
    pub fn if_refused<T>(&mut self, answer: &Result<T, Error>, what: &'static str) {
        if let Err(error) = answer {
            self.add(By::Answers(what), error);
        }
    }

    /// Whether that was found.
    pub fn has(&self, wanted: By) -> bool {
        self.0.iter().any(|(by, _)| *by == wanted)
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks at the promises and the ledger once nothing is under way any more. What is wrong for
    /// good is found at once; what may be unfinished only when it has not passed in time.
    pub async fn conclude(&mut self, world: &World, patience: Duration) {
        let patience = if self.is_empty() { patience } else { Duration::ZERO };
        let settled = look_until(
            async || Self::look(world).await,
            |(now, is_for_good)| now.is_empty() || *is_for_good,
        );
        let mut found = match tokio::time::timeout(patience, settled).await {
            Ok((now, _)) => now,
            Err(_) => Self::look(world).await.0,
        };
        self.0.append(&mut found.0);
    }

    /// What is wrong now, and whether a promise is broken that holds at every instant.
    async fn look(world: &World) -> (Self, bool) {
        let mut now = Self::default();
        let is_for_good = now.promises(world).await;
        now.money(world).await;
        (now, is_for_good)
    }

    async fn promises(&mut self, world: &World) -> bool {
        let verdicts = verify(world.app.store(), &*world.clock, Duration::ZERO).await;
        let mut for_good = false;
        for verdict in verdicts.expect("it is verified") {
            if verdict.finding.violation_count > 0 {
                for_good |= verdict.invariant.when == When::Always;
                self.add(By::Promise(verdict.invariant.name), verdict.finding.examples);
            }
        }
        for_good
    }

    /// Every event's payments against the gateway's ledger, and what was kept against what its
    /// bookings cost.
    async fn money(&mut self, world: &World) {
        let events: Vec<(Uuid,)> =
            world.database.rows_by_hand("select event_id from booking_event").await;
        for (event,) in events {
            let truth = Truth::read(&world.database, world.ledger().await, event).await;
            // Nobody has recorded what was answered.
            let found = judge(&History::default(), &truth).into_iter();
            for finding in found.filter(|finding| finding.promise == Promise::MoneyAgrees) {
                self.add(By::Money, finding.text);
            }
        }
    }
}
