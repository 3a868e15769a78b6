//! The payment service on the wire.

use std::time::Duration;

use boxoffice_proto::payment::v1 as wire;
use boxoffice_proto::payment::v1::payment_service_server::PaymentService as Contract;
use tonic::{Request, Response, Status};

use super::domain::{Payment, PaymentState};
use super::service::PaymentService;
use crate::kernel::id::{BookingId, PaymentId};
use crate::kernel::limits::PAYMENT_WAIT_MAX;
use crate::transport::auth::caller;
use crate::transport::parse::Fields;
use crate::transport::request_key::RequestKeys;
use crate::transport::wire::{amount, money, time};

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

fn payment(payment: Payment) -> wire::Payment {
    wire::Payment {
        payment_id: payment.payment_id.to_string(),
        booking_id: payment.booking_id.to_string(),
        state: state(payment.state).into(),
        amount: Some(money(payment.amount)),
        failure_code: payment.failure_code,
        gateway_reference: payment.gateway_reference,
        refunded: Some(amount(payment.amount.currency, payment.refunded_minor)),
        create_time: Some(time(payment.create_time)),
        update_time: Some(time(payment.update_time)),
    }
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
        Ok(Response::new(wire::CreatePaymentResponse { payment: Some(payment(made)) }))
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
        Ok(Response::new(wire::GetPaymentResponse { payment: Some(payment(found)) }))
    }
}
