//! A sale under pressure on a server in this process.

use std::time::Duration;

use super::{Pressure, PressurePlan, Verdict};
use crate::judge::{Finding, Truth};
use crate::world::World;

/// How long a server may take to finish what is open once time has passed.
const FINISHED_MAX: Duration = Duration::from_secs(15);

impl World {
    /// Sells under pressure, waits until nothing is open, and judges all of it.
    pub async fn press(&self, plan: &PressurePlan, seed: u64) -> Verdict {
        let sale = Pressure::begin(self, plan, &self.clock).await;
        let people = self.crowd(plan.buyers).await;
        sale.sell(&people, plan, seed, Some(&self.clock)).await;
        sale.resolve(&people).await;
        // Twice: what is open when the time to pay has passed has five minutes more to be settled.
        for _ in 0..2 {
            sale.let_time_pass(&self.clock);
            self.broken_after(FINISHED_MAX).await;
            sale.settle(&self.database, FINISHED_MAX).await;
        }
        self.verdict(&sale).await
    }

    /// What is to be said of a sale that is over.
    async fn verdict(&self, sale: &Pressure) -> Verdict {
        let broken = self.broken_after(FINISHED_MAX).await;
        let truth = Truth::read(&self.database, self.ledger().await, sale.event).await;
        let mut verdict = Verdict::of(&sale.history(), &truth);
        verdict.findings.extend(broken.into_iter().map(Finding::from));
        verdict
    }
}
