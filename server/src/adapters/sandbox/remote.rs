//! The sandbox as a process of its own: the port over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Serialize;

use super::gateway::{NAME, method_of, read_notice, records};
use super::message::{
    ChangesMessage, ChargeMessage, ChargeRequest, ChargesRequest, ConfirmRequest, RefundRequest,
};
use super::signature::{SIGNATURE_HEADER, WebhookSecret};
use super::token::ActionAnswer;
use super::webhooks::http_client;
use crate::error::{Error, Result};
use crate::kernel::id::PaymentId;
use crate::kernel::time::Timestamp;
use crate::ports::gateway::{
    Charge, ChargeOutcome, ChargeRecord, Notice, NoticeFault, PaymentGateway, PaymentMethod,
    Refund, RefundOutcome,
};

/// The header of an idempotency key.
pub(super) const KEY_HEADER: &str = "idempotency-key";

/// The sandbox gateway in another process.
pub struct RemoteSandbox {
    http: Client,
    url: String,
    secrets: Vec<WebhookSecret>,
}

impl RemoteSandbox {
    /// The sandbox at an address such as `http://127.0.0.1:50052`. A call that takes longer than
    /// `deadline` is given up: its outcome is not known.
    pub fn new(url: &str, deadline: Duration, secrets: Vec<WebhookSecret>) -> Result<Self> {
        let http = http_client(deadline)?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), secrets })
    }

    fn post(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.http.post(format!("{}/v1/{path}", self.url)).json(body)
    }

    /// What a charge has come to. Whatever is no certain answer leaves it unknown.
    async fn outcome(&self, request: RequestBuilder) -> ChargeOutcome {
        match answer::<ChargeMessage>(request).await {
            Ok(charge) => charge.outcome(),
            Err(error) => {
                tracing::info!(%error, "the sandbox gave no answer");
                ChargeOutcome::Unknown
            }
        }
    }
}

async fn answer<T: serde::de::DeserializeOwned>(request: RequestBuilder) -> reqwest::Result<T> {
    request.send().await?.error_for_status()?.json().await
}

#[async_trait]
impl PaymentGateway for RemoteSandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn method_of(&self, payment_token: &str) -> Option<PaymentMethod> {
        method_of(payment_token)
    }

    fn answers(&self) -> &'static [&'static str] {
        &ActionAnswer::NAMES
    }

    async fn charge(&self, charge: &Charge) -> ChargeOutcome {
        let request = self.post("charges", &ChargeRequest::of(charge));
        self.outcome(request.header(KEY_HEADER, charge.payment_id.to_string())).await
    }

    async fn confirm(&self, charge: &Charge, answer: &str) -> ChargeOutcome {
        let path = format!("charges/{}/confirm", charge.payment_id);
        self.outcome(self.post(&path, &ConfirmRequest { answer: answer.to_owned() })).await
    }

    async fn cancel(&self, charge: &Charge) -> ChargeOutcome {
        let path = format!("charges/{}/cancel", charge.payment_id);
        self.outcome(self.post(&path, &ChargeRequest::of(charge))).await
    }

    async fn refund(&self, refund: &Refund) -> RefundOutcome {
        let body = RefundRequest {
            charge: refund.payment_id.to_string(),
            currency: refund.amount.currency.code().to_owned(),
            amount_minor: refund.amount.minor,
        };
        let request = self.post("refunds", &body);
        let sent = request.header(KEY_HEADER, refund.refund_id.to_string()).send().await;
        match sent.map(|answer| answer.status()) {
            Ok(StatusCode::OK) => RefundOutcome::Made,
            Ok(StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT) => RefundOutcome::Refused,
            Ok(status) => {
                tracing::info!(status = status.as_u16(), "the sandbox gave no certain answer");
                RefundOutcome::Unknown
            }
            Err(error) => {
                tracing::info!(%error, "the sandbox gave no answer");
                RefundOutcome::Unknown
            }
        }
    }

    async fn changes(&self, after: i64, limit: usize) -> Result<Vec<ChargeRecord>> {
        let url = format!("{}/v1/charges?after={after}&limit={limit}", self.url);
        let changes = answer::<ChangesMessage>(self.http.get(url)).await;
        let changes = changes.map_err(|error| Error::Unavailable(error.to_string()))?;
        records(&changes.charges)
    }

    async fn charges(&self, payments: &[PaymentId]) -> Result<Vec<ChargeRecord>> {
        let keys = payments.iter().map(ToString::to_string).collect();
        let found = answer::<ChangesMessage>(self.post("charges/find", &ChargesRequest { keys }));
        let found = found.await.map_err(|error| Error::Unavailable(error.to_string()))?;
        records(&found.charges)
    }

    fn signature_header(&self) -> &'static str {
        SIGNATURE_HEADER
    }

    fn read_notice(
        &self,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Notice, NoticeFault> {
        read_notice(&self.secrets, signature, body, now)
    }
}
