//! The timeline of a booking.

use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, MessageId};
use crate::kernel::time::Timestamp;

/// One thing that happened to a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineStep {
    /// The event that told of it.
    pub message_id: MessageId,
    /// The name of its message in `boxoffice.events.v1`.
    pub kind: String,
    /// What it happened to, in its wire form.
    pub subject_id: String,
    /// When it happened.
    pub occur_time: Timestamp,
    /// A word more where there is one.
    pub detail: String,
}

/// What an event says for a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// The booking it belongs to.
    pub booking_id: BookingId,
    /// Whose booking it is, where the event says so.
    pub session: Option<SessionId>,
    /// Orders steps of one instant: causes before effects, and what happened to one thing in its
    /// order.
    pub rank: i64,
    /// The step.
    pub step: TimelineStep,
}
