//! The sandbox in this process: the port's front of the engine.

use std::sync::Arc;

use async_trait::async_trait;

use super::engine::{RefundReply, Reply, Sandbox};
use super::message::{ChargeMessage, NoticeMessage};
use super::signature::{SIGNATURE_HEADER, WebhookSecret, verify};
use super::store::{Ledger, LedgerEntry, WebhookPlan};
use super::token::{ActionAnswer, behaviour};
use super::webhooks::{Destination, post_webhooks};
use crate::error::{Error, Result};
use crate::kernel::id::PaymentId;
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::ports::gateway::{
    Charge, ChargeOutcome, ChargeRecord, Notice, NoticeFault, PaymentGateway, PaymentMethod,
    Refund, RefundOutcome,
};
use crate::tasks::Tasks;

/// The name of the sandbox, in this process or another.
pub const NAME: &str = "sandbox";

/// The sandbox gateway in this process. Cheap to clone.
#[derive(Clone)]
pub struct SandboxGateway {
    sandbox: Sandbox,
    secrets: Arc<[WebhookSecret]>,
}

impl SandboxGateway {
    /// Opens the ledger of a `sqlite://` URL, or makes it. Webhooks are signed with the first
    /// secret; what was signed with the others is still accepted.
    pub async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        secrets: Vec<WebhookSecret>,
    ) -> Result<Self> {
        let sandbox = Sandbox::new(Ledger::open(url).await?, clock);
        Ok(Self { sandbox, secrets: secrets.into() })
    }

    /// Posts webhooks from now on, to this address and with these faults.
    pub fn post_webhooks(&self, url: String, plan: WebhookPlan, tasks: &Tasks) -> Result<()> {
        let secret = self.secrets.first().cloned();
        let secret = secret.ok_or_else(|| Error::internal("webhooks need a secret"))?;
        let destination = Destination::new(url, secret)?;
        self.sandbox.change_posting(|posting| posting.plan = Some(plan));
        let stop = tasks.stop().clone();
        tasks.spawn_vital(post_webhooks(self.sandbox.clone(), destination, stop));
        Ok(())
    }

    /// Every charge of the ledger, for comparison with the platform's own payments.
    pub async fn entries(&self) -> Result<Vec<LedgerEntry>> {
        self.sandbox.entries().await
    }
}

/// What a charge has come to, in the words of the port. Whatever is not known for certain is
/// unknown.
fn outcome(reply: Result<Reply>, payment_id: PaymentId) -> ChargeOutcome {
    match reply {
        Ok(Reply::Charge(charge)) => charge.outcome(),
        Ok(Reply::TimedOut | Reply::Hanging | Reply::Unreachable | Reply::Missing) => {
            ChargeOutcome::Unknown
        }
        Ok(Reply::Conflict) => {
            tracing::error!(%payment_id, "the sandbox knows this payment with another amount");
            ChargeOutcome::Unknown
        }
        Err(error) => {
            tracing::warn!(%error, "the sandbox's ledger failed");
            ChargeOutcome::Unknown
        }
    }
}

/// The books in the words of the port.
pub(super) fn records(charges: &[ChargeMessage]) -> Result<Vec<ChargeRecord>> {
    let records = charges.iter().map(|charge| {
        charge.record().ok_or_else(|| Error::internal("the sandbox's books make no sense"))
    });
    records.collect()
}

/// Reads a notice of the sandbox.
pub(super) fn read_notice(
    secrets: &[WebhookSecret],
    signature: &str,
    body: &[u8],
    now: Timestamp,
) -> Result<Notice, NoticeFault> {
    verify(secrets, signature, body, now)?;
    NoticeMessage::read(body)
}

/// The method of a token of the sandbox: every one is a card's.
pub(super) fn method_of(payment_token: &str) -> Option<PaymentMethod> {
    behaviour(payment_token).map(|_| PaymentMethod::Card)
}

#[async_trait]
impl PaymentGateway for SandboxGateway {
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
        outcome(self.sandbox.charge(charge).await, charge.payment_id)
    }

    async fn confirm(&self, charge: &Charge, answer: &str) -> ChargeOutcome {
        match ActionAnswer::parse(answer) {
            Some(answer) => {
                let reply = self.sandbox.confirm(charge.payment_id, answer).await;
                outcome(reply, charge.payment_id)
            }
            None => self.charge(charge).await,
        }
    }

    async fn cancel(&self, charge: &Charge) -> ChargeOutcome {
        outcome(self.sandbox.cancel(charge).await, charge.payment_id)
    }

    async fn refund(&self, refund: &Refund) -> RefundOutcome {
        match self.sandbox.refund(refund).await {
            Ok(RefundReply::Made) => RefundOutcome::Made,
            Ok(RefundReply::TimedOut) => RefundOutcome::Unknown,
            Ok(RefundReply::Refused | RefundReply::Conflict) => RefundOutcome::Refused,
            Err(error) => {
                tracing::warn!(%error, "the sandbox's ledger failed");
                RefundOutcome::Unknown
            }
        }
    }

    async fn changes(&self, after: i64, limit: usize) -> Result<Vec<ChargeRecord>> {
        records(&self.sandbox.changes(after, limit).await?)
    }

    async fn charges(&self, payments: &[PaymentId]) -> Result<Vec<ChargeRecord>> {
        records(&self.sandbox.charges(payments).await?)
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
