//! Paying for bookings.

use std::time::Duration;

use boxoffice_sdk::payment::v1::{CreatePaymentRequest, GetPaymentRequest, Payment, payment};
use clap::{Args, Subcommand};

use crate::Shell;
use crate::event::proto_duration;
use crate::failure::Failure;
use crate::json;
use crate::output::{Report, Style};
use crate::table::Sheet;
use crate::text::{State, money, time};

/// `pay`.
#[derive(Args)]
pub struct Pay {
    /// The booking's id.
    #[arg(value_name = "BOOKING")]
    booking_id: String,
    /// What the gateway made of the card; the sandbox knows tok_declined, tok_expired_card and
    /// more.
    #[arg(long, default_value = "tok_success")]
    token: String,
    /// Wait so many seconds for the outcome.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=10))]
    wait: u64,
}

impl Pay {
    /// Makes the payment. A declined one is shown, and fails the command.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let request = CreatePaymentRequest {
            booking_id: self.booking_id,
            payment_token: self.token,
            wait: Some(proto_duration(Duration::from_secs(self.wait))?),
            ..Default::default()
        };
        let response = shell.client.create_payment(request).await?;
        let payment = response.payment.ok_or_else(Failure::incomplete)?;
        let mut report = report(&payment, shell.output.style());
        report.failed =
            matches!(payment.state(), payment::State::Failed | payment::State::Canceled);
        Ok(report)
    }
}

/// `payments`.
#[derive(Subcommand)]
pub enum Payments {
    /// Show a payment, or the newest of a booking.
    Get {
        /// The id of a payment or a booking.
        #[arg(value_name = "PAYMENT|BOOKING")]
        id: String,
    },
}

impl Payments {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let Payments::Get { id } = self;
        let request = if id.starts_with("bkg_") {
            GetPaymentRequest { booking_id: id, ..Default::default() }
        } else {
            GetPaymentRequest { payment_id: id, ..Default::default() }
        };
        let response = shell.client.get_payment(request).await?;
        let payment = response.payment.ok_or_else(Failure::incomplete)?;
        Ok(report(&payment, shell.output.style()))
    }
}

fn report(payment: &Payment, style: Style) -> Report {
    let refunded = payment.refunded.as_ref().filter(|refunded| refunded.minor_units != 0);
    let refunded = refunded.map(|refunded| money(Some(refunded))).unwrap_or_default();
    let sheet = Sheet::new(format!("Payment {}", payment.payment_id))
        .field("state", payment.state().cell())
        .field("booking", &payment.booking_id)
        .field("amount", money(payment.amount.as_ref()))
        .field_if_any("failure", &payment.failure_code)
        .field_if_any("refunded", refunded)
        .field_if_any("reference", &payment.gateway_reference)
        .field("created", time(payment.create_time.as_ref()))
        .field("updated", time(payment.update_time.as_ref()));
    let mut report = Report::new(json::payment(payment), sheet.render(style));
    report.next = next_step(payment);
    report
}

fn next_step(payment: &Payment) -> Option<String> {
    let booking_id = &payment.booking_id;
    match payment.state() {
        payment::State::Succeeded => Some(format!("boxoffice tickets {booking_id}")),
        payment::State::Failed | payment::State::Canceled => {
            Some(format!("boxoffice bookings get {booking_id}"))
        }
        payment::State::Pending | payment::State::RequiresAction | payment::State::Unknown => {
            Some(format!("boxoffice bookings watch {booking_id}"))
        }
        payment::State::Unspecified => None,
    }
}
