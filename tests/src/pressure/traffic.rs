//! What is under way in a sale, and what was not answered.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::history::{Call, Outcome};

/// The calls of a sale as they pass.
#[derive(Default)]
pub(super) struct Traffic {
    under_way: AtomicUsize,
    unanswered: Mutex<BTreeMap<&'static str, usize>>,
    is_patient: AtomicBool,
}

/// A call that is under way, until this is dropped.
struct UnderWay<'a>(&'a AtomicUsize);

impl Traffic {
    /// Lets a call pass, and counts it if nothing comes back. Whoever leaves a call before that is
    /// not counted: it would have been answered.
    pub async fn carry(&self, call: &Call, asked: impl Future<Output = Outcome>) -> Outcome {
        let under_way = UnderWay::begin(&self.under_way);
        let outcome = asked.await;
        drop(under_way);
        if outcome == Outcome::Unknown {
            let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
            *unanswered.entry(call.kind()).or_default() += 1;
        }
        outcome
    }

    /// How many calls are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// How many calls of each kind got no answer.
    pub fn unanswered(&self) -> BTreeMap<&'static str, usize> {
        self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on nobody leaves a call before it is answered.
    pub fn calm_down(&self) {
        self.is_patient.store(true, Ordering::SeqCst);
    }

    /// Whether nobody leaves.
    pub fn is_patient(&self) -> bool {
        self.is_patient.load(Ordering::SeqCst)
    }
}

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
