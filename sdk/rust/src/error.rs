//! Why a call failed.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use boxoffice_proto::booking::v1::{OfferStatus, SeatConflict, SeatConflicts};
use boxoffice_proto::r#type::v1::ErrorReason;
use prost::Message;
use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt;

/// The domain of every reason that is Boxoffice's own.
const REASON_DOMAIN: &str = "boxoffice";
const SEAT_CONFLICTS_TYPE: &str = "boxoffice.booking.v1.SeatConflicts";

/// A field of a request and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// The path of the field, e.g. `venue.sections[2].name`.
    pub field: String,
    /// What is wrong with it, as a sentence.
    pub description: String,
}

/// A call that failed: refused by the server, or never answered.
///
/// Its `Display` is one line for people; programs should decide by [`Error::reason`] and, where
/// that is [`ErrorReason::Unspecified`], by [`Error::code`].
#[derive(Clone, Debug)]
pub struct Error(Box<Failure>);

#[derive(Clone, Debug)]
struct Failure {
    code: Code,
    reason: ErrorReason,
    message: String,
    metadata: BTreeMap<String, String>,
    violations: Vec<FieldViolation>,
    conflicts: SeatConflicts,
    retry_after: Option<Duration>,
}

impl Error {
    /// The canonical status code. A connection that could not be made or broke is
    /// [`Code::Unavailable`], a deadline that passed is [`Code::DeadlineExceeded`].
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Why the server refused; [`ErrorReason::Unspecified`] when it gave no reason, or one that is
    /// newer than this crate, or was never reached.
    pub fn reason(&self) -> ErrorReason {
        self.0.reason
    }

    /// The server's words, in English. Not stable: never decide by them.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What the reason's documentation promises, e.g. `limit` for
    /// [`ErrorReason::TooManyPlaces`]; empty for most.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.0.metadata
    }

    /// The fields that are missing or malformed; empty unless the reason is
    /// [`ErrorReason::InvalidFields`].
    pub fn violations(&self) -> &[FieldViolation] {
        &self.0.violations
    }

    /// The seats that stood in the way; empty unless the reason is [`ErrorReason::SeatsTaken`].
    pub fn conflicts(&self) -> &[SeatConflict] {
        &self.0.conflicts.conflicts
    }

    /// The offers of general admission that have fewer places left than were asked for, with how
    /// many; empty unless the reason is [`ErrorReason::SeatsTaken`].
    pub fn offer_conflicts(&self) -> &[OfferStatus] {
        &self.0.conflicts.offers
    }

    /// How long the server asks to wait before the call is repeated; `None` when repeating it
    /// cannot help or the server did not say.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// An error that arose on this side of the connection.
    pub(crate) fn local(code: Code, reason: ErrorReason, message: impl Into<String>) -> Error {
        Error(Box::new(Failure {
            code,
            reason,
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            conflicts: SeatConflicts::default(),
            retry_after: None,
        }))
    }

    pub(crate) fn deadline_exceeded() -> Error {
        let message = "the server did not answer in time; what was asked may have happened";
        Error::local(Code::DeadlineExceeded, ErrorReason::Unspecified, message)
    }

    /// A call that was sent with an expired token: a new one makes it good.
    pub(crate) fn is_token_expired(&self) -> bool {
        self.0.code == Code::Unauthenticated && self.0.reason == ErrorReason::TokenExpired
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        self.0.code == Code::Unavailable
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Error {
        if let Some(cause) = status.source() {
            return from_transport(&status, cause);
        }
        let details = status.get_error_details();
        let stated = details.error_info().filter(|stated| stated.domain == REASON_DOMAIN);
        let mut error = Error::local(status.code(), ErrorReason::Unspecified, status.message());
        if let Some(stated) = stated {
            error.0.reason = parse_reason(&stated.reason);
            error.0.metadata =
                stated.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        }
        if let Some(bad_request) = details.bad_request() {
            let violations = bad_request.field_violations.iter();
            error.0.violations = violations
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect();
        }
        error.0.retry_after = details.retry_info().and_then(|retry| retry.retry_delay);
        error.0.conflicts = decode_conflicts(status.details());
        error
    }
}

/// A status with a cause was made on this side: no server sends one. Its code tells how the
/// connection broke, which is the same to a caller in every case but a deadline that passed.
fn from_transport(status: &Status, cause: &(dyn StdError + 'static)) -> Error {
    let mut root = cause;
    let mut timed_out = root.is::<TimeoutExpired>();
    while let Some(deeper) = root.source() {
        root = deeper;
        timed_out |= root.is::<TimeoutExpired>();
    }
    if timed_out {
        return Error::deadline_exceeded();
    }
    let code = match status.code() {
        Code::Unknown | Code::Internal | Code::Cancelled => Code::Unavailable,
        other => other,
    };
    let message = format!("the connection to the server failed: {root}");
    Error::local(code, ErrorReason::Unspecified, message)
}

fn parse_reason(name: &str) -> ErrorReason {
    ErrorReason::from_str_name(&format!("ERROR_REASON_{name}")).unwrap_or_default()
}

/// Reads the one detail that is Boxoffice's own. Bytes that do not decode are no conflicts: the
/// code and reason still stand.
fn decode_conflicts(details: &[u8]) -> SeatConflicts {
    let Ok(status) = tonic_types::pb::Status::decode(details) else {
        return SeatConflicts::default();
    };
    let mut named = status.details.into_iter().filter(|detail| {
        detail.type_url.rsplit('/').next().is_some_and(|name| name == SEAT_CONFLICTS_TYPE)
    });
    let decoded = named.find_map(|detail| SeatConflicts::decode(detail.value.as_slice()).ok());
    decoded.unwrap_or_default()
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = &self.0;
        match failure.message.trim() {
            "" => write!(formatter, "{}", failure.code.description())?,
            message => write!(formatter, "{}", message.replace(['\n', '\r'], " "))?,
        }
        for (index, violation) in failure.violations.iter().enumerate() {
            let separator = if index == 0 { ": " } else { "; " };
            write!(formatter, "{separator}{}: {}", violation.field, violation.description)?;
        }
        for (index, conflict) in failure.conflicts.conflicts.iter().enumerate() {
            let separator = if index == 0 { ": " } else { ", " };
            let state = conflict.state().as_str_name().trim_start_matches("SEAT_STATE_");
            write!(formatter, "{separator}{} is {state}", conflict.seat_id)?;
        }
        for (index, offer) in failure.conflicts.offers.iter().enumerate() {
            let first = index == 0 && failure.conflicts.conflicts.is_empty();
            let separator = if first { ": " } else { ", " };
            write!(formatter, "{separator}{} has {} left", offer.offer_id, offer.available_count)?;
        }
        match failure.reason {
            ErrorReason::Unspecified => write!(formatter, " ({:?})", failure.code),
            reason => {
                let name = reason.as_str_name().trim_start_matches("ERROR_REASON_");
                write!(formatter, " ({name})")
            }
        }
    }
}

