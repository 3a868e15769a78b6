//! The bus that events leave by.

use async_trait::async_trait;

use crate::error::Result;
use crate::store::{Event, Tx};

/// Carries events to those who consume them.
///
/// * An event MUST have reached every consumer, or be kept durably for it, when `publish` says it
///   was taken; before that the relay offers it again.
/// * Events of one aggregate MUST reach a consumer in the order of their versions.
/// * An event MAY reach a consumer twice; its inbox makes the effect happen once.
#[async_trait]
pub trait EventBus: Send + Sync + 'static {
    /// Takes events in order, and tells of each whether it was taken. When one is not taken, the
    /// later events of its aggregate MUST NOT be taken either.
    async fn publish(&self, events: &[Event]) -> Vec<Result<()>>;
}

/// Reacts to events.
///
/// * It MUST do its effect through `tx` and nothing else, so that effect and inbox row commit
///   together.
/// * It MUST ignore the types it does not know.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Its name in the inbox; never changes.
    fn name(&self) -> &'static str;

    /// Does the effect of one event. Called once for each event, unless the transaction fails.
    async fn consume(&self, tx: &mut Tx, event: &Event) -> Result<()>;
}
