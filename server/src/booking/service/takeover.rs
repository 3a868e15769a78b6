//! A user takes over what a guest has.

use async_trait::async_trait;

use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::EventId;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, UseCase};
use crate::ticket;

/// Notes that a user is to have everything of a guest. It is moved event by event, in the lanes.
pub async fn request_takeover(
    tx: &mut Tx,
    guest: SessionId,
    user: SessionId,
    now: Timestamp,
) -> Result<()> {
    tx.insert_takeover(guest, user, now).await
}

/// Moves what a guest has of an event to a user.
pub struct TakeOverGuest {
    /// The event.
    pub event_id: EventId,
    /// Whose it was.
    pub guest: SessionId,
    /// Whose it is to be.
    pub user: SessionId,
}

#[async_trait]
impl UseCase for TakeOverGuest {
    type Answer = ();

    async fn run(tx: &mut Tx, commands: &[Self], _: Timestamp) -> Result<Vec<Result<()>>> {
        for Self { event_id, guest, user } in commands {
            tx.move_owner(*event_id, *guest, *user).await?;
            ticket::service::move_session(tx, *event_id, *guest, *user).await?;
        }
        Ok(commands.iter().map(|_| Ok(())).collect())
    }
}
