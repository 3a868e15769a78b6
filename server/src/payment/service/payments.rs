//! What the transport calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, broadcast};

use super::compare::Logged;
use super::create::Recorded;
use super::refund::Refunded;
use super::settle::by_id;
use super::{ConfirmPaymentAction, CreatePayment, RefundPayment};
use crate::booking::service::{BookingService, find_booking, organizer_of};
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::{Caller, Scope};
use crate::kernel::id::{BookingId, EventId, PaymentId, PlaceId};
use crate::kernel::limits::{GATEWAY_CALLS_MAX, PAYMENT_WAIT_MAX};
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::payment::domain::{Payment, Refund};
use crate::payment::store::ListedBy;
use crate::ports::clock::Clock;
use crate::ports::gateway::PaymentGateway;
use crate::store::{Lanes, RequestKey, Signal, Store, Tx, UseCase};
use crate::tasks::Tasks;

/// How long a call of a server that stops goes on waiting for an outcome.
const CLOSING_WAIT_MAX: Duration = Duration::from_secs(2);
/// How often whoever waits for an outcome looks, should a signal have been lost.
const LOOK_SPAN: Duration = Duration::from_secs(1);

/// The use cases of payments.
#[derive(Clone)]
pub struct PaymentService {
    pub(super) store: Store,
    pub(super) lanes: Lanes,
    pub(super) bookings: BookingService,
    pub(super) gateway: Arc<dyn PaymentGateway>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) tasks: Tasks,
    /// Bounds the calls of the gateway that run at the same time.
    pub(super) turns: Arc<Semaphore>,
    /// Differences of the books that were logged.
    pub(super) logged: Arc<Mutex<Logged>>,
}

