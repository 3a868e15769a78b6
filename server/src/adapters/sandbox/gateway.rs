//! What the sandbox answers, by payment token.

use async_trait::async_trait;

use super::store::{Ledger, LedgerEntry, LedgerState};
use crate::error::Result;
use crate::ports::gateway::{Charge, ChargeOutcome, PaymentGateway, Refund};

/// The sandbox gateway. Its answers follow from the payment token alone.
#[derive(Clone)]
pub struct SandboxGateway {
    ledger: Ledger,
}

/// How a payment token makes the sandbox behave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Behaviour {
    Succeed,
    Decline(&'static str),
    TimeOutBeforeCharge,
    TimeOutAfterCharge,
    Hang,
    BeUnreachable,
}

fn behaviour(payment_token: &str) -> Option<Behaviour> {
    Some(match payment_token {
        "tok_success" => Behaviour::Succeed,
        "tok_declined" => Behaviour::Decline("card_declined"),
        "tok_insufficient_funds" => Behaviour::Decline("insufficient_funds"),
        "tok_expired_card" => Behaviour::Decline("expired_card"),
        "tok_timeout_before_charge" => Behaviour::TimeOutBeforeCharge,
        "tok_timeout_after_charge" => Behaviour::TimeOutAfterCharge,
        "tok_hang" => Behaviour::Hang,
        "tok_unreachable" => Behaviour::BeUnreachable,
        _ => return None,
    })
}

impl SandboxGateway {
    /// Opens the ledger of a `sqlite://` URL, or makes it.
    pub async fn open(url: &str) -> Result<Self> {
        Ok(Self { ledger: Ledger::open(url).await? })
    }

    /// Every charge of the ledger, for comparison with the platform's own payments.
    pub async fn entries(&self) -> Result<Vec<LedgerEntry>> {
        self.ledger.entries().await
    }

    async fn try_charge(&self, charge: &Charge) -> Result<ChargeOutcome> {
        let behaviour = behaviour(&charge.payment_token);
        if behaviour == Some(Behaviour::BeUnreachable) {
            return Ok(ChargeOutcome::Unknown);
        }
        let asked = self.ledger.ask(charge).await?;
        let first = asked.ask_count == 1;
        if asked.state == LedgerState::Open {
            let state = match behaviour {
                Some(Behaviour::Succeed | Behaviour::TimeOutAfterCharge) => LedgerState::Captured,
                Some(Behaviour::TimeOutBeforeCharge) if !first => LedgerState::Captured,
                Some(Behaviour::Decline(_)) | None => LedgerState::Declined,
                Some(_) => return Ok(ChargeOutcome::Unknown),
            };
            self.ledger.settle(charge.payment_id, state).await?;
        }
        if first && behaviour == Some(Behaviour::TimeOutAfterCharge) {
            return Ok(ChargeOutcome::Unknown);
        }
        self.outcome(charge).await
    }

    async fn try_cancel(&self, charge: &Charge) -> Result<ChargeOutcome> {
        if behaviour(&charge.payment_token) == Some(Behaviour::BeUnreachable) {
            return Ok(ChargeOutcome::Unknown);
        }
        self.ledger.ask(charge).await?;
        self.ledger.settle(charge.payment_id, LedgerState::Canceled).await?;
        self.outcome(charge).await
    }

    /// What the ledger says now; whoever settled first has decided it.
    async fn outcome(&self, charge: &Charge) -> Result<ChargeOutcome> {
        let state = self.ledger.state(charge.payment_id).await?;
        Ok(match state {
            LedgerState::Open => ChargeOutcome::Unknown,
            LedgerState::Captured => ChargeOutcome::Succeeded {
                gateway_reference: format!("sandbox_{}", charge.payment_id.uuid().simple()),
            },
            LedgerState::Canceled => ChargeOutcome::Canceled,
            LedgerState::Declined => match behaviour(&charge.payment_token) {
                Some(Behaviour::Decline(failure_code)) => ChargeOutcome::Failed { failure_code },
                _ => ChargeOutcome::Failed { failure_code: "gateway_rejected" },
            },
        })
    }
}

#[async_trait]
impl PaymentGateway for SandboxGateway {
    fn knows_token(&self, payment_token: &str) -> bool {
        behaviour(payment_token).is_some()
    }

    async fn charge(&self, charge: &Charge) -> ChargeOutcome {
        self.try_charge(charge).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the sandbox's ledger failed");
            ChargeOutcome::Unknown
        })
    }

    async fn cancel(&self, charge: &Charge) -> ChargeOutcome {
        self.try_cancel(charge).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the sandbox's ledger failed");
            ChargeOutcome::Unknown
        })
    }

    async fn refund(&self, refund: &Refund) -> bool {
        self.ledger.refund(refund).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the sandbox's ledger failed");
            false
        })
    }
}
