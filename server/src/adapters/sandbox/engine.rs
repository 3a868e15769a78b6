//! The sandbox itself: what it does follows from the payment token alone. It has two fronts, the
//! port of this process (`gateway.rs`) and HTTP (`api.rs`), and both only pass on what it says.

use std::sync::{Arc, RwLock};

use tokio::sync::watch;

use super::message::{ChargeMessage, ChargeState};
use super::store::{Asked, ChargeRow, DueWebhook, Ledger, LedgerEntry, LedgerState};
use super::store::{Posting, Refunded};
use super::token::{ActionAnswer, Behaviour, behaviour};
use crate::error::Result;
use crate::kernel::id::PaymentId;
use crate::ports::clock::Clock;
use crate::ports::gateway::{Charge, FailureCode, Refund};

/// The sandbox. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    ledger: Ledger,
    clock: Arc<dyn Clock>,
    posting: Arc<RwLock<Posting>>,
    /// Raised by every change of the ledger.
    changes: Arc<watch::Sender<u64>>,
}

/// What the sandbox says of a charge.
#[derive(Clone, Debug)]
pub enum Reply {
    /// How it is.
    Charge(Box<ChargeMessage>),
    /// Nothing now: whoever asks has to ask again.
    TimedOut,
    /// Nothing until it changes.
    Hanging,
    /// Nothing at all.
    Unreachable,
    /// The key was used before, for something else.
    Conflict,
    /// There is no such charge.
    Missing,
}

/// What the sandbox says of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundReply {
    /// It was made.
    Made,
    /// Nothing now: whoever asks has to ask again.
    TimedOut,
    /// It was not made: it would be more than was taken.
    Refused,
    /// It was not made: its key was used before, for another one.
    Conflict,
}

impl Sandbox {
    /// With this ledger and clock. It posts no webhooks until it is told where to.
    pub fn new(ledger: Ledger, clock: Arc<dyn Clock>) -> Self {
        let action_url = "sandbox:/actions/".to_owned();
        let posting = Posting { plan: None, action_url };
        Self {
            ledger,
            clock,
            posting: Arc::new(RwLock::new(posting)),
            changes: Arc::new(watch::channel(0).0),
        }
    }

