//! Giving money back: by places that are returned, or all of a booking that was cancelled.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::settle::{load, tell_of_refund};
use crate::booking::domain::booking::Booking;
use crate::booking::service::{find_booking, return_places};
use crate::error::{Error, Reason, Result};
use crate::identity::service::audit;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{PaymentId, PlaceId, RefundId};
use crate::kernel::limits::GATEWAY_LEASE;
use crate::kernel::time::Timestamp;
use crate::payment::domain::payment::RefundWanted;
use crate::payment::domain::{Payment, Refund};
use crate::payment::events::CancelledBooking;
use crate::store::{Recollection, Remembered, RequestKey, Signal, Tx, UseCase};

/// The cause of a refund that an organizer or operator asks for.
const BY_ORGANIZER: &str = "refunded_by_organizer";

/// Returns places of the booking that a payment has paid, and what they had cost.
pub struct RefundPayment {
    /// The request.
    pub key: RequestKey,
    /// The payment; the caller may give its money back.
    pub payment_id: PaymentId,
    /// The places; all if none is named.
    pub places: BTreeSet<PlaceId>,
    /// What whoever asks says about it.
    pub reason: String,
}

/// What a refund made of a payment.
pub struct Refunded {
    /// The payment.
    pub payment: Payment,
    /// The refund, if this request made one: the gateway has to be asked for it.
    pub refund: Option<Refund>,
    /// Whether this request has returned the places.
    pub is_new: bool,
}

#[async_trait]
impl UseCase for RefundPayment {
    type Answer = Refunded;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Refunded>>> {
        let mut requests = Recollection::load(tx, commands.iter().map(|c| &c.key)).await?;
        let mut outcomes = Vec::with_capacity(commands.len());
        // Refunds are rare, so each is decided and written by itself.
        for command in commands {
            let outcome = match requests.check(&command.key) {
                Err(error) => Err(error),
                Ok(Remembered::Resource(id)) => {
                    let payment = load(tx, std::iter::once(id.into())).await?.pop_first();
                    let payment = payment.ok_or_else(|| Error::not_found("payment"));
                    payment.map(|(_, payment)| Refunded { payment, refund: None, is_new: false })
                }
                Ok(Remembered::New) => command.refund(tx, now).await?,
            };
            if let Ok(Refunded { payment, is_new: true, .. }) = &outcome {
                requests.remember(&command.key, payment.payment_id.uuid());
                let subject = payment.payment_id.to_string();
                audit(tx, command.key.session, "RefundPayment", &subject, now).await?;
            }
            outcomes.push(outcome);
        }
        requests.save(tx, now).await?;
        Ok(outcomes)
    }
}

impl RefundPayment {
    /// A fault of the store fails the whole group; a refusal is this command's own answer.
    async fn refund(&self, tx: &mut Tx, now: Timestamp) -> Result<Result<Refunded>> {
        let payment = load(tx, std::iter::once(self.payment_id)).await?.pop_first();
        let Some((_, mut payment)) = payment else { return Ok(Err(Error::not_found("payment"))) };
        let booking = find_booking(tx, payment.booking_id).await?;
        let booking = booking.filter(|booking| booking.paid_payment == Some(self.payment_id));
        // Places that cost nothing can be returned after all the money was.
        let has_places = |booking: &Booking| booking.live_places().next().is_some();
        if !booking.is_some_and(|booking| payment.left_minor() > 0 || has_places(&booking)) {
            let refusal = Reason::PaymentNotRefundable.with("state", payment.state.name());
            return Ok(Err(refusal));
        }
        let returned = match return_places(tx, payment.booking_id, &self.places, now).await? {
            Ok(returned) => returned,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if returned.amount.minor == 0 {
            return Ok(Ok(Refunded { payment, refund: None, is_new: true }));
        }
        let session = self.key.session.to_string();
        let wanted = RefundWanted {
            refund_id: RefundId::derived(&[
                self.payment_id.uuid().as_bytes(),
                session.as_bytes(),
                self.key.request_id.as_bytes(),
            ]),
            minor: returned.amount.minor,
            cause: BY_ORGANIZER.to_owned(),
            reason: self.reason.clone(),
        };
        let refund = payment.refund_part(wanted.clone(), now);
        let Some(refund) = refund.filter(|refund| refund.amount == returned.amount) else {
            return Err(Error::internal("more to give back than a payment has left"));
        };
        // Whoever records it asks the gateway first.
        save(tx, &payment, &refund, now + GATEWAY_LEASE, now).await?;
        if planted!(RefundTwice) {
            payment.stored_version = payment.version;
            let refund_id = RefundId::derived(&[wanted.refund_id.uuid().as_bytes()]);
            let again = payment.refund_part(RefundWanted { refund_id, ..wanted }, now);
            if let Some(again) = again {
                save(tx, &payment, &again, now, now).await?;
            }
        }
        Ok(Ok(Refunded { payment, refund: Some(refund), is_new: true }))
    }
}

async fn save(
    tx: &mut Tx,
    payment: &Payment,
    refund: &Refund,
    next_ask_time: Timestamp,
    now: Timestamp,
) -> Result<()> {
    tell_of_refund(tx, payment, refund, now);
    tx.signal(Signal::Booking(payment.booking_id));
    tx.update_payments(&[payment]).await?;
    tx.insert_refunds(std::slice::from_ref(refund), next_ask_time).await
}

/// Gives back what a cancelled booking says: exactly that, once. The reconciler asks the gateway
/// for it in its next round.
pub async fn give_back_cancelled(
    tx: &mut Tx,
    cancelled: &CancelledBooking,
    now: Timestamp,
) -> Result<()> {
    let payment = load(tx, std::iter::once(cancelled.payment_id)).await?.pop_first();
    let (_, mut payment) = payment.ok_or_else(|| Error::internal("a booking paid by nothing"))?;
    let cause = match cancelled.cause.as_str() {
        "event_cancelled" => "event_cancelled".to_owned(),
        by => format!("cancelled_by_{by}"),
    };
    let wanted = RefundWanted {
        refund_id: RefundId::derived(&[payment.payment_id.uuid().as_bytes(), cause.as_bytes()]),
        minor: cancelled.refund.minor,
        cause,
        reason: String::new(),
    };
    let refunds = tx.refunds_of(&BTreeSet::from([payment.payment_id])).await?;
    if refunds.values().flatten().any(|refund| refund.refund_id == wanted.refund_id) {
        return Ok(());
    }
    let refund = payment.refund_part(wanted, now);
    let Some(refund) = refund.filter(|refund| refund.amount == cancelled.refund) else {
        return Err(Error::internal("more to give back than a payment has left"));
    };
    save(tx, &payment, &refund, now, now).await
}

/// Gives the payments of a guest to the user who took everything of the guest's over.
pub async fn take_over(
    tx: &mut Tx,
    guest: SessionId,
    user: SessionId,
    now: Timestamp,
) -> Result<()> {
    tx.take_over_payments(guest, user, now).await
}

#[cfg(test)]
#[path = "refund_tests.rs"]
mod tests;
