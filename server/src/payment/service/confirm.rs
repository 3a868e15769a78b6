//! Passing on what the buyer's action gave: durable before the gateway hears of it.

use async_trait::async_trait;

use super::create::Recorded;
use super::settle::load;
use crate::error::{Error, Result};
use crate::kernel::id::PaymentId;
use crate::kernel::time::Timestamp;
use crate::payment::domain::Payment;
use crate::store::{Recollection, Remembered, RequestKey, Tx, UseCase};

/// Records what the buyer's action gave.
pub struct ConfirmPaymentAction {
    /// The request.
    pub key: RequestKey,
    /// The payment, which is the caller's.
    pub payment_id: PaymentId,
    /// What it gave, in the gateway's words.
    pub answer: String,
}

#[async_trait]
impl UseCase for ConfirmPaymentAction {
    type Answer = Recorded;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Recorded>>> {
        let mut requests = Recollection::load(tx, commands.iter().map(|c| &c.key)).await?;
        let mut payments = load(tx, commands.iter().map(|c| c.payment_id)).await?;
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            let payment = payments.get_mut(&command.payment_id);
            let payment = payment.ok_or_else(|| Error::not_found("payment"));
            let known = requests.check(&command.key);
            let outcome = match (payment, known) {
                (Err(error), _) | (_, Err(error)) => Err(error),
                (Ok(payment), Ok(Remembered::Resource(_))) => {
                    Ok(Recorded { payment: payment.clone(), is_new: false })
                }
                (Ok(payment), Ok(Remembered::New)) => {
                    payment.answer_action(command.answer.clone(), now).map(|()| {
                        requests.remember(&command.key, payment.payment_id.uuid());
                        Recorded { payment: payment.clone(), is_new: true }
                    })
                }
            };
            outcomes.push(outcome);
        }
        tx.update_payments(&payments.values().collect::<Vec<&Payment>>()).await?;
        requests.save(tx, now).await?;
        Ok(outcomes)
    }
}
