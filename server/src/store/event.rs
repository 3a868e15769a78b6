//! Events as they are stored and carried.

use uuid::Uuid;

use crate::kernel::id::{Entropy, MessageId};
use crate::kernel::time::Timestamp;

/// One fact about one aggregate, on its way from the transaction that made it true to those who
/// want to know.
#[derive(Clone, Debug)]
pub struct Event {
    /// Unique; consumers know a repeat by it.
    pub message_id: MessageId,
    /// The context it comes from, e.g. `booking`; the topic is named after it.
    pub context: String,
    /// The name of its message in `boxoffice.events.v1`.
    pub kind: String,
    /// What it is about.
    pub aggregate_id: Uuid,
    /// The aggregate's version after it: 1, 2, 3 … without a gap.
    pub aggregate_version: i64,
    /// The encoded message.
    pub payload: Vec<u8>,
    /// When it happened.
    pub occur_time: Timestamp,
}

impl Event {
    /// An event of a context. Its id follows from aggregate and version, which are unique.
    pub fn new(
        context: &'static str,
        kind: &'static str,
        aggregate: (Uuid, i64),
        payload: Vec<u8>,
        now: Timestamp,
    ) -> Self {
        let (aggregate_id, aggregate_version) = aggregate;
        let mut entropy = Entropy::default();
        let mix = MessageId::derived(&[
            aggregate_id.as_bytes(),
            &aggregate_version.to_be_bytes(),
            kind.as_bytes(),
        ]);
        for (to, from) in entropy.iter_mut().zip(mix.uuid().as_bytes()) {
            *to = *from;
        }
        Self {
            message_id: MessageId::new(now, entropy),
            context: context.to_owned(),
            kind: kind.to_owned(),
            aggregate_id,
            aggregate_version,
            payload,
            occur_time: now,
        }
    }
}
