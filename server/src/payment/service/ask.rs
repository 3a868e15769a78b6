//! Asking the gateway, always outside of transactions and always with the same key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::create::Recorded;
use super::{CreatePayment, FinishRefund, SettlePayment};
use crate::booking::service::BookingService;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::{BookingId, PaymentId};
use crate::kernel::limits::{GATEWAY_CALL_MAX, GATEWAY_CALLS_MAX, GATEWAY_LEASE, PAYMENT_WAIT_MAX};
use crate::payment::domain::{Payment, PendingRefund, pause};
use crate::ports::clock::Clock;
use crate::ports::gateway::{ChargeOutcome, PaymentGateway, Refund};
use crate::store::{Lanes, RequestKey, Signal, Store};
use crate::tasks::Tasks;

/// Payments and refunds that one round asks about at the most.
const ROUND_MAX: i64 = 200;
/// How often whoever waits for an outcome looks, should a signal have been lost.
const LOOK_SPAN: Duration = Duration::from_secs(1);

/// The use cases of payments.
#[derive(Clone)]
pub struct PaymentService {
    store: Store,
    lanes: Lanes,
    bookings: BookingService,
    gateway: Arc<dyn PaymentGateway>,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
    /// Bounds the calls of the gateway that run at the same time.
    turns: Arc<Semaphore>,
}