/// A payment with what was given back of it.
#[derive(Clone, Debug)]
pub struct PaymentDetails {
    /// The payment.
    pub payment: Payment,
    /// Its refunds, in the order in which they were made.
    pub refunds: Vec<Refund>,
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
        let logged = Arc::default();
        Self { store, lanes, bookings, gateway, clock, tasks, turns, logged }
    }

    /// Starts a payment and waits for its outcome, or until the buyer has to do something more, as
    /// long as `wait` says.
    pub async fn create_payment(
        &self,
        caller: Caller,
        key: RequestKey,
        booking_id: BookingId,
        payment_token: String,
        wait: Duration,
    ) -> Result<PaymentDetails> {
        let method = self.gateway.method_of(&payment_token);
        let method = method.ok_or(Reason::PaymentTokenInvalid)?;
        let event_id = self.bookings.booking(&caller, booking_id).await?.event_id;
        let payment_id = PaymentId::new(self.clock.now(), rand::random());
        let command = CreatePayment { key, caller, payment_id, booking_id, method, payment_token };
        let signals = self.store.signals().listen();
        let payment = self.record_and_ask(event_id, command).await?;
        self.settled(payment, wait, signals).await
    }

    /// Passes on what the buyer's action gave, and waits for the outcome as long as `wait` says.
    pub async fn confirm_action(
        &self,
        caller: Caller,
        key: RequestKey,
        payment_id: PaymentId,
        answer: String,
        wait: Duration,
    ) -> Result<PaymentDetails> {
        if !self.gateway.answers().contains(&answer.as_str()) {
            return Err(Error::field("answer", "must be one that the payment's action names"));
        }
        let event_id = self.own_payment(&caller, payment_id).await?.event_id;
        let command = ConfirmPaymentAction { key, payment_id, answer };
        let signals = self.store.signals().listen();
        let payment = self.record_and_ask(event_id, command).await?;
        self.settled(payment, wait, signals).await
    }

    /// Gives money of a payment back by returning places of its booking. For the organizer of the
    /// event and for admins.
    pub async fn refund_payment(
        &self,
        caller: Caller,
        key: RequestKey,
        payment_id: PaymentId,
        places: BTreeSet<PlaceId>,
        reason: String,
    ) -> Result<PaymentDetails> {
        let payment = self.find(payment_id).await?;
        let payment = payment.ok_or_else(|| Error::not_found("payment"))?;
        let refunds = caller.has_scope(Scope::PaymentsRefund);
        if !refunds && !self.manages(&caller, payment.event_id).await? {
            return Err(Error::not_found("payment"));
        }
        let command = RefundPayment { key, payment_id, places, reason };
        let event_id = payment.event_id;
        // Tracked, so that the gateway is asked even if the caller leaves now.
        let service = self.clone();
        let recorded = self.tasks.spawn(async move {
            let Refunded { payment, refund, .. } = service.lanes.run(event_id, command).await?;
            if let Some(refund) = refund {
                let service = service.clone();
                service
                    .tasks
                    .clone()
                    .spawn(async move { service.refund_logged(refund, None).await });
            }
            Ok::<Payment, Error>(payment)
        });
        self.with_refunds(recorded.await.map_err(Error::internal)??).await
    }

    /// Records something and asks the gateway if it is new. Tracked, so that the gateway is asked
    /// even if the caller leaves now.
    async fn record_and_ask<U: UseCase<Answer = Recorded>>(
        &self,
        event_id: EventId,
        command: U,
    ) -> Result<Payment> {
        let service = self.clone();
        let recorded = self.tasks.spawn(async move {
            let Recorded { payment, is_new } = service.lanes.run(event_id, command).await?;
            if is_new {
                crash_point!(BeforeCharge);
                let (service, payment) = (service.clone(), payment.clone());
                service.tasks.clone().spawn(async move { service.ask_logged(payment, None).await });
            }
            Ok::<Payment, Error>(payment)
        });
        recorded.await.map_err(Error::internal)?
    }

    /// The payment once the gateway has answered, or as it is when the time to wait is over, which
    /// is soon if the server stops.
    async fn settled(
        &self,
        mut payment: Payment,
        wait: Duration,
        mut signals: broadcast::Receiver<Signal>,
    ) -> Result<PaymentDetails> {
        let mut deadline = tokio::time::Instant::now() + wait.min(PAYMENT_WAIT_MAX);
        let awaits_gateway = |payment: &Payment| {
            let answered = !payment.action_answer.is_empty();
            payment.state.awaits_gateway() || (answered && payment.state.is_open())
        };
        let (closing, mut is_closing) = (self.tasks.closing(), false);
        while awaits_gateway(&payment) && tokio::time::Instant::now() < deadline {
            let heard = async {
                while let Ok(signal) = signals.recv().await {
                    if signal == Signal::Booking(payment.booking_id) {
                        break;
                    }
                }
            };
            let look = deadline.min(tokio::time::Instant::now() + LOOK_SPAN);
            // Whether it was heard or the time is over, the payment is looked at.
            tokio::select! {
                () = closing.cancelled(), if !is_closing => {
                    is_closing = true;
                    deadline = deadline.min(tokio::time::Instant::now() + CLOSING_WAIT_MAX);
                }
                () = heard => {}
                () = tokio::time::sleep_until(look) => {}
            }
            if let Ok(Some(newer)) = self.find(payment.payment_id).await {
                payment = newer;
            }
        }
        self.with_refunds(payment).await
    }

    /// What may answer an action of the buyer, in the gateway's words.
    pub fn answers(&self) -> Vec<String> {
        self.gateway.answers().iter().map(|answer| (*answer).to_owned()).collect()
    }

    /// Reads a payment.
    pub async fn payment(&self, caller: &Caller, payment_id: PaymentId) -> Result<PaymentDetails> {
        let payment = self.own_payment(caller, payment_id).await?;
        self.with_refunds(payment).await
    }

    /// Reads the newest payment of a booking.
    pub async fn newest_payment(
        &self,
        caller: &Caller,
        booking_id: BookingId,
    ) -> Result<PaymentDetails> {
        let newest = self.store.read().await?.newest_payment(booking_id).await?;
        self.payment(caller, newest.ok_or_else(|| Error::not_found("payment"))?).await
    }

    /// One page of payments, the newest first: the caller's own, or those of a booking that is the
    /// caller's or of an event of the caller's.
    pub async fn payments(
        &self,
        caller: &Caller,
        booking_id: Option<BookingId>,
        page: &PageRequest,
    ) -> Result<Page<PaymentDetails>> {
        let listed_by = match booking_id {
            None => ListedBy::Session(caller.session),
            Some(booking_id) => {
                let mut tx = self.store.read().await?;
                let booking = find_booking(&mut tx, booking_id).await?;
                drop(tx);
                let booking = booking.ok_or_else(|| Error::not_found("booking"))?;
                let own = caller.may_see(booking.session);
                if !own && !self.manages(caller, booking.event_id).await? {
                    return Err(Error::not_found("booking"));
                }
                ListedBy::Booking(booking_id)
            }
        };
        let mut tx = self.store.read().await?;
        let listed = tx.list_payments(&listed_by, page).await?;
        let cursor =
            |(id, time): &(PaymentId, Timestamp)| Cursor { position: time.micros(), id: id.uuid() };
        let Page { items, next } = Page::new(listed, page, cursor);
        let ids: BTreeSet<PaymentId> = items.iter().map(|(id, _)| *id).collect();
        let mut refunds = tx.refunds_of(&ids).await?;
        let mut payments: BTreeMap<PaymentId, Payment> = by_id(tx.payments_by_id(&ids).await?);
        let items = items.iter().filter_map(|(id, _)| {
            let refunds = refunds.remove(id).unwrap_or_default();
            Some(PaymentDetails { payment: payments.remove(id)?, refunds })
        });
        Ok(Page { items: items.collect(), next })
    }

    /// Whether the caller is the organizer of an event, or operates the platform.
    async fn manages(&self, caller: &Caller, event_id: EventId) -> Result<bool> {
        let organizer = organizer_of(&mut self.store.read().await?, event_id).await?;
        let own = organizer.is_some_and(|organizer| caller.user_id() == Some(organizer));
        Ok(caller.is_admin() || own)
    }

    /// A payment the caller may see; anything else is not there. When a guest is taken over, the
    /// booking may have gone to its new owner before the payment has.
    async fn own_payment(&self, caller: &Caller, payment_id: PaymentId) -> Result<Payment> {
        let payment = self.find(payment_id).await?;
        let payment = payment.ok_or_else(|| Error::not_found("payment"))?;
        if caller.may_see(payment.session) {
            return Ok(payment);
        }
        let booking = find_booking(&mut self.store.read().await?, payment.booking_id).await?;
        match booking.is_some_and(|booking| caller.may_see(booking.session)) {
            true => Ok(payment),
            false => Err(Error::not_found("payment")),
        }
    }

    pub(super) async fn with_refunds(&self, payment: Payment) -> Result<PaymentDetails> {
        let ids = BTreeSet::from([payment.payment_id]);
        let refunds = self.store.read().await?.refunds_of(&ids).await?.remove(&payment.payment_id);
        Ok(PaymentDetails { payment, refunds: refunds.unwrap_or_default() })
    }

    pub(super) async fn find(&self, payment_id: PaymentId) -> Result<Option<Payment>> {
        let ids = BTreeSet::from([payment_id]);
        Ok(self.store.read().await?.payments_by_id(&ids).await?.pop())
    }
}

/// Whether a payment of a booking has taken money, or it is not known yet that it has not.
pub async fn may_be_paid(tx: &mut Tx, booking_id: BookingId) -> Result<bool> {
    Ok(tx.count_takings(booking_id).await? > 0)
}
