//! Gates: letting people in, and being told whom a gate let in while it was offline.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::error::Result;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, UseCase};
use crate::ticket::domain::check_in::{EntryTold, GateBook, Weighed};
use crate::ticket::events;

/// Decides about an entry. It needs no record of its request: the entry's id follows from it.
pub(super) struct WeighEntry(pub EntryTold);

#[async_trait]
impl UseCase for WeighEntry {
    type Answer = Weighed;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Weighed>>> {
        let ids: BTreeSet<_> = commands.iter().map(|Self(told)| told.check_in_id).collect();
        let tickets: BTreeSet<_> = commands.iter().map(|Self(told)| told.ticket_id).collect();
        let check_ins = tx.check_ins_about(&ids, &tickets).await?;
        let mut book = GateBook::new(tx.tickets_by_id(&tickets).await?, check_ins);
        let outcomes = commands.iter().map(|Self(told)| book.weigh(told, now)).collect();
        tx.update_tickets(&book.changed_tickets()).await?;
        tx.outdo_check_ins(&book.outdone()).await?;
        tx.insert_check_ins(&book.new_check_ins()).await?;
        for ticket in book.changes() {
            tx.emit(events::used(ticket));
        }
        Ok(outcomes)
    }
}
