//! The payment service on the wire.

use std::collections::BTreeSet;
use std::time::Duration;

use boxoffice_proto::payment::v1 as wire;
use boxoffice_proto::payment::v1::payment_service_server::PaymentService as Contract;
use tonic::{Request, Response, Status};

use super::domain::{PaymentState, Refund, RefundState};
use super::service::{PaymentDetails, PaymentService};
use crate::kernel::id::{BookingId, PaymentId, PlaceId};
use crate::kernel::limits::{HOLD_SEATS_MAX, PAYMENT_WAIT_MAX};
use crate::ports::gateway::{FailureCode, PaymentMethod};
use crate::transport::auth::caller;
use crate::transport::parse::Fields;
use crate::transport::request_key::RequestKeys;
use crate::transport::wire::{amount, money, time};

/// Characters of the reason of a refund at the most.
const REASON_LENGTH_MAX: usize = 500;

/// Serves `boxoffice.payment.v1.PaymentService`.
pub struct PaymentGrpc {
    payments: PaymentService,
    keys: RequestKeys,
}

impl PaymentGrpc {
    /// With the use cases it serves.
    pub fn new(payments: PaymentService, keys: RequestKeys) -> Self {
        Self { payments, keys }
    }
}

fn state(state: PaymentState) -> wire::payment::State {
    match state {
        PaymentState::Pending => wire::payment::State::Pending,
        PaymentState::Succeeded => wire::payment::State::Succeeded,
        PaymentState::Failed => wire::payment::State::Failed,
        PaymentState::RequiresAction => wire::payment::State::RequiresAction,
        PaymentState::Unknown => wire::payment::State::Unknown,
        PaymentState::Canceled => wire::payment::State::Canceled,
    }
}

fn failure(code: FailureCode) -> wire::FailureCode {
    match code {
        FailureCode::CardDeclined => wire::FailureCode::CardDeclined,
        FailureCode::InsufficientFunds => wire::FailureCode::InsufficientFunds,
        FailureCode::ExpiredCard => wire::FailureCode::ExpiredCard,
        FailureCode::AuthenticationFailed => wire::FailureCode::AuthenticationFailed,
        FailureCode::GatewayRejected => wire::FailureCode::GatewayRejected,
    }
}

fn method(method: PaymentMethod) -> wire::PaymentMethod {
    match method {
        PaymentMethod::Card => wire::PaymentMethod::Card,
    }
}

fn refund(refund: Refund) -> wire::Refund {
    let state = match refund.state {
        RefundState::Pending => wire::refund::State::Pending,
        RefundState::Succeeded => wire::refund::State::Succeeded,
    };
    wire::Refund {
        refund_id: refund.refund_id.to_string(),
        state: state.into(),
        amount: Some(money(refund.amount)),
        cause: refund.cause,
        reason: refund.reason,
        create_time: Some(time(refund.create_time)),
        update_time: Some(time(refund.update_time)),
    }
}

impl PaymentGrpc {
    fn payment(&self, details: PaymentDetails) -> wire::Payment {
        let PaymentDetails { payment, refunds } = details;
        let awaits_buyer = payment.state == PaymentState::RequiresAction;
        wire::Payment {
            payment_id: payment.payment_id.to_string(),
            booking_id: payment.booking_id.to_string(),
            state: state(payment.state).into(),
            amount: Some(money(payment.amount)),
            failure_code: payment.failure_code.map_or("", FailureCode::name).to_owned(),
            gateway_reference: payment.gateway_reference,
            refunded: Some(amount(payment.amount.currency, payment.refunded_minor)),
            create_time: Some(time(payment.create_time)),
            update_time: Some(time(payment.update_time)),
            failure: payment.failure_code.map(failure).unwrap_or_default().into(),
            method: method(payment.method).into(),
            action: awaits_buyer.then(|| wire::payment::Action {
                r#type: wire::payment::action::Type::Redirect.into(),
                redirect_url: payment.action_url,
                answers: self.payments.answers(),
            }),
            refunds: refunds.into_iter().map(refund).collect(),
        }
    }
}

fn places(fields: &mut Fields, ids: &[String]) -> Option<BTreeSet<PlaceId>> {
    if ids.len() > HOLD_SEATS_MAX {
        return fields.fault("place_ids", format!("must be at most {HOLD_SEATS_MAX}"));
    }
    let parsed = ids
        .iter()
        .enumerate()
        .map(|(index, id)| fields.id(&format!("place_ids[{index}]"), id, PlaceId::parse));
    parsed.collect::<Vec<_>>().into_iter().collect()
}

