//! The operations service on the wire.

mod map;

use std::sync::Arc;
use std::time::Duration;

use boxoffice_proto::operations::v1 as wire;
use boxoffice_proto::operations::v1::operations_service_server::OperationsService as Contract;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::dead_letters::{DeadLetters, ReplayScope};
use super::invariants::verify;
use super::status::StatusReader;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, DeadLetterId, NotificationId};
use crate::kernel::limits::COMPARED_AGE;
use crate::notification::service::{NotificationFilter, NotificationService};
use crate::payment::service::PaymentService;
use crate::ports::clock::Clock;
use crate::store::Store;
use crate::store::dead_letter::DeadLetterFilter;
use crate::transport::auth::caller;
use crate::transport::parse::Fields;
use crate::transport::request_key::RequestKeys;

/// How long rows must have been left alone when the caller does not say.
const SETTLE_DEFAULT: Duration = Duration::from_secs(30);
/// The longest a caller may ask for.
const SETTLE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Characters of a reason, which is required.
const REASON_LENGTH: std::ops::RangeInclusive<usize> = 1..=500;
/// Characters of a consumer's name.
const CONSUMER_LENGTH: std::ops::RangeInclusive<usize> = 1..=100;

/// Serves `boxoffice.operations.v1.OperationsService`.
pub struct OperationsGrpc {
    /// The database whose promises are checked.
    pub store: Store,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How everything is.
    pub status: StatusReader,
    /// Events that a consumer could not take.
    pub dead_letters: DeadLetters,
    /// Payments, whose books are compared with the gateway's.
    pub payments: PaymentService,
    /// Mails.
    pub notifications: NotificationService,
    /// What makes a request a repeat.
    pub keys: RequestKeys,
}

fn replay_scope(fields: &mut Fields, body: &wire::ReplayDeadLettersRequest) -> Option<ReplayScope> {
    let letter = match body.dead_letter_id.as_str() {
        "" => Some(None),
        id => fields.id("dead_letter_id", id, DeadLetterId::parse).map(Some),
    };
    let aggregate = match body.aggregate_id.as_str() {
        "" => Some(None),
        id => fields.id("aggregate_id", id, |id| Uuid::try_parse(id).ok()).map(Some),
    };
    match (letter?, body.consumer.as_str(), aggregate?) {
        (Some(letter), "", None) => Some(ReplayScope::Letter(letter)),
        (None, consumer, only) => {
            let consumer = fields.text("consumer", consumer, CONSUMER_LENGTH)?;
            Some(ReplayScope::Consumer(consumer, only))
        }
        (Some(_), _, _) => {
            fields.fault("dead_letter_id", "must stand alone, without consumer or aggregate_id")
        }
    }
}

#[tonic::async_trait]
impl Contract for OperationsGrpc {
    async fn get_status(
        &self,
        _request: Request<wire::GetStatusRequest>,
    ) -> Result<Response<wire::GetStatusResponse>, Status> {
        Ok(Response::new(map::status(self.status.read().await?)))
    }

    async fn verify_invariants(
        &self,
        request: Request<wire::VerifyInvariantsRequest>,
    ) -> Result<Response<wire::VerifyInvariantsResponse>, Status> {
        let mut fields = Fields::default();
        let range = Duration::ZERO..=SETTLE_MAX;
        let settle = request.get_ref().settle.as_ref();
        let settle = fields.span("settle", settle, range, SETTLE_DEFAULT);
        let Some(settle) = settle else { return Err(fields.error().into()) };
        let verdicts = verify(&self.store, &*self.clock, settle).await?;
        let results = verdicts.into_iter().map(map::result).collect();
        Ok(Response::new(wire::VerifyInvariantsResponse { results }))
    }

    async fn reconcile(
        &self,
        request: Request<wire::ReconcileRequest>,
    ) -> Result<Response<wire::ReconcileResponse>, Status> {
        let caller = caller(&request)?;
        let mut fields = Fields::default();
        let body = request.get_ref();
        let range = Duration::ZERO..=SETTLE_MAX;
        let settle = fields.span("settle", body.settle.as_ref(), range, COMPARED_AGE);
        let Some(settle) = settle else { return Err(fields.error().into()) };
        let compared = self.payments.reconcile(&caller, !body.only_changes, settle).await?;
        Ok(Response::new(map::compared(compared)))
    }

