//! Recording payments: durable before the gateway hears of them.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::booking::domain::saga::Trigger;
use crate::booking::service::{advance, find_booking};
use crate::error::{Error, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::{BookingId, PaymentId};
use crate::kernel::time::Timestamp;
use crate::payment::domain::payment::NewPayment;
use crate::payment::domain::{Payment, PaymentFact};
use crate::payment::events::payment_event;
use crate::ports::gateway::PaymentMethod;
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
    /// How the buyer pays.
    pub method: PaymentMethod,
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
                Ok(Remembered::New) => command.record(tx, now).await?,
            };
            if let Ok(Recorded { payment, is_new: true }) = &outcome {
                requests.remember(&command.key, payment.payment_id.uuid());
                payments.insert(payment.payment_id, payment.clone());
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
    /// A fault of the store fails the whole group; a refusal is this command's own answer.
    async fn record(&self, tx: &mut Tx, now: Timestamp) -> Result<Result<Recorded>> {
        let found = find_booking(tx, self.booking_id).await?;
        if !found.is_some_and(|booking| self.caller.may_see(booking.session)) {
            return Ok(Err(Error::not_found("booking")));
        }
        let happening = [(self.booking_id, Trigger::PaymentStarted(self.payment_id))];
        let booking = match advance(tx, &happening, now).await?.pop() {
            Some(Ok(advanced)) => advanced.booking,
            Some(Err(refused)) => return Ok(Err(refused)),
            None => return Ok(Err(Error::not_found("booking"))),
        };
        let new = NewPayment {
            payment_id: self.payment_id,
            booking_id: booking.booking_id,
            event_id: booking.event_id,
            session: booking.session,
            amount: booking.total,
            method: self.method,
            payment_token: self.payment_token.clone(),
        };
        let payment = Payment::begin(new, now);
        Ok(Ok(Recorded { payment, is_new: true }))
    }
}