#[tonic::async_trait]
impl Contract for PaymentGrpc {
    async fn create_payment(
        &self,
        request: Request<wire::CreatePaymentRequest>,
    ) -> Result<Response<wire::CreatePaymentResponse>, Status> {
        let caller = caller(&request)?;
        let mut body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let booking_id = fields.id("booking_id", &body.booking_id, BookingId::parse);
        let token = fields.text("payment_token", &body.payment_token, 1..=255);
        let range = Duration::ZERO..=PAYMENT_WAIT_MAX;
        let wait = fields.span("wait", body.wait.as_ref(), range, Duration::ZERO);
        let (Some(request_id), Some(booking_id), Some(token), Some(wait)) =
            (request_id, booking_id, token, wait)
        else {
            return Err(fields.error().into());
        };
        // How long a caller waits does not make it another request.
        body.wait = None;
        let key = self.keys.key(&caller, "CreatePayment", request_id, &body);
        let made = self.payments.create_payment(caller, key, booking_id, token, wait).await?;
        Ok(Response::new(wire::CreatePaymentResponse { payment: Some(self.payment(made)) }))
    }

    async fn get_payment(
        &self,
        request: Request<wire::GetPaymentRequest>,
    ) -> Result<Response<wire::GetPaymentResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let found = match (body.payment_id.as_str(), body.booking_id.as_str()) {
            (id, "") if !id.is_empty() => {
                let id = fields.id("payment_id", id, PaymentId::parse);
                let Some(id) = id else { return Err(fields.error().into()) };
                self.payments.payment(&caller, id).await?
            }
            ("", id) if !id.is_empty() => {
                let id = fields.id("booking_id", id, BookingId::parse);
                let Some(id) = id else { return Err(fields.error().into()) };
                self.payments.newest_payment(&caller, id).await?
            }
            _ => {
                fields.fault::<()>("payment_id", "must be set, or booking_id, but not both");
                return Err(fields.error().into());
            }
        };
        Ok(Response::new(wire::GetPaymentResponse { payment: Some(self.payment(found)) }))
    }

    async fn list_payments(
        &self,
        request: Request<wire::ListPaymentsRequest>,
    ) -> Result<Response<wire::ListPaymentsResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let booking_id = match body.booking_id.as_str() {
            "" => Some(None),
            id => fields.id("booking_id", id, BookingId::parse).map(Some),
        };
        let page = fields.page(body.page_size, &body.page_token);
        let (Some(booking_id), Some(page)) = (booking_id, page) else {
            return Err(fields.error().into());
        };
        let listed = self.payments.payments(&caller, booking_id, &page).await?;
        let next_page_token = listed.next_token();
        let payments = listed.items.into_iter().map(|details| self.payment(details)).collect();
        Ok(Response::new(wire::ListPaymentsResponse { payments, next_page_token }))
    }

    async fn confirm_payment_action(
        &self,
        request: Request<wire::ConfirmPaymentActionRequest>,
    ) -> Result<Response<wire::ConfirmPaymentActionResponse>, Status> {
        let caller = caller(&request)?;
        let mut body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let payment_id = fields.id("payment_id", &body.payment_id, PaymentId::parse);
        let answer = fields.text("answer", &body.answer, 1..=255);
        let range = Duration::ZERO..=PAYMENT_WAIT_MAX;
        let wait = fields.span("wait", body.wait.as_ref(), range, Duration::ZERO);
        let (Some(request_id), Some(payment_id), Some(answer), Some(wait)) =
            (request_id, payment_id, answer, wait)
        else {
            return Err(fields.error().into());
        };
        // How long a caller waits does not make it another request.
        body.wait = None;
        let key = self.keys.key(&caller, "ConfirmPaymentAction", request_id, &body);
        let confirmed = self.payments.confirm_action(caller, key, payment_id, answer, wait).await?;
        let payment = Some(self.payment(confirmed));
        Ok(Response::new(wire::ConfirmPaymentActionResponse { payment }))
    }

    async fn refund_payment(
        &self,
        request: Request<wire::RefundPaymentRequest>,
    ) -> Result<Response<wire::RefundPaymentResponse>, Status> {
        let caller = caller(&request)?;
        let body = request.into_inner();
        let mut fields = Fields::default();
        let request_id = fields.request_id(&body.request_id);
        let payment_id = fields.id("payment_id", &body.payment_id, PaymentId::parse);
        let places = places(&mut fields, &body.place_ids);
        let reason = fields.paragraphs("reason", &body.reason, 0..=REASON_LENGTH_MAX);
        let (Some(request_id), Some(payment_id), Some(places), Some(reason)) =
            (request_id, payment_id, places, reason)
        else {
            return Err(fields.error().into());
        };
        let key = self.keys.key(&caller, "RefundPayment", request_id, &body);
        let refunded =
            self.payments.refund_payment(caller, key, payment_id, places, reason).await?;
        let payment = Some(self.payment(refunded));
        Ok(Response::new(wire::RefundPaymentResponse { payment }))
    }
}
