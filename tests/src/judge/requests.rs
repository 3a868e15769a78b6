//! Requests: what was asked once, however often it was sent.

use std::collections::HashMap;

use uuid::Uuid;

use crate::history::{Entry, History, Moment, Outcome};

/// Who asked, under which id.
type Key = (usize, Uuid);

/// When each request may have begun to have its effect, and by when it surely had it.
pub(super) struct Requests {
    begun: HashMap<Key, Moment>,
    done: HashMap<Key, Moment>,
}

fn key(entry: &Entry) -> Option<Key> {
    Some((entry.caller, entry.request?))
}

impl Requests {
    pub(super) fn of(history: &History) -> Self {
        let (mut begun, mut done) = (HashMap::new(), HashMap::new());
        for entry in history.entries.iter().filter(|entry| !entry.is_refused()) {
            let Some(key) = key(entry) else { continue };
            let first: &mut Moment = begun.entry(key).or_insert(entry.from);
            *first = entry.from.min(*first);
            if let Outcome::Done(_) = entry.outcome {
                let first: &mut Moment = done.entry(key).or_insert(entry.to);
                *first = entry.to.min(*first);
            }
        }
        Self { begun, done }
    }

    /// The earliest moment at which it may have had its effect: it may have been at the first try.
    pub(super) fn begun(&self, entry: &Entry) -> Moment {
        key(entry).and_then(|key| self.begun.get(&key).copied()).unwrap_or(entry.from)
    }

    /// The moment by which it surely had its effect, if it had one.
    pub(super) fn done(&self, entry: &Entry) -> Moment {
        key(entry).and_then(|key| self.done.get(&key).copied()).unwrap_or(entry.to)
    }
}