impl PaymentService {
    /// With what it needs. What must not stop half-way runs in `tasks`.
    pub fn new(
        store: Store,
        lanes: Lanes,
        bookings: BookingService,
        gateway: Arc<dyn PaymentGateway>,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(GATEWAY_CALLS_MAX));
        Self { store, lanes, bookings, gateway, clock, tasks, turns }
    }

    /// Starts a payment and waits for its outcome as long as `wait` says.
    pub async fn create_payment(
        &self,
        caller: Caller,
        key: RequestKey,
        booking_id: BookingId,
        payment_token: String,
        wait: Duration,
    ) -> Result<Payment> {
        if !self.gateway.knows_token(&payment_token) {
            return Err(Reason::PaymentTokenInvalid.into());
        }
        let event_id = self.bookings.booking(&caller, booking_id).await?.event_id;
        let payment_id = PaymentId::new(self.clock.now(), rand::random());
        let command = CreatePayment { key, caller, payment_id, booking_id, payment_token };
        let mut signals = self.store.signals().listen();
        // Tracked, so that the gateway is asked even if the caller leaves now.
        let service = self.clone();
        let recorded = self.tasks.spawn(async move {
            let Recorded { payment, is_new } = service.lanes.run(event_id, command).await?;
            if is_new {
                let (service, payment) = (service.clone(), payment.clone());
                service.tasks.clone().spawn(async move { service.ask_logged(payment).await });
            }
            Ok::<Payment, Error>(payment)
        });
        let mut payment = recorded.await.map_err(Error::internal)??;
        let deadline = tokio::time::Instant::now() + wait.min(PAYMENT_WAIT_MAX);
        while payment.state.is_open() {
            let heard = async {
                while let Ok(signal) = signals.recv().await {
                    if signal == Signal::Booking(booking_id) {
                        break;
                    }
                }
            };
            let look = deadline.min(tokio::time::Instant::now() + LOOK_SPAN);
            // Whether it was heard or the time is over, the payment is looked at.
            drop(tokio::time::timeout_at(look, heard).await);
            if let Ok(newer) = self.payment(&caller, payment.payment_id).await {
                payment = newer;
            }
            if tokio::time::Instant::now() >= deadline {
                break;
            }
        }
        Ok(payment)
    }

    /// Reads a payment.
    pub async fn payment(&self, caller: &Caller, payment_id: PaymentId) -> Result<Payment> {
        let payment = self.find(payment_id).await?;
        let own = payment.filter(|payment| caller.may_see(payment.session));
        own.ok_or_else(|| Error::not_found("payment"))
    }

    /// Reads the newest payment of a booking.
    pub async fn newest_payment(&self, caller: &Caller, booking_id: BookingId) -> Result<Payment> {
        let newest = self.store.read().await?.newest_payment(booking_id).await?;
        self.payment(caller, newest.ok_or_else(|| Error::not_found("payment"))?).await
    }

    /// Asks about every payment and for every refund whose turn it is, without waiting for the
    /// answers. Says whether there may be more.
    pub async fn reconcile(&self) -> Result<bool> {
        let now = self.clock.now();
        let lease = now + GATEWAY_LEASE;
        let mut tx = self.store.begin().await?;
        // No more than can be asked about right now: new payments want their turn too.
        let turns = i64::try_from(self.turns.available_permits() / 2).unwrap_or(0).min(ROUND_MAX);
        let due = tx.take_due_payments(now, lease, turns).await?;
        let refunds = tx.take_due_refunds(now, lease, turns).await?;
        tx.commit().await?;
        let full = |count: usize| i64::try_from(count).is_ok_and(|count| count == ROUND_MAX);
        let more = full(due.len()) || full(refunds.len());
        let payments = self.store.read().await?.payments_by_id(&due.into_iter().collect()).await?;
        for payment in payments {
            let service = self.clone();
            self.tasks.spawn(async move { service.ask_logged(payment).await });
        }
        for refund in refunds {
            let service = self.clone();
            self.tasks.spawn(async move { service.refund_logged(refund).await });
        }
        Ok(more)
    }

    /// Lets payments that a process now gone was asking about be asked about at once: a server does
    /// this when it starts. Where another is asking still, the gateway is asked twice with the same
    /// key, which moves money once.
    pub async fn void_leases(&self) -> Result<()> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        tx.void_payment_leases(now, now + GATEWAY_LEASE).await?;
        tx.commit().await
    }

    async fn find(&self, payment_id: PaymentId) -> Result<Option<Payment>> {
        let ids = BTreeSet::from([payment_id]);
        Ok(self.store.read().await?.payments_by_id(&ids).await?.pop())
    }

    async fn ask_logged(&self, payment: Payment) {
        let payment_id = payment.payment_id;
        if let Err(error) = self.ask(payment).await {
            // The lease runs out and somebody asks again.
            tracing::warn!(%payment_id, %error, "a payment's outcome could not be taken in");
        }
    }

    /// Charges, or cancels what must no longer be charged, and takes the answer in.
    async fn ask(&self, payment: Payment) -> Result<()> {
        if !payment.state.is_open() {
            return Ok(());
        }
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        let awaited = self.bookings.awaits(payment.booking_id, payment.payment_id).await?;
        let charge = payment.charge();
        let answer = async {
            match awaited {
                true => self.gateway.charge(&charge).await,
                false => self.gateway.cancel(&charge).await,
            }
        };
        let answer = tokio::time::timeout(GATEWAY_CALL_MAX, answer).await;
        let outcome = answer.unwrap_or(ChargeOutcome::Unknown);
        let command = SettlePayment { payment_id: payment.payment_id, outcome };
        self.lanes.run(payment.event_id, command).await?;
        Ok(())
    }

    async fn refund_logged(&self, refund: PendingRefund) {
        let refund_id = refund.refund_id;
        if let Err(error) = self.refund(refund).await {
            tracing::warn!(%refund_id, %error, "a refund could not be noted");
        }
    }

    async fn refund(&self, refund: PendingRefund) -> Result<()> {
        let PendingRefund { refund_id, payment_id, amount, ask_count, .. } = refund.clone();
        let wanted = Refund { refund_id, payment_id, amount };
        let _turn = self.turns.acquire().await.map_err(Error::internal)?;
        let answer = tokio::time::timeout(GATEWAY_CALL_MAX, self.gateway.refund(&wanted)).await;
        if answer == Ok(true) {
            return self.lanes.run(refund.event_id, FinishRefund(refund)).await;
        }
        let mut tx = self.store.begin().await?;
        tx.put_off_refund(refund_id, self.clock.now() + pause(ask_count)).await?;
        tx.commit().await
    }
}
