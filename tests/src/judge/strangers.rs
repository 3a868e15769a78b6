//! Nobody has to do with what is somebody else's: to strangers it is not there.

use boxoffice_sdk::{Code, ErrorReason};

use super::owners::Owners;
use super::{Finding, Promise, finding};
use crate::history::{Answer, History, ORGANIZER, Outcome};

/// Refusals that say that something is there, whoever asks.
const TELLING: [Code; 4] =
    [Code::FailedPrecondition, Code::Aborted, Code::AlreadyExists, Code::PermissionDenied];

pub(super) fn judge(history: &History, owners: &Owners) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in &history.entries {
        let owner = entry.call.subject().and_then(|subject| owners.of_subject(subject));
        let is_strange = entry.caller != ORGANIZER && owner.is_some_and(|o| o != entry.caller);
        let what = match &entry.outcome {
            Outcome::Done(Answer::Tokens) => "a token that was used is good again",
            Outcome::Done(_) if is_strange => "it is somebody else's, and was answered",
            // Whose it is was not even looked at.
            Outcome::Refused { reason: ErrorReason::RequestIdReused, .. } => continue,
            Outcome::Refused { code, .. } if is_strange && TELLING.contains(code) => {
                "it is somebody else's, and is said to be there"
            }
            _ => continue,
        };
        findings.push(finding(Promise::NoStranger, what, &[entry]));
    }
    findings
}
