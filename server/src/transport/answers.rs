//! Answers that gRPC's own machinery gives, in our form: with a reason, and never with its inner
//! words.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use boxoffice_proto::r#type::v1::ErrorReason;
use tonic::Code;

use super::status::plain;
use crate::kernel::limits::CALL_DURATION_MAX;

/// Ends a call that takes too long. Of a stream, only the beginning is timed.
pub async fn limit_duration(request: Request, next: Next) -> Response {
    match tokio::time::timeout(CALL_DURATION_MAX, next.run(request)).await {
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
        Some(Code::Unimplemented) => {
            (Code::Unimplemented, ErrorReason::UnknownMethod, "there is no such method")
        }
        _ => return response,
    };
    plain(code, reason, message).into_http()
}
