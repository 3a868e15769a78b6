//! Putting an event on sale and showing what is left.

use crate::booking::domain::inventory::{Inventory, SeatMap};
use crate::error::Result;
use crate::kernel::id::EventId;
use crate::store::Tx;

/// Makes the whole inventory of an event, within the transaction that publishes it. An event that
/// has its inventory already is left as it is.
pub async fn open_inventory(tx: &mut Tx, inventory: &Inventory) -> Result<()> {
    tx.insert_inventory(inventory).await
}

/// Every seat of an event with its place, price and state, at one instant; `None` when the event
/// was never on sale.
pub async fn seat_map(tx: &mut Tx, event_id: EventId) -> Result<Option<SeatMap>> {
    tx.seat_map(event_id).await
}
