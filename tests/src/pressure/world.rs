//! A sale under pressure on a server in this process.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use boxoffice_sdk::operations::v1::InvariantResult;
use futures::FutureExt;

use super::{Audience, Gateway, Pressure, PressurePlan, Verdict};
use crate::chance::Chance;
use crate::judge::{Finding, Promise, Truth, UNTOLD};
use crate::world::World;

/// How long a server may take to finish what is open once time has passed.
const FINISHED_MAX: Duration = Duration::from_secs(15);
/// How long a sale may go on.
const SALE_MAX: Duration = Duration::from_secs(240);

/// What became of a sale on a server that may be ill.
#[derive(Debug)]
pub struct Pressed {
    /// What is to be said of it.
    pub verdict: Verdict,
    /// Whether it came to its end: nobody was left without an answer.
    pub ended: bool,
}

impl World {
    /// Sells under pressure, waits until nothing is open, and judges all of it.
    pub async fn press(&self, plan: &PressurePlan, seed: u64) -> Verdict {
        let pressed = self.press_within(plan, seed, SALE_MAX, FINISHED_MAX).await;
        assert!(pressed.ended, "seed {seed}: it did not end: {}", pressed.verdict.shown());
        pressed.verdict
    }

    /// The same on a server that may be ill: for so long, and with so much patience until nothing
    /// is open.
    pub async fn press_within(
        &self,
        plan: &PressurePlan,
        seed: u64,
        longest: Duration,
        patience: Duration,
    ) -> Pressed {
        let sale = Pressure::begin(self, plan, &self.clock).await;
        let sale = sale.with_gateway(Gateway::of(self));
        let event_id = &sale.stage().event_id;
        let (database, clock) = (&self.database, &self.clock);
        let audience = Audience::of_every_kind(database, self, event_id, clock, seed).await;
        let (ended, broken) = self.sell_within(&sale, plan, seed, longest, patience).await;
        let told = audience.close(database).await;
        let truth = Truth::read(&self.database, self.ledger().await, sale.event).await;
        let mut verdict = Verdict::of(&sale.history(), &truth);
        // Whoever was cut off in the middle did not learn what became of it.
        let is_of_the_end = |found: &Finding| {
            found.promise == Promise::ClearAnswers || found.text.starts_with(UNTOLD)
        };
        verdict.findings.retain(|found| ended || !is_of_the_end(found));
        verdict.findings.extend(broken.into_iter().map(Finding::from));
        verdict.add_told(told);
        Pressed { verdict, ended }
    }

    /// Sells until everybody has bought, and waits until nothing is open. Says whether it ended,
    /// and which invariants are broken.
    async fn sell_within(
        &self,
        sale: &Pressure,
        plan: &PressurePlan,
        seed: u64,
        longest: Duration,
        patience: Duration,
    ) -> (bool, Vec<InvariantResult>) {
        let people = self.crowd(plan.buyers).await;
        let selling = AssertUnwindSafe(async {
            sale.sell(&people, plan, seed, Some(&self.clock)).await;
            sale.resolve(&people).await;
        });
        let mut chance = Chance::part(seed, usize::MAX);
        let ended = tokio::time::timeout(longest, selling.catch_unwind()).await;
        let ended = matches!(ended, Ok(Ok(())));
        if let Some(gateway) = &sale.gateway {
            gateway.finish(&mut chance).await;
        }
        let mut broken = Vec::new();
        // Twice: what is open when the time to pay has passed has five minutes more to be settled.
        for _ in 0..2 {
            sale.let_time_pass(&self.clock);
            broken = self.broken_after(patience).await;
            sale.settle(&self.database, patience).await;
        }
        if !broken.is_empty() {
            broken = self.broken_after(patience).await;
        }
        (ended, broken)
    }
}
