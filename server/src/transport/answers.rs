//! Answers that gRPC's own machinery gives, in our form: with a reason, and never with its inner
//! words.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use boxoffice_proto::r#type::v1::ErrorReason;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::status::{plain, unavailable};
use crate::kernel::limits::{CALL_DURATION_MAX, HEADER_BYTES_MAX};

/// How much earlier than its deadline a call is ended, so that this answer comes before the
/// machinery's own, which has no reason.
const EARLY: Duration = Duration::from_millis(5);
/// What a header costs beside its name and value, as HTTP/2 counts (RFC 9113, 6.5.2).
const HEADER_OVERHEAD: usize = 32;
/// What the paths of our own RPCs begin with.
const OUR_PATHS: &str = "/boxoffice.";
/// Tells a client which compressions the server knows.
const ACCEPTED_ENCODINGS: &str = "grpc-accept-encoding";

/// The deadline a client asks for: digits and a unit, as gRPC writes it.
fn deadline(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

fn too_late() -> Response {
    let message = "the call took too long; repeat it with the same request id";
    plain(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message).into_http()
}

/// Ends a call that takes too long. Of a stream, only the beginning is timed.
pub async fn limit_duration(request: Request, next: Next) -> Response {
    let asked = request.headers().get("grpc-timeout").and_then(|text| text.to_str().ok());
    let limit = asked.and_then(deadline).map_or(CALL_DURATION_MAX, |d| d.min(CALL_DURATION_MAX));
    // With so little time the machinery's own answer would come first.
    let limit = limit.saturating_sub(EARLY);
    if limit.is_zero() {
        return too_late();
    }
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| too_late())
}

/// Refuses a call whose headers are too many or too long, in our words; HTTP/2 itself would answer
/// with a status that clients of gRPC take for an unknown fault.
pub async fn limit_headers(request: Request, next: Next) -> Response {
    let size = |(name, value): (&HeaderName, &HeaderValue)| {
        name.as_str().len() + value.len() + HEADER_OVERHEAD
    };
    if request.headers().iter().map(size).sum::<usize>() <= HEADER_BYTES_MAX {
        return next.run(request).await;
    }
    let message = "the metadata of the call is too large";
    plain(Code::ResourceExhausted, ErrorReason::RequestTooLarge, message).into_http()
}

/// Refuses what is begun after the server was told to stop: a client that has not heard of it yet
/// goes elsewhere. Who asks for health is told all the same.
pub async fn refuse_when_stopping(
    State(stop): State<CancellationToken>,
    request: Request,
    next: Next,
) -> Response {
    if !stop.is_cancelled() || !request.uri().path().starts_with(OUR_PATHS) {
        return next.run(request).await;
    }
    unavailable("the server is stopping; repeat the call elsewhere").into_http()
}

/// Gives a refusal that has no reason one. Refusals and faults of ours have theirs with them.
pub async fn give_reasons(response: Response) -> Response {
    let headers = response.headers();
    if headers.contains_key("grpc-status-details-bin") {
        return response;
    }
    let code = headers.get("grpc-status").map(|code| Code::from_bytes(code.as_bytes()));
    let (code, reason, message) = match code {
        // It says so of requests that it cannot decode.
        Some(Code::Internal) => (
            Code::InvalidArgument,
            ErrorReason::RequestUnreadable,
            "the request is not a message of this RPC",
        ),
        Some(Code::OutOfRange) => {
            (Code::ResourceExhausted, ErrorReason::RequestTooLarge, "the request is too large")
        }
        Some(Code::Unimplemented) => match headers.get(ACCEPTED_ENCODINGS) {
            Some(known) => return unknown_encoding(known.clone()),
            None => (Code::Unimplemented, ErrorReason::UnknownMethod, "there is no such method"),
        },
        _ => return response,
    };
    plain(code, reason, message).into_http()
}

/// The header tells which encodings are known, as gRPC asks for.
fn unknown_encoding(known: HeaderValue) -> Response {
    let message = "the request is compressed in a way that the server does not know";
    let status = plain(Code::Unimplemented, ErrorReason::UnknownEncoding, message);
    let mut response: Response = status.into_http();
    response.headers_mut().insert(ACCEPTED_ENCODINGS, known);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_read_as_grpc_writes_them_and_garbage_is_none() {
        assert_eq!(deadline("1S"), Some(Duration::from_secs(1)));
        assert_eq!(deadline("250m"), Some(Duration::from_millis(250)));
        assert_eq!(deadline("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        for garbage in ["", "S", "1", "1s", "-1S", "123456789S", "1é", "é", "+1S "] {
            assert_eq!(deadline(garbage), None, "{garbage}");
        }
    }
}
