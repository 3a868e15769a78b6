//! Answers that gRPC's own machinery gives, in our form: with a reason, and never with its inner
//! words.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use boxoffice_proto::r#type::v1::ErrorReason;
use tonic::Code;

use super::status::plain;
use crate::kernel::limits::CALL_DURATION_MAX;

/// How much earlier than its deadline a call is ended, so that this answer comes before the
/// machinery's own, which has no reason.
const EARLY: Duration = Duration::from_millis(5);

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

/// Ends a call that takes too long. Of a stream, only the beginning is timed.
pub async fn limit_duration(request: Request, next: Next) -> Response {
    let asked = request.headers().get("grpc-timeout").and_then(|text| text.to_str().ok());
    let limit = asked.and_then(deadline).map_or(CALL_DURATION_MAX, |d| d.min(CALL_DURATION_MAX));
    match tokio::time::timeout(limit.saturating_sub(EARLY), next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let message = "the call took too long; repeat it with the same request id";
            plain(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, message).into_http()
        }
    }
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
        // With that header it is an encoding that is not known, and the header tells which are.
        Some(Code::Unimplemented) if !headers.contains_key("grpc-accept-encoding") => {
            (Code::Unimplemented, ErrorReason::UnknownMethod, "there is no such method")
        }
        _ => return response,
    };
    plain(code, reason, message).into_http()
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
