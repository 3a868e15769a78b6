//! What is found wrong with a server: by its answers, by the streams of its seats, by its promises
//! as SQL, and by the gateway's ledger, which the server never wrote.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use boxoffice_sdk::Error;
use boxoffice_server::adapters::sandbox::{LedgerEntry, LedgerState};
use boxoffice_server::operations::invariants::{When, verify};
use boxoffice_tests::{Database, World, look_until};
use uuid::Uuid;

/// Who finds something, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A promise of `ops verify`, by its name.
    Promise(&'static str),
    /// The comparison of the payments with the gateway's ledger.
    Ledger(&'static str),
    /// A reader of the stream of an event's seats.
    Stream(&'static str),
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
        now.ledger(world).await;
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

    async fn ledger(&mut self, world: &World) {
        let entries = world.sandbox().entries().await.expect("the ledger's entries");
        let mut entries: BTreeMap<Uuid, LedgerEntry> =
            entries.into_iter().map(|entry| (entry.payment_id.uuid(), entry)).collect();
        for payment in payments(&world.database).await {
            let Payment { id, is_taken, amount_minor, refunded_minor } = payment;
            let entry = entries.remove(&id);
            let captured = entry.filter(|entry| entry.state == LedgerState::Captured);
            match captured {
                None if is_taken => self.add(By::Ledger("money that was never taken"), payment),
                None => {}
                Some(entry) if !is_taken => self.add(By::Ledger("money we know nothing of"), entry),
                Some(entry) => {
                    if entry.amount_minor != amount_minor {
                        self.add(By::Ledger("another amount"), &entry);
                    }
                    if entry.refunded_minor != refunded_minor {
                        self.add(By::Ledger("another amount given back"), &entry);
                    }
                }
            }
        }
        for entry in entries.into_values() {
            self.add(By::Ledger("a charge that no payment asked for"), entry);
        }
    }
}

/// A payment as our tables have it.
#[derive(Debug)]
struct Payment {
    id: Uuid,
    is_taken: bool,
    amount_minor: i64,
    refunded_minor: i64,
}

async fn payments(database: &Database) -> Vec<Payment> {
    const SQL: &str = "select payment_id, state = 'SUCCEEDED', amount_minor, refunded_minor
        from payment_payment order by payment_id";
    let rows: Vec<(Uuid, bool, i64, i64)> = database.rows_by_hand(SQL).await;
    let payment = |(id, is_taken, amount_minor, refunded_minor)| Payment {
        id,
        is_taken,
        amount_minor,
        refunded_minor,
    };
    rows.into_iter().map(payment).collect()
}
