//! The sandbox's HTTP interface, in the manner of Stripe's: JSON, an idempotency key a charge and
//! refund, and a list of what changed.
//!
//! | call | does |
//! |---|---|
//! | `POST /v1/charges` | asks for a charge, under the key in `Idempotency-Key` |
//! | `GET /v1/charges/{key}` | reads it |
//! | `POST /v1/charges/{key}/confirm` | passes on what the buyer's action gave |
//! | `POST /v1/charges/{key}/cancel` | cancels it, or sees that it is never made |
//! | `POST /v1/refunds` | gives money back, under the key in `Idempotency-Key` |
//! | `GET /v1/charges?after=POSITION&limit=N` | lists what changed since |
//! | `POST /v1/charges/find` | reads the charges of these keys, up to 200 |
//! | `GET /actions/{key}` | the page where a buyer does what is asked of her |

use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::engine::{RefundReply, Reply, Sandbox};
use super::message::{
    ChangesMessage, ChargeRequest, ChargesRequest, ConfirmRequest, RefundRequest,
};
use super::remote::KEY_HEADER;
use super::token::ActionAnswer;
use crate::error::Result;
use crate::kernel::id::{PaymentId, RefundId};
use crate::kernel::limits::PAGE_SIZE_MAX;
use crate::kernel::money::{Currency, Money};
use crate::ports::gateway::{Charge, Refund};

/// How long a call that gets no answer is kept open.
const HANG_DURATION_MAX: Duration = Duration::from_secs(600);

/// Which changes are wanted.
#[derive(Deserialize)]
struct ChangesWanted {
    #[serde(default)]
    after: i64,
    limit: Option<usize>,
}

/// The routes of the interface.
pub fn routes(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/v1/charges", post(charge).get(changes))
        .route("/v1/charges/find", post(find_all))
        .route("/v1/charges/{key}", get(find))
        .route("/v1/charges/{key}/confirm", post(confirm))
        .route("/v1/charges/{key}/cancel", post(cancel))
        .route("/v1/refunds", post(refund))
        .route("/actions/{key}", get(action))
        .route("/actions/{key}/{answer}", post(act))
        .with_state(sandbox)
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

fn key(headers: &HeaderMap) -> &str {
    headers.get(KEY_HEADER).and_then(|key| key.to_str().ok()).unwrap_or_default()
}

fn answer(reply: Result<Reply>) -> Response {
    match reply {
        Ok(Reply::Charge(charge)) => Json(charge).into_response(),
        Ok(Reply::TimedOut | Reply::Hanging) => {
            refusal(StatusCode::GATEWAY_TIMEOUT, "the card's issuer did not answer in time")
        }
        Ok(Reply::Unreachable) => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "the card's issuer cannot be reached")
        }
        Ok(Reply::Conflict) => {
            refusal(StatusCode::CONFLICT, "this key was used before, for something else")
        }
        Ok(Reply::Missing) => refusal(StatusCode::NOT_FOUND, "there is no such charge"),
        Err(error) => {
            tracing::warn!(%error, "the ledger failed");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "the ledger failed")
        }
    }
}

/// Asks for a charge, and again whenever the ledger changes for as long as there is no answer: a
/// call that hangs ends when the charge is cancelled.
async fn charge_patiently(sandbox: &Sandbox, charge: &Charge) -> Response {
    let mut changes = sandbox.changes_heard();
    let mut reply = sandbox.charge(charge).await;
    if matches!(reply, Ok(Reply::Hanging)) {
        let decided = async {
            while changes.changed().await.is_ok() {
                let found = sandbox.find(charge.payment_id).await;
                if matches!(&found, Ok(Reply::Charge(found)) if found.is_decided()) {
                    return found;
                }
            }
            Ok(Reply::Hanging)
        };
        reply = tokio::time::timeout(HANG_DURATION_MAX, decided).await.unwrap_or(reply);
    }
    answer(reply)
}

async fn charge(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    Json(request): Json<ChargeRequest>,
) -> Response {
    match request.charge(key(&headers)) {
        Some(charge) => charge_patiently(&sandbox, &charge).await,
        None => refusal(StatusCode::BAD_REQUEST, "a charge needs a key, a currency and an amount"),
    }
}