    async fn list_dead_letters(
        &self,
        request: Request<wire::ListDeadLettersRequest>,
    ) -> Result<Response<wire::ListDeadLettersResponse>, Status> {
        let body = request.into_inner();
        let mut fields = Fields::default();
        let page = fields.page(body.page_size, &body.page_token);
        let state = map::dead_letter_state(&mut fields, body.state);
        let consumer = match body.consumer.as_str() {
            "" => Some(None),
            name => fields.text("consumer", name, CONSUMER_LENGTH).map(Some),
        };
        let (Some(page), Some(state), Some(consumer)) = (page, state, consumer) else {
            return Err(fields.error().into());
        };
        let filter = DeadLetterFilter { consumer, state: Some(state) };
        let page = self.dead_letters.list(&filter, &page).await?;
        Ok(Response::new(wire::ListDeadLettersResponse {
            next_page_token: page.next_token(),
            dead_letters: page.items.into_iter().map(map::dead_letter).collect(),
        }))
    }

    async fn replay_dead_letters(
        &self,
        request: Request<wire::ReplayDeadLettersRequest>,
    ) -> Result<Response<wire::ReplayDeadLettersResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let scope = replay_scope(&mut fields, &body);
        let (Some(request_id), Some(scope)) = (request_id, scope) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "ReplayDeadLetters", request_id, &body);
        let outcome = self.dead_letters.replay(&caller, &key, scope).await?;
        Ok(Response::new(map::replayed(outcome)))
    }

    async fn discard_dead_letter(
        &self,
        request: Request<wire::DiscardDeadLetterRequest>,
    ) -> Result<Response<wire::DiscardDeadLetterResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let id = fields.id("dead_letter_id", &body.dead_letter_id, DeadLetterId::parse);
        let reason = fields.paragraphs("reason", &body.reason, REASON_LENGTH);
        let (Some(request_id), Some(id), Some(reason)) = (request_id, id, reason) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "DiscardDeadLetter", request_id, &body);
        let letter = self.dead_letters.discard(&caller, &key, id, &reason).await?;
        let dead_letter = Some(map::dead_letter(letter));
        Ok(Response::new(wire::DiscardDeadLetterResponse { dead_letter }))
    }

    async fn list_notifications(
        &self,
        request: Request<wire::ListNotificationsRequest>,
    ) -> Result<Response<wire::ListNotificationsResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let page = fields.page(body.page_size, &body.page_token);
        let state = map::notification_state(&mut fields, body.state);
        let booking_id = match body.booking_id.as_str() {
            "" => Some(None),
            id => fields.id("booking_id", id, BookingId::parse).map(Some),
        };
        let session = match body.session_id.as_str() {
            "" => Some(None),
            id => fields.id("session_id", id, SessionId::parse).map(Some),
        };
        let (Some(page), Some(state), Some(booking_id), Some(session)) =
            (page, state, booking_id, session)
        else {
            return Err(fields.error().into());
        };
        let filter = NotificationFilter { state, booking_id, session };
        let page = self.notifications.list(&caller, &filter, &page).await?;
        let next_page_token = page.next_token();
        let seen = page.items.into_iter().map(|item| map::notification(item, &caller));
        let notifications = seen.collect();
        Ok(Response::new(wire::ListNotificationsResponse { notifications, next_page_token }))
    }

    async fn retry_notification(
        &self,
        request: Request<wire::RetryNotificationRequest>,
    ) -> Result<Response<wire::RetryNotificationResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let id = fields.id("notification_id", &body.notification_id, NotificationId::parse);
        let (Some(request_id), Some(id)) = (request_id, id) else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "RetryNotification", request_id, &body);
        let retried = self.notifications.retry(&key, id).await?;
        let notification = Some(map::notification(retried, &caller));
        Ok(Response::new(wire::RetryNotificationResponse { notification }))
    }
}
