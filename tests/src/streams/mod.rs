//! Streams of seats, recorded and judged. A [`Recorder`] keeps what a watcher hears, a
//! [`Keeper`] what truly happened, and [`judge`] compares the two: six promises, each judged by
//! itself, and [`held_against`] all there are. [`last_view`] gives what a watcher knows in the end.

mod history;
mod log;
mod promises;
mod recorder;
mod resuming;
mod stalling;
mod view;

pub use history::{Commit, History, Keeper, Places, Position};
pub use log::{Heard, StreamEnd, StreamLog, Tally};
pub use promises::{atomic, ordered, reliable, unique};
pub use recorder::{Recorder, channel, linger, narrow_channel, open_seats, with_token};
pub use resuming::{marked, resumable};
pub use stalling::stalling_channel;
pub use view::{assert_kept, held_against, last_view};

use std::fmt;

/// What a stream of seats promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StreamPromise {
    /// No message stands before the one it follows.
    Ordered,
    /// No change is told twice.
    Unique,
    /// What one command changed is told by one message.
    Atomic,
    /// Every change is told, as it was, from the first message to the last.
    Reliable,
    /// A stream begins exactly where it was asked to, and its end says where to go on.
    Resumable,
    /// A new beginning is marked as one, and nothing that it has in it is told again.
    Marked,
    /// What is there follows from the changes: none was left out where they are kept.
    Whole,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub promise: StreamPromise,
    /// The stream, by its log's name.
    pub stream: String,
    /// The message, counted from 0; `None` if it is none in particular.
    pub message: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { promise, stream, message, what } = self;
        match message {
            Some(message) => write!(f, "{promise:?}: {stream}, message {message}: {what}"),
            None => write!(f, "{promise:?}: {stream}: {what}"),
        }
    }
}

/// Holds a stream against the six promises that are about it alone.
pub fn judge(log: &StreamLog, history: &History) -> Vec<Breach> {
    let judges = [ordered, unique, atomic, reliable, resumable, marked];
    judges.iter().flat_map(|judge| judge(log, history)).collect()
}
