//! Whose event it is that bookings are for.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::kernel::id::{EventId, UserId};
use crate::store::Tx;

/// The organizer of an event that is or was on sale.
pub async fn organizer_of(tx: &mut Tx, event_id: EventId) -> Result<Option<UserId>> {
    let terms = tx.terms_by_id(&BTreeSet::from([event_id])).await?;
    Ok(terms.get(&event_id).map(|terms| terms.organizer_id))
}
