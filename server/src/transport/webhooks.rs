//! `POST /webhooks/<gateway>`: what a payment gateway tells by itself. The signature is over the
//! raw body, so nothing is parsed before it is verified.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;

use crate::kernel::limits::{WEBHOOK_BYTES_MAX, WEBHOOK_DURATION_MAX};
use crate::payment::service::{NoticeRefusal, PaymentService};
use crate::ports::gateway::NoticeFault;

type Answer = (StatusCode, &'static str);

/// The route of webhooks.
pub fn webhooks(payments: PaymentService) -> Router {
    Router::new().route("/webhooks/{gateway}", post(receive)).with_state(payments)
}

/// A gateway posts again whatever is not answered with success.
async fn receive(
    State(payments): State<PaymentService>,
    Path(gateway): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    if !payments.has_gateway(&gateway) {
        return (StatusCode::NOT_FOUND, "there is no such gateway\n");
    }
    let taken = tokio::time::timeout(WEBHOOK_DURATION_MAX, take(&payments, &headers, body));
    taken.await.unwrap_or((StatusCode::REQUEST_TIMEOUT, "it took too long\n"))
}

async fn take(payments: &PaymentService, headers: &HeaderMap, body: Body) -> Answer {
    let Ok(body) = to_bytes(body, WEBHOOK_BYTES_MAX).await else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or broke off\n");
    };
    let signature = headers.get(payments.signature_header()).and_then(|value| value.to_str().ok());
    match payments.take_notice(signature.unwrap_or_default(), &body).await {
        Ok(Ok(())) => (StatusCode::OK, "taken\n"),
        Ok(Err(refusal)) => {
            tracing::warn!(?refusal, "a webhook was refused");
            refused(refusal)
        }
        Err(error) => {
            tracing::warn!(%error, "a webhook could not be taken in");
            (StatusCode::SERVICE_UNAVAILABLE, "not now; post it again\n")
        }
    }
}

const fn refused(refusal: NoticeRefusal) -> Answer {
    match refusal {
        NoticeRefusal::Fault(NoticeFault::Forged) => {
            (StatusCode::UNAUTHORIZED, "the signature is not good\n")
        }
        NoticeRefusal::Fault(NoticeFault::Stale) => {
            (StatusCode::UNAUTHORIZED, "it was signed too long ago, or in the future\n")
        }
        NoticeRefusal::Fault(NoticeFault::Unreadable) => {
            (StatusCode::BAD_REQUEST, "it makes no sense\n")
        }
        NoticeRefusal::PaymentUnknown => (StatusCode::NOT_FOUND, "there is no such payment\n"),
        NoticeRefusal::AmountDiffers => {
            (StatusCode::CONFLICT, "the payment is of another amount\n")
        }
    }
}