impl StdError for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use boxoffice_proto::booking::v1::SeatState;
    use std::collections::HashMap;
    use tonic_types::{ErrorDetails, pb};

    fn refused(code: Code, reason: &str, domain: &str) -> Error {
        let metadata = HashMap::from([("limit".to_owned(), "10".to_owned())]);
        let details = ErrorDetails::with_error_info(reason, domain, metadata);
        Error::from(Status::with_error_details(code, "refused", details))
    }

    #[test]
    fn a_reason_of_ours_is_read_with_its_metadata() {
        let error = refused(Code::FailedPrecondition, "TOO_MANY_PLACES", "boxoffice");
        assert_eq!(error.reason(), ErrorReason::TooManyPlaces);
        assert_eq!(error.code(), Code::FailedPrecondition);
        assert_eq!(error.metadata().get("limit").map(String::as_str), Some("10"));
        assert_eq!(error.to_string(), "refused (TOO_MANY_PLACES)");
    }

    #[test]
    fn a_reason_of_another_domain_or_a_newer_server_is_unspecified() {
        let foreign = refused(Code::Aborted, "SEATS_TAKEN", "example.com");
        assert_eq!(foreign.reason(), ErrorReason::Unspecified);
        assert!(foreign.metadata().is_empty());
        let newer = refused(Code::Aborted, "NOT_INVENTED_YET", "boxoffice");
        assert_eq!(newer.reason(), ErrorReason::Unspecified);
        assert_eq!(newer.metadata().len(), 1);
    }

    #[test]
    fn violations_and_retry_delay_are_read() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("email", "must not be empty");
        details.set_retry_info(Some(Duration::from_millis(250)));
        let status = Status::with_error_details(Code::InvalidArgument, "bad fields", details);
        let error = Error::from(status);
        assert_eq!(error.violations().len(), 1);
        assert_eq!(error.retry_after(), Some(Duration::from_millis(250)));
        assert_eq!(error.to_string(), "bad fields: email: must not be empty (InvalidArgument)");
    }

    #[test]
    fn conflicts_are_read_beside_details_of_other_types() {
        let conflicts = SeatConflicts {
            conflicts: vec![SeatConflict {
                seat_id: "sea_1".to_owned(),
                state: SeatState::Sold.into(),
            }],
            offers: vec![OfferStatus { offer_id: "off_1".to_owned(), available_count: 2 }],
        };
        let any = |type_url: &str, value: Vec<u8>| prost_types::Any {
            type_url: type_url.to_owned(),
            value,
        };
        let stated = pb::ErrorInfo {
            reason: "SEATS_TAKEN".to_owned(),
            domain: "boxoffice".to_owned(),
            metadata: HashMap::new(),
        };
        let status = pb::Status {
            code: Code::Aborted.into(),
            message: "1 of 2 seats is taken".to_owned(),
            details: vec![
                any("type.googleapis.com/google.rpc.ErrorInfo", stated.encode_to_vec()),
                any("type.googleapis.com/example.Unknown", vec![1, 2, 3]),
                any(
                    "type.googleapis.com/boxoffice.booking.v1.SeatConflicts",
                    conflicts.encode_to_vec(),
                ),
            ],
        };
        let details = status.encode_to_vec().into();
        let error = Error::from(Status::with_details(Code::Aborted, &status.message, details));
        assert_eq!(error.reason(), ErrorReason::SeatsTaken);
        assert_eq!(error.conflicts(), conflicts.conflicts);
        assert_eq!(error.offer_conflicts(), conflicts.offers);
        assert_eq!(
            error.to_string(),
            "1 of 2 seats is taken: sea_1 is SOLD, off_1 has 2 left (SEATS_TAKEN)"
        );
    }

    #[test]
    fn undecodable_details_leave_the_code_and_the_message() {
        let garbage = vec![0xff; 7].into();
        let error = Error::from(Status::with_details(Code::NotFound, "no such event", garbage));
        assert_eq!(error.code(), Code::NotFound);
        assert_eq!(error.message(), "no such event");
        assert!(error.conflicts().is_empty());
    }

    #[test]
    fn a_broken_connection_is_unavailable_and_names_its_cause() {
        let cause = std::io::Error::new(std::io::ErrorKind::BrokenPipe, "broken pipe");
        let error = Error::from(Status::from_error(Box::new(cause)));
        assert_eq!(error.code(), Code::Unavailable);
        assert!(error.message().ends_with("broken pipe"), "{error}");
    }
}