    /// Changes whether webhooks are posted, and where buyers do what is asked of them.
    pub(super) fn change_posting(&self, change: impl FnOnce(&mut Posting)) {
        // A poisoned lock holds a posting all the same.
        change(&mut self.posting.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    fn posting(&self) -> Posting {
        self.posting.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Hears of changes of the ledger.
    pub(super) fn changes_heard(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Asks for a charge, or for what became of it.
    pub async fn charge(&self, wanted: &Charge) -> Result<Reply> {
        let behaviour = behaviour(&wanted.payment_token);
        if behaviour == Some(Behaviour::BeUnreachable) {
            return Ok(Reply::Unreachable);
        }
        let asked = self.ledger.ask(wanted, &self.posting(), self.clock.now()).await?;
        if is_another(&asked.charge, wanted) {
            return Ok(Reply::Conflict);
        }
        let Asked { mut charge, ask_count } = asked;
        let first = ask_count == 1;
        if charge.state == LedgerState::Open {
            let Some(outcome) = decide(behaviour, first) else {
                return Ok(match behaviour {
                    Some(Behaviour::Hang) => Reply::Hanging,
                    _ => Reply::TimedOut,
                });
            };
            charge = match self.settle(wanted.payment_id, outcome, false).await? {
                Some(settled) => settled,
                None => return Ok(Reply::Missing),
            };
        }
        if first && behaviour == Some(Behaviour::TimeOutAfterCharge) {
            return Ok(Reply::TimedOut);
        }
        self.shown(&charge).await
    }

    /// Passes on what the buyer's action gave. An action that is over stays as it is.
    pub async fn confirm(&self, payment_id: PaymentId, answer: ActionAnswer) -> Result<Reply> {
        let outcome = match answer {
            ActionAnswer::Succeed => (LedgerState::Captured, None),
            ActionAnswer::Decline => {
                (LedgerState::Declined, Some(FailureCode::AuthenticationFailed))
            }
        };
        let Some(charge) = self.ledger.charge(payment_id).await? else {
            return Ok(Reply::Missing);
        };
        if charge.state != LedgerState::Action {
            return self.shown(&charge).await;
        }
        match self.settle(payment_id, outcome, true).await? {
            Some(settled) => self.shown(&settled).await,
            None => Ok(Reply::Missing),
        }
    }

    /// Cancels a charge unless it is decided; one that was never asked for will never be made.
    pub async fn cancel(&self, wanted: &Charge) -> Result<Reply> {
        if behaviour(&wanted.payment_token) == Some(Behaviour::BeUnreachable) {
            return Ok(Reply::Unreachable);
        }
        let asked = self.ledger.ask(wanted, &Posting::default(), self.clock.now()).await?;
        if is_another(&asked.charge, wanted) {
            return Ok(Reply::Conflict);
        }
        let outcome = (LedgerState::Canceled, None);
        Ok(match self.settle(wanted.payment_id, outcome, true).await? {
            // Not even a webhook that is under way keeps this from being told.
            Some(settled) => Reply::Charge(Box::new(self.message(&settled))),
            None => Reply::Missing,
        })
    }

    /// Reads a charge.
    pub async fn find(&self, payment_id: PaymentId) -> Result<Reply> {
        match self.ledger.charge(payment_id).await? {
            Some(charge) => self.shown(&charge).await,
            None => Ok(Reply::Missing),
        }
    }

    /// Gives money back.
    pub async fn refund(&self, refund: &Refund) -> Result<RefundReply> {
        let made = self.ledger.refund(refund, &self.posting(), self.clock.now()).await?;
        Ok(match made {
            Refunded::TooMuch => RefundReply::Refused,
            Refunded::Conflict => RefundReply::Conflict,
            Refunded::Before => RefundReply::Made,
            Refunded::Now => {
                self.tell_of_change();
                let charge = self.ledger.charge(refund.payment_id).await?;
                let token = charge.map(|charge| charge.payment_token).unwrap_or_default();
                match behaviour(&token) {
                    Some(Behaviour::TimeOutAfterRefund) => RefundReply::TimedOut,
                    _ => RefundReply::Made,
                }
            }
        })
    }

    /// Charges that changed after a position, as the books have them.
    pub async fn changes(&self, after: i64, limit: usize) -> Result<Vec<ChargeMessage>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let charges = self.ledger.changes(after, limit).await?;
        Ok(charges.iter().map(|charge| self.message(charge)).collect())
    }

    /// Those of the charges that there are, as the books have them.
    pub async fn charges(&self, payments: &[PaymentId]) -> Result<Vec<ChargeMessage>> {
        let charges = self.ledger.charges(payments).await?;
        Ok(charges.iter().map(|charge| self.message(charge)).collect())
    }

    /// Every charge of the ledger, for comparison with the platform's own payments.
    pub async fn entries(&self) -> Result<Vec<LedgerEntry>> {
        self.ledger.entries().await
    }

    /// Webhooks whose turn it is.
    pub(super) async fn due_webhooks(&self) -> Result<Vec<DueWebhook>> {
        self.ledger.due_webhooks(self.clock.now()).await
    }

    /// Notes which webhooks were taken.
    pub(super) async fn note_webhooks(&self, outcomes: &[(DueWebhook, bool)]) -> Result<()> {
        self.ledger.note_webhooks(outcomes, self.clock.now()).await?;
        self.tell_of_change();
        Ok(())
    }

    /// Its clock, by which webhooks are signed.
    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    async fn settle(
        &self,
        payment_id: PaymentId,
        outcome: (LedgerState, Option<FailureCode>),
        after_action: bool,
    ) -> Result<Option<ChargeRow>> {
        let (posting, now) = (self.posting(), self.clock.now());
        let settled = self.ledger.settle(payment_id, outcome, after_action, &posting, now).await?;
        self.tell_of_change();
        Ok(settled)
    }

    fn tell_of_change(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn message(&self, charge: &ChargeRow) -> ChargeMessage {
        let posting = self.posting();
        charge.message(|id| posting.redirect_url(id))
    }

    /// The charge as whoever asks for it sees it: what only a webhook tells is not told before.
    async fn shown(&self, charge: &ChargeRow) -> Result<Reply> {
        let mut message = self.message(charge);
        let by_webhook =
            matches!(behaviour(&charge.payment_token), Some(Behaviour::TellByWebhook(_)));
        if by_webhook && self.ledger.has_webhooks(charge.payment_id).await? {
            message.state = ChargeState::Processing;
        }
        Ok(Reply::Charge(Box::new(message)))
    }
}

fn is_another(charge: &ChargeRow, wanted: &Charge) -> bool {
    let currency = wanted.amount.currency;
    charge.amount_minor != wanted.amount.minor || charge.currency_code != currency.code()
}

/// What becomes of a charge that was asked for; `None` while nothing does.
fn decide(behaviour: Option<Behaviour>, first: bool) -> Option<(LedgerState, Option<FailureCode>)> {
    match behaviour {
        Some(
            Behaviour::Succeed
            | Behaviour::TimeOutAfterCharge
            | Behaviour::TimeOutAfterRefund
            | Behaviour::TellByWebhook(_),
        ) => Some((LedgerState::Captured, None)),
        Some(Behaviour::TimeOutBeforeCharge) => (!first).then_some((LedgerState::Captured, None)),
        Some(Behaviour::Decline(code)) => Some((LedgerState::Declined, Some(code))),
        Some(Behaviour::RequireAction) => Some((LedgerState::Action, None)),
        Some(Behaviour::Hang | Behaviour::BeUnreachable) => None,
        None => Some((LedgerState::Declined, Some(FailureCode::GatewayRejected))),
    }
}
