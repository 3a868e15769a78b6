//! What is wrong with something an organizer described.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

use crate::error::{Error, Reason, Rejection, Violation};
use crate::kernel::limits::FAULTS_NAMED_MAX;
use crate::kernel::text;

/// The faults found so far, by the path of the request's field. The checks answer with the value
/// cleaned, or with something harmless in its place, so that all other fields are checked too.
#[derive(Debug, Default)]
pub struct Faults {
    violations: Vec<Violation>,
}

impl Faults {
    /// Notes a fault; those after the first [`FAULTS_NAMED_MAX`] go unnamed.
    pub(super) fn note(&mut self, field: impl Display, must: impl Into<String>) {
        if self.violations.len() < FAULTS_NAMED_MAX {
            self.violations.push(Violation { field: field.to_string(), description: must.into() });
        }
    }

    /// Notes a fault if the value is missing.
    pub(super) fn some<T>(
        &mut self,
        field: impl Display,
        value: Option<T>,
        must: &str,
    ) -> Option<T> {
        if value.is_none() {
            self.note(field, must);
        }
        value
    }

    /// One line of text.
    pub(super) fn line(
        &mut self,
        field: impl Display,
        text: &str,
        length: RangeInclusive<usize>,
    ) -> String {
        let (least, most) = (*length.start(), *length.end());
        text::line(text, length).unwrap_or_else(|| {
            self.note(field, format!("must be {least} to {most} printable characters"));
            String::new()
        })
    }

    /// One line of text that none of its neighbours has.
    pub(super) fn unique_line(
        &mut self,
        field: impl Display,
        text: &str,
        length: RangeInclusive<usize>,
        neighbours: &mut HashSet<String>,
    ) -> String {
        let line = self.line(&field, text, length);
        if !line.is_empty() && !neighbours.insert(line.clone()) {
            self.note(field, "must be unique among its neighbours");
        }
        line
    }

    /// The value, if nothing was wrong.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.violations.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The faults.
    pub fn into_violations(self) -> Vec<Violation> {
        self.violations
    }

    /// The refusal that names them, for this reason.
    pub(super) fn rejection(self, reason: Reason) -> Rejection {
        Rejection { violations: self.violations, ..reason.rejection() }
    }
}

impl From<Faults> for Error {
    fn from(faults: Faults) -> Self {
        faults.rejection(Reason::InvalidFields).into()
    }
}