async fn find(State(sandbox): State<Sandbox>, Path(key): Path<String>) -> Response {
    match PaymentId::parse(&key) {
        Some(id) => answer(sandbox.find(id).await),
        None => answer(Ok(Reply::Missing)),
    }
}

async fn confirm(
    State(sandbox): State<Sandbox>,
    Path(key): Path<String>,
    Json(request): Json<ConfirmRequest>,
) -> Response {
    act(State(sandbox), Path((key, request.answer))).await
}

async fn act(
    State(sandbox): State<Sandbox>,
    Path((key, given)): Path<(String, String)>,
) -> Response {
    match (PaymentId::parse(&key), ActionAnswer::parse(&given)) {
        (Some(id), Some(given)) => answer(sandbox.confirm(id, given).await),
        (None, _) => answer(Ok(Reply::Missing)),
        (_, None) => refusal(StatusCode::BAD_REQUEST, "the answer is succeed or decline"),
    }
}

async fn cancel(
    State(sandbox): State<Sandbox>,
    Path(key): Path<String>,
    Json(request): Json<ChargeRequest>,
) -> Response {
    match request.charge(&key) {
        Some(charge) => answer(sandbox.cancel(&charge).await),
        None => refusal(StatusCode::BAD_REQUEST, "a charge needs a key, a currency and an amount"),
    }
}

async fn refund(
    State(sandbox): State<Sandbox>,
    headers: HeaderMap,
    Json(request): Json<RefundRequest>,
) -> Response {
    let refund_id = RefundId::parse(key(&headers));
    let (payment_id, currency) =
        (PaymentId::parse(&request.charge), Currency::parse(&request.currency));
    let (Some(refund_id), Some(payment_id), Some(currency)) = (refund_id, payment_id, currency)
    else {
        let message = "a refund needs a key, a charge, a currency and an amount";
        return refusal(StatusCode::BAD_REQUEST, message);
    };
    let amount = Money { currency, minor: request.amount_minor };
    match sandbox.refund(&Refund { refund_id, payment_id, amount }).await {
        Ok(RefundReply::Made) => Json(json!({ "id": refund_id.to_string() })).into_response(),
        Ok(RefundReply::TimedOut) => answer(Ok(Reply::TimedOut)),
        Ok(RefundReply::Refused) => {
            refusal(StatusCode::UNPROCESSABLE_ENTITY, "it would be more than was taken")
        }
        Ok(RefundReply::Conflict) => answer(Ok(Reply::Conflict)),
        Err(error) => answer(Err(error)),
    }
}

async fn changes(State(sandbox): State<Sandbox>, Query(wanted): Query<ChangesWanted>) -> Response {
    let limit = wanted.limit.unwrap_or(PAGE_SIZE_MAX).min(PAGE_SIZE_MAX);
    match sandbox.changes(wanted.after, limit).await {
        Ok(charges) => Json(ChangesMessage { charges }).into_response(),
        Err(error) => answer(Err(error)),
    }
}

async fn find_all(State(sandbox): State<Sandbox>, Json(request): Json<ChargesRequest>) -> Response {
    if request.keys.len() > PAGE_SIZE_MAX {
        return refusal(StatusCode::BAD_REQUEST, "these are more than one call may ask for");
    }
    // A key that is none of ours is none of the books'.
    let ids: Vec<PaymentId> = request.keys.iter().filter_map(|key| PaymentId::parse(key)).collect();
    match sandbox.charges(&ids).await {
        Ok(charges) => Json(ChangesMessage { charges }).into_response(),
        Err(error) => answer(Err(error)),
    }
}

async fn action(Path(key): Path<String>) -> Response {
    let Some(payment_id) = PaymentId::parse(&key) else { return answer(Ok(Reply::Missing)) };
    let forms: String = ActionAnswer::NAMES
        .iter()
        .map(|answer| {
            format!(
                "<form method=\"post\" action=\"/actions/{payment_id}/{answer}\">\
                 <button>{answer}</button></form>"
            )
        })
        .collect();
    Html(format!(
        "<!doctype html><html lang=\"en\"><title>Sandbox</title>\
         <h1>Is this card yours?</h1><p>Payment {payment_id}</p>{forms}</html>"
    ))
    .into_response()
}
