//! Paying for bookings.

use std::time::Duration;

use boxoffice_sdk::payment::v1::{
    ConfirmPaymentActionRequest, CreatePaymentRequest, GetPaymentRequest, ListPaymentsRequest,
    Payment, RefundPaymentRequest, payment,
};
use clap::{Args, Subcommand};

use crate::Shell;
use crate::event::proto_duration;
use crate::failure::Failure;
use crate::json;
use crate::output::{Report, Style};
use crate::page::Limit;
use crate::table::{Sheet, Table};
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
        Ok(outcome(&payment, shell))
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
    /// List your payments, the newest first, or those of a booking.
    List {
        /// Only those of this booking, which may also be for an event of yours.
        #[arg(long, value_name = "BOOKING")]
        booking: Option<String>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Tell what the action gave that a payment requires, such as 3-D Secure.
    Confirm {
        /// The payment's id.
        #[arg(value_name = "PAYMENT")]
        payment_id: String,
        /// What it gave; the sandbox knows succeed and decline.
        #[arg(long, default_value = "succeed")]
        answer: String,
        /// Wait so many seconds for the outcome.
        #[arg(long, value_name = "SECONDS", default_value_t = 10)]
        #[arg(value_parser = clap::value_parser!(u64).range(0..=10))]
        wait: u64,
    },
    /// Give money back by returning places of the booking, as the event's organizer.
    Refund {
        /// The payment's id.
        #[arg(value_name = "PAYMENT")]
        payment_id: String,
        /// Return this place; may be given several times. All of them unless given.
        #[arg(long = "place", value_name = "PLACE")]
        place_ids: Vec<String>,
        /// Why, for whoever reads the payment.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

impl Payments {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        match self {
            Payments::Get { id } => get(id, shell).await,
            Payments::List { booking, limit } => list(booking, limit, shell).await,
            Payments::Refund { payment_id, place_ids, reason } => {
                let request =
                    RefundPaymentRequest { payment_id, place_ids, reason, ..Default::default() };
                let response = shell.client.refund_payment(request).await?;
                let payment = response.payment.ok_or_else(Failure::incomplete)?;
                Ok(report(&payment, shell.output.style()))
            }
            Payments::Confirm { payment_id, answer, wait } => {
                let wait = Some(proto_duration(Duration::from_secs(wait))?);
                let request =
                    ConfirmPaymentActionRequest { payment_id, answer, wait, ..Default::default() };
                let response = shell.client.confirm_payment_action(request).await?;
                Ok(outcome(&response.payment.ok_or_else(Failure::incomplete)?, shell))
            }
        }
    }
}

async fn get(id: String, shell: &Shell) -> Result<Report, Failure> {
    let request = if id.starts_with("bkg_") {
        GetPaymentRequest { booking_id: id, ..Default::default() }
    } else {
        GetPaymentRequest { payment_id: id, ..Default::default() }
    };
    let response = shell.client.get_payment(request).await?;
    let payment = response.payment.ok_or_else(Failure::incomplete)?;
    Ok(report(&payment, shell.output.style()))
}

async fn list(booking: Option<String>, limit: Limit, shell: &Shell) -> Result<Report, Failure> {
    let booking_id = booking.unwrap_or_default();
    let listed = limit
        .collect(|page_size, page_token| {
            let booking_id = booking_id.clone();
            let request = ListPaymentsRequest { booking_id, page_size, page_token };
            async move {
                let response = shell.client.list_payments(request).await?;
                Ok((response.payments, response.next_page_token))
            }
        })
        .await?;
    let mut table = Table::new(&["PAYMENT", "CREATED", ">AMOUNT", ">REFUNDED", "STATE", "BOOKING"]);
    for payment in &listed.items {
        table.row([
            (&payment.payment_id).into(),
            time(payment.create_time.as_ref()).into(),
            money(payment.amount.as_ref()).into(),
            money(payment.refunded.as_ref()).into(),
            payment.state().cell(),
            (&payment.booking_id).into(),
        ]);
    }
    let text = table.render(shell.output.style(), 0) + listed.footer();
    Ok(Report::new(json::list(&listed.items, json::payment), text))
}

/// A payment whose outcome was waited for: a declined one is shown, and fails the command.
fn outcome(payment: &Payment, shell: &Shell) -> Report {
    let mut report = report(payment, shell.output.style());
    report.failed = matches!(payment.state(), payment::State::Failed | payment::State::Canceled);
    report
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
        .field_if_any("action", payment.action.as_ref().map_or("", |a| a.redirect_url.as_str()))
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
        payment::State::RequiresAction => {
            Some(format!("boxoffice payments confirm {}", payment.payment_id))
        }
        payment::State::Pending | payment::State::Unknown => {
            Some(format!("boxoffice bookings watch {booking_id}"))
        }
        payment::State::Unspecified => None,
    }
}
