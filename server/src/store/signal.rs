//! Hints that something changed, sent after a commit. They save polling and may be lost: whoever
//! listens also looks by itself from time to time.

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use uuid::Uuid;

use crate::kernel::id::{BookingId, EventId};

/// Hints that a slow listener may fall behind before it misses some.
const SIGNALS_KEPT: usize = 4_096;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// Events wait in the outbox.
    Outbox,
    /// Mails wait to be sent, which the replica does itself that has caused them.
    Mails,
    /// Seats of an event changed.
    Seats(EventId),
    /// A booking changed.
    Booking(BookingId),
}

impl Signal {
    /// What other replicas are sent; `None` if it is none of their business.
    pub fn message(&self) -> Option<String> {
        Some(match self {
            Self::Outbox => "outbox".to_owned(),
            Self::Mails => return None,
            Self::Seats(id) => format!("seats {}", id.uuid()),
            Self::Booking(id) => format!("booking {}", id.uuid()),
        })
    }

    /// Reads what another replica sent.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ') {
            None if text == "outbox" => Some(Self::Outbox),
            Some(("seats", id)) => Some(Self::Seats(Uuid::try_parse(id).ok()?.into())),
            Some(("booking", id)) => Some(Self::Booking(Uuid::try_parse(id).ok()?.into())),
            _ => None,
        }
    }
}

/// Where hints are sent to and heard.
#[derive(Clone)]
pub struct Signals(broadcast::Sender<Signal>);

impl Default for Signals {
    fn default() -> Self {
        Self(broadcast::channel(SIGNALS_KEPT).0)
    }
}

impl Signals {
    /// Hears everything from now on. A lagging listener is told so and should look for itself.
    pub fn listen(&self) -> broadcast::Receiver<Signal> {
        self.0.subscribe()
    }

    /// Tells whoever listens; nobody needs to.
    pub(crate) fn send(&self, signal: Signal) {
        drop(self.0.send(signal));
    }
}

/// Waits until this is heard, or may have been missed.
pub async fn heard(signals: &mut broadcast::Receiver<Signal>, wanted: Signal) {
    loop {
        match signals.recv().await {
            Ok(signal) if signal != wanted => {}
            Ok(_) | Err(RecvError::Lagged(_) | RecvError::Closed) => return,
        }
    }
}
