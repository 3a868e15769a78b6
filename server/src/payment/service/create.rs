//! Recording payments: durable before the gateway hears of them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::booking::domain::booking::Trigger;
use crate::booking::service::{advance, booking_of};
use crate::error::{Error, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::{BookingId, PaymentId};
use crate::kernel::time::Timestamp;
use crate::payment::domain::{Payment, PaymentFact};
use crate::payment::events::payment_event;
use crate::store::{Recollection, Remembered, RequestKey, Tx, UseCase};

/// Records a payment of a booking.
pub struct CreatePayment {
    /// The request.
    pub key: RequestKey,
    /// Who asks.
    pub caller: Caller,
    /// The id of the payment, if this request is new.
    pub payment_id: PaymentId,
    /// The booking.
    pub booking_id: BookingId,
    /// What the gateway made of the buyer's card.
    pub payment_token: String,
}

/// A payment, and whether this request made it.
pub struct Recorded {
    /// The payment.
    pub payment: Payment,
    /// True when it is new, so that the gateway has to be asked.
    pub is_new: bool,
}

#[async_trait]
impl UseCase for CreatePayment {
    type Answer = Recorded;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Recorded>>> {
        let mut requests = Recollection::load(tx, commands.iter().map(|c| &c.key)).await?;
        let known: BTreeSet<PaymentId> = requests.resources().map(PaymentId::from).collect();
        let known = tx.payments_by_id(&known).await?;
        let mut payments: BTreeMap<PaymentId, Payment> =
            known.into_iter().map(|payment| (payment.payment_id, payment)).collect();
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            let outcome = match requests.check(&command.key) {
                Err(error) => Err(error),
                Ok(Remembered::Resource(id)) => match payments.get(&PaymentId::from(id)) {
                    Some(payment) => Ok(Recorded { payment: payment.clone(), is_new: false }),
                    None => Err(Error::not_found("payment")),
                },
                Ok(Remembered::New) => command.record(tx, now).await,
            };
            if let Ok(Recorded { payment, is_new: true }) = &outcome {
                requests.remember(&command.key, payment.payment_id.uuid());
                payments.insert(payment.payment_id, payment.clone());
            }
            if let Err(error @ (Error::Unavailable(_) | Error::Internal(_))) = outcome {
                return Err(error);
            }
            outcomes.push(outcome);
        }
        let new: Vec<&Payment> =
            payments.values().filter(|payment| payment.stored_version == 0).collect();
        tx.insert_payments(&new).await?;
        for payment in new {
            tx.emit(payment_event(payment, &PaymentFact::Created, now));
        }
        requests.save(tx, now).await?;
        Ok(outcomes)
    }
}

impl CreatePayment {
    async fn record(&self, tx: &mut Tx, now: Timestamp) -> Result<Recorded> {
        booking_of(tx, &self.caller, self.booking_id).await?;
        let happening = [(self.booking_id, Trigger::PaymentStarted(self.payment_id))];
        let outcome = advance(tx, &happening, now).await?.pop();
        let booking = outcome.unwrap_or_else(|| Err(Error::not_found("booking")))?.booking;
        let payment = Payment::begin(
            self.payment_id,
            booking.booking_id,
            booking.event_id,
            booking.session,
            booking.total,
            self.payment_token.clone(),
            now,
        );
        Ok(Recorded { payment, is_new: true })
    }
}
