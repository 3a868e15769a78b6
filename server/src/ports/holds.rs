//! Where holds are kept.

use async_trait::async_trait;

use crate::booking::domain::hold::Hold;
use crate::booking::domain::place::{PlacesChange, PlacesWanted};
use crate::error::Result;
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{EventId, HoldId};
use crate::kernel::page::PageRequest;
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
/// * `hold` and `change` MUST get all of the places or none, and name everything that stood in the
///   way; a GA offer never gives more places than it has.
/// * A seat that is claimed or sold in the database MUST be refused, whatever is known of holds.
/// * Only the owner of a hold may change it; to others it is not there.
/// * An expired hold MUST free all of its seats at once, exactly once, and MUST NOT touch a seat
///   that somebody else has got since.
/// * A frozen hold MUST NOT expire before it is thawed.
/// * Every change MUST reach the seat feed.
#[async_trait]
pub trait Holds: Send + Sync + 'static {
    /// Holds places. The same request again answers with the same hold as it is now.
    async fn hold(&self, wanted: PlacesWanted) -> Result<Hold>;

    /// Makes a hold larger or smaller; its time stays.
    async fn change(&self, change: HoldChange, places: PlacesChange) -> Result<Hold>;

    /// Starts the time of a hold anew, up to the most it may last.
    async fn extend(&self, change: HoldChange) -> Result<Hold>;

    /// Gives the seats of a hold back.
    async fn release(&self, change: HoldChange) -> Result<Hold>;

    /// A hold with its places, ended or not; `None` if it is not known (any more).
    async fn find(&self, hold_id: HoldId) -> Result<Option<Hold>>;

    /// One page of the active holds of a session, the newest first; of one event or of all.
    async fn list(
        &self,
        session: SessionId,
        event_id: Option<EventId>,
        page: &PageRequest,
    ) -> Result<Vec<Hold>>;

    /// Keeps a hold from expiring while a booking is made from it.
    async fn freeze(&self, hold_id: HoldId) -> Result<()>;

    /// Lets a hold go on after a booking could not be made from it.
    async fn thaw(&self, hold_id: HoldId) -> Result<()>;

    /// Ends holds of an event that was called off, a bounded number of them; says how many that
    /// were. Their places are nobody's any more.
    async fn call_off(&self, event_id: EventId) -> Result<usize>;

    /// Ends holds whose time is over, a bounded number of them; says whether there may be more.
    async fn sweep(&self) -> Result<bool>;
}
