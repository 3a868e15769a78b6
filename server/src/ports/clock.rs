//! The time.

use crate::kernel::time::Timestamp;

/// Tells the time.
///
/// * It MUST be the database's time where the database is a server, within what a network round
///   trip allows, so that replicas agree on when a hold is over.
/// * It MUST NOT block.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;
}
