//! Errors as clients see them: a canonical code, a reason for programs and details.

use std::time::Duration;

use boxoffice_proto::booking::v1 as booking;
use boxoffice_proto::r#type::v1::ErrorReason;
use prost::Message;
use tonic::{Code, Status};
use tonic_types::pb;

use super::wire;
use crate::error::{Conflict, Error, Reason, Rejection};

/// The domain of every `ErrorInfo`.
pub const ERROR_DOMAIN: &str = "boxoffice";
/// When to try again where nothing better is known.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// The code and wire reason of each rule. The comments of `ErrorReason` say the same to clients.
const fn code_of(reason: Reason) -> (Code, ErrorReason) {
    use Code::{
        Aborted, AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied,
        ResourceExhausted, Unauthenticated,
    };
    match reason {
        Reason::InvalidFields => (InvalidArgument, ErrorReason::InvalidFields),
        Reason::NotFound => (NotFound, ErrorReason::NotFound),
        Reason::RequestIdReused => (FailedPrecondition, ErrorReason::RequestIdReused),
        Reason::ChangedMeanwhile => (Aborted, ErrorReason::ChangedMeanwhile),
        Reason::TokenMissing => (Unauthenticated, ErrorReason::TokenMissing),
        Reason::TokenInvalid => (Unauthenticated, ErrorReason::TokenInvalid),
        Reason::TokenExpired => (Unauthenticated, ErrorReason::TokenExpired),
        Reason::RoleMissing => (PermissionDenied, ErrorReason::RoleMissing),
        Reason::CredentialsWrong => (Unauthenticated, ErrorReason::CredentialsWrong),
        Reason::EmailTaken => (AlreadyExists, ErrorReason::EmailTaken),
        Reason::RefreshTokenInvalid => (Unauthenticated, ErrorReason::RefreshTokenInvalid),
        Reason::RefreshTokenReused => (Unauthenticated, ErrorReason::RefreshTokenReused),
        Reason::MailTokenInvalid => (FailedPrecondition, ErrorReason::MailTokenInvalid),
        Reason::LastAdmin => (FailedPrecondition, ErrorReason::LastAdmin),
        Reason::LoginThrottled => (ResourceExhausted, ErrorReason::LoginThrottled),
        Reason::ScopeMissing => (PermissionDenied, ErrorReason::ScopeMissing),
        Reason::ServiceSecretWrong => (Unauthenticated, ErrorReason::ServiceSecretWrong),
        Reason::EventNotOnSale => (FailedPrecondition, ErrorReason::EventNotOnSale),
        Reason::EventNotDraft => (FailedPrecondition, ErrorReason::EventNotDraft),
        Reason::EventTimesInvalid => (InvalidArgument, ErrorReason::EventTimesInvalid),
        Reason::VenueOnSale => (FailedPrecondition, ErrorReason::VenueOnSale),
        Reason::SectionInUse => (FailedPrecondition, ErrorReason::SectionInUse),
        Reason::EventPricesFixed => (FailedPrecondition, ErrorReason::EventPricesFixed),
        Reason::EventTermsFixed => (FailedPrecondition, ErrorReason::EventTermsFixed),
        Reason::EventCancelled => (FailedPrecondition, ErrorReason::EventCancelled),
        Reason::SeatsTaken => (Aborted, ErrorReason::SeatsTaken),
        Reason::SeatUnknown => (InvalidArgument, ErrorReason::SeatUnknown),
        Reason::TooManyPlaces => (FailedPrecondition, ErrorReason::TooManyPlaces),
        Reason::HoldExpired => (FailedPrecondition, ErrorReason::HoldExpired),
        Reason::HoldNotActive => (FailedPrecondition, ErrorReason::HoldNotActive),
        Reason::HoldAtLimit => (FailedPrecondition, ErrorReason::HoldAtLimit),
        Reason::HoldLost => (Aborted, ErrorReason::HoldLost),
        Reason::BookingState => (FailedPrecondition, ErrorReason::BookingState),
        Reason::ContactEmailRequired => (FailedPrecondition, ErrorReason::ContactEmailRequired),
        Reason::EventHasSales => (FailedPrecondition, ErrorReason::EventHasSales),
        Reason::OfferUnknown => (InvalidArgument, ErrorReason::OfferUnknown),
        Reason::CancelTooLate => (FailedPrecondition, ErrorReason::CancelTooLate),
        Reason::PlaceUnknown => (InvalidArgument, ErrorReason::PlaceUnknown),
        Reason::HoldEmpty => (FailedPrecondition, ErrorReason::HoldEmpty),
        Reason::PaymentOpen => (FailedPrecondition, ErrorReason::PaymentOpen),
        Reason::PaymentTokenInvalid => (InvalidArgument, ErrorReason::PaymentTokenInvalid),
        Reason::PaymentNotRefundable => (FailedPrecondition, ErrorReason::PaymentNotRefundable),
        Reason::PaymentActionNotAwaited => {
            (FailedPrecondition, ErrorReason::PaymentActionNotAwaited)
        }
        Reason::DeadLetterResolved => (FailedPrecondition, ErrorReason::DeadLetterResolved),
        Reason::TicketUsed => (FailedPrecondition, ErrorReason::TicketUsed),
        Reason::TicketVoid => (FailedPrecondition, ErrorReason::TicketVoid),
        Reason::TicketCodeInvalid => (InvalidArgument, ErrorReason::TicketCodeInvalid),
        Reason::TicketOtherEvent => (FailedPrecondition, ErrorReason::TicketOtherEvent),
        Reason::NotificationNotFailed => (FailedPrecondition, ErrorReason::NotificationNotFailed),
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Rejected(rejection) => {
                let (code, reason) = code_of(rejection.reason);
                detailed(code, reason, rejection)
            }
            Error::Duplicate(what) => {
                tracing::info!(what, "there already");
                Error::from(Reason::ChangedMeanwhile).into()
            }
            Error::Unavailable(what) => {
                tracing::warn!(what, "unavailable");
                unavailable("the server cannot do this now; try again with the same request id")
            }
            Error::Internal(what) => {
                tracing::error!(what, "internal fault");
                plain(Code::Internal, ErrorReason::Internal, "an internal fault; it was logged")
            }
        }
    }
}

