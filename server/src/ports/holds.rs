//! Where holds are kept.

use async_trait::async_trait;

use crate::booking::domain::board::SeatsWanted;
use crate::booking::domain::hold::Hold;
use crate::error::Result;
use crate::kernel::caller::Caller;
use crate::kernel::id::{EventId, HoldId};
use crate::store::RequestKey;

/// A change of a hold that its owner asks for.
#[derive(Clone, Debug)]
pub struct HoldChange {
    /// The request.
    pub key: RequestKey,
    /// Who asks.
    pub caller: Caller,
    /// The event of the hold.
    pub event_id: EventId,
    /// The hold.
    pub hold_id: HoldId,
}

/// Keeps holds and their expiry. The database decides whose a seat is; holds spare it work.
///
/// * `hold` MUST hold all of the seats or none, and name every seat that stood in the way.
/// * A seat that is claimed or sold in the database MUST be refused, whatever is known of holds.
/// * Only the owner of a hold may change it; to others it is not there.
/// * An expired hold MUST free all of its seats at once, exactly once, and MUST NOT touch a seat
///   that somebody else has got since.
/// * A frozen hold MUST NOT expire before it is thawed.
/// * Every change MUST reach the seat feed.
#[async_trait]
pub trait Holds: Send + Sync + 'static {
    /// Holds seats. The same wish again answers with the same hold as it is now.
    async fn hold(&self, wanted: SeatsWanted) -> Result<Hold>;

    /// Starts the time of a hold anew, up to the most it may last.
    async fn extend(&self, change: HoldChange) -> Result<Hold>;

    /// Gives the seats of a hold back.
    async fn release(&self, change: HoldChange) -> Result<Hold>;

    /// A hold with its seats, ended or not; `None` if it is not known (any more).
    async fn find(&self, hold_id: HoldId) -> Result<Option<Hold>>;

    /// Keeps a hold from expiring while a booking is made from it.
    async fn freeze(&self, hold_id: HoldId) -> Result<()>;

    /// Lets a hold go on after a booking could not be made from it.
    async fn thaw(&self, hold_id: HoldId) -> Result<()>;

    /// Ends holds whose time is over, a bounded number of them; says whether there may be more.
    async fn sweep(&self) -> Result<bool>;
}