/// UNAVAILABLE with RetryInfo.
pub fn unavailable(message: &str) -> Status {
    stream_over(message, &[])
}

/// UNAVAILABLE with RetryInfo, and where a stream that ends can go on.
pub fn stream_over(message: &str, cursor: &[(&'static str, String)]) -> Status {
    let details = vec![
        info(ErrorReason::Unavailable, cursor),
        packed(
            "google.rpc.RetryInfo",
            &pb::RetryInfo { retry_delay: Some(wire::span(RETRY_DELAY)) },
        ),
    ];
    with_details(Code::Unavailable, message, details)
}

/// A status with a reason and nothing more.
pub fn plain(code: Code, reason: ErrorReason, message: &str) -> Status {
    with_details(code, message, vec![info(reason, &[])])
}

fn conflicts(conflicts: &[Conflict]) -> booking::SeatConflicts {
    let mut found = booking::SeatConflicts::default();
    for conflict in conflicts {
        match conflict {
            Conflict::Seat(seat_id, state) => found.conflicts.push(booking::SeatConflict {
                seat_id: seat_id.to_string(),
                state: wire::seat_state(*state).into(),
            }),
            Conflict::Offer(offer_id, left) => {
                found.offers.extend(wire::offer_statuses(&[(*offer_id, *left)]));
            }
        }
    }
    found
}

fn detailed(code: Code, reason: ErrorReason, rejection: Rejection) -> Status {
    let mut details = vec![info(reason, &rejection.metadata)];
    if !rejection.violations.is_empty() {
        let field_violations =
            rejection.violations.into_iter().map(|violation| pb::bad_request::FieldViolation {
                field: violation.field,
                description: violation.description,
                ..Default::default()
            });
        let faults = pb::BadRequest { field_violations: field_violations.collect() };
        details.push(packed("google.rpc.BadRequest", &faults));
    }
    if !rejection.conflicts.is_empty() {
        let conflicts = conflicts(&rejection.conflicts);
        details.push(packed("boxoffice.booking.v1.SeatConflicts", &conflicts));
    }
    if let Some(delay) = rejection.retry_after {
        let retry = pb::RetryInfo { retry_delay: Some(wire::span(delay)) };
        details.push(packed("google.rpc.RetryInfo", &retry));
    }
    with_details(code, &rejection.message, details)
}

fn info(reason: ErrorReason, metadata: &[(&'static str, String)]) -> prost_types::Any {
    let name = reason.as_str_name();
    let info = pb::ErrorInfo {
        reason: name.strip_prefix("ERROR_REASON_").unwrap_or(name).to_owned(),
        domain: ERROR_DOMAIN.to_owned(),
        metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
    };
    packed("google.rpc.ErrorInfo", &info)
}

fn packed(name: &str, message: &impl Message) -> prost_types::Any {
    let type_url = format!("type.googleapis.com/{name}");
    prost_types::Any { type_url, value: message.encode_to_vec() }
}

fn with_details(code: Code, message: &str, details: Vec<prost_types::Any>) -> Status {
    let status = pb::Status { code: code.into(), message: message.to_owned(), details };
    Status::with_details(code, message, status.encode_to_vec().into())
}
