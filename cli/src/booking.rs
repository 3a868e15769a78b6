//! Bookings.

use std::time::SystemTime;

use boxoffice_sdk::booking::v1::{
    Booking, CancelBookingRequest, CreateBookingRequest, GetBookingRequest, ListBookingsRequest,
    booking,
};
use boxoffice_sdk::reporting::v1::GetBookingTimelineRequest;
use clap::{Args, Subcommand, ValueEnum};
use futures::StreamExt;

use crate::Shell;
use crate::failure::Failure;
use crate::holds::places_table;
use crate::json;
use crate::output::{Paint, Report, Style, clean, push};
use crate::page::Limit;
use crate::table::{Sheet, Table};
use crate::text::{State, deadline, money, time};

/// `book`.
#[derive(Args)]
pub struct Book {
    /// The hold's id.
    #[arg(value_name = "HOLD")]
    hold_id: String,
    /// Where the tickets go; a guest who gave no address yet has to give one.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
}

impl Book {
    /// Makes the booking.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let contact_email = self.email.unwrap_or_default();
        let hold_id = self.hold_id;
        let request = CreateBookingRequest { hold_id, contact_email, ..Default::default() };
        let response = shell.client.create_booking(request).await?;
        let booking = response.booking.ok_or_else(Failure::incomplete)?;
        Ok(report(&booking, shell.output.style()))
    }
}

/// `bookings`.
#[derive(Subcommand)]
pub enum Bookings {
    /// List your bookings, the newest first.
    List {
        /// Only in this state; may be repeated.
        #[arg(long = "state", value_name = "STATE")]
        states: Vec<WantedState>,
        #[command(flatten)]
        limit: Limit,
    },
    /// Show a booking.
    Get {
        /// The booking's id.
        #[arg(value_name = "BOOKING")]
        booking_id: String,
    },
    /// Cancel a booking; what was paid is given back.
    Cancel {
        /// The booking's id.
        #[arg(value_name = "BOOKING")]
        booking_id: String,
    },
    /// Print every state of a booking as it comes, until nothing more can come.
    Watch {
        /// The booking's id.
        #[arg(value_name = "BOOKING")]
        booking_id: String,
    },
    /// Show everything that happened to a booking.
    Timeline {
        /// The booking's id.
        #[arg(value_name = "BOOKING")]
        booking_id: String,
    },
}

/// A state that bookings can be listed by.
#[derive(Clone, Copy, ValueEnum)]
pub enum WantedState {
    /// To be paid.
    Pending,
    /// With a payment on its way.
    AwaitingPayment,
    /// Paid.
    Confirmed,
    /// Cancelled by its owner.
    Cancelled,
    /// Not paid for good.
    Failed,
    /// Not paid in time.
    Expired,
}

impl From<WantedState> for booking::State {
    fn from(state: WantedState) -> booking::State {
        match state {
            WantedState::Pending => booking::State::Pending,
            WantedState::AwaitingPayment => booking::State::AwaitingPayment,
            WantedState::Confirmed => booking::State::Confirmed,
            WantedState::Cancelled => booking::State::Cancelled,
            WantedState::Failed => booking::State::Failed,
            WantedState::Expired => booking::State::Expired,
        }
    }
}

impl Bookings {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let client = &shell.client;
        let booking = match self {
            Bookings::List { states, limit } => return list(&states, limit, shell).await,
            Bookings::Watch { booking_id } => return watch(&booking_id, shell).await,
            Bookings::Timeline { booking_id } => return timeline(booking_id, shell).await,
            Bookings::Get { booking_id } => {
                client.get_booking(GetBookingRequest { booking_id }).await?.booking
            }
            Bookings::Cancel { booking_id } => {
                let request = CancelBookingRequest { booking_id, ..Default::default() };
                client.cancel_booking(request).await?.booking
            }
        };
        Ok(report(&booking.ok_or_else(Failure::incomplete)?, shell.output.style()))
    }
}

async fn list(states: &[WantedState], limit: Limit, shell: &Shell) -> Result<Report, Failure> {
    let states: Vec<i32> = states.iter().map(|state| booking::State::from(*state).into()).collect();
    let listed = limit
        .collect(|page_size, page_token| {
            let request = ListBookingsRequest { page_size, page_token, states: states.clone() };
            async move {
                let response = shell.client.list_bookings(request).await?;
                Ok((response.bookings, response.next_page_token))
            }
        })
        .await?;
    let mut table = Table::new(&["BOOKING", "CREATED", ">PLACES", ">TOTAL", "STATE", "EVENT"]);
    for booking in &listed.items {
        table.row([
            (&booking.booking_id).into(),
            time(booking.create_time.as_ref()).into(),
            booking.places.len().to_string().into(),
            money(booking.total.as_ref()).into(),
            booking.state().cell(),
            (&booking.event_id).into(),
        ]);
    }
    let text = match listed.items.as_slice() {
        [] => "There are no such bookings.".to_owned(),
        _ => table.render(shell.output.style(), 0) + listed.footer(),
    };
    Ok(Report::new(json::list(&listed.items, json::booking), text))
}

async fn watch(booking_id: &str, shell: &Shell) -> Result<Report, Failure> {
    let (output, style) = (&shell.output, shell.output.style());
    let mut stream = shell.client.watch_booking(booking_id);
    while let Some(message) = stream.next().await {
        let booking = message?.booking.ok_or_else(Failure::incomplete)?;
        if output.is_json() {
            output.line(&json::booking(&booking).to_string())?;
        } else {
            let when = style.paint(Paint::Dim, &time(booking.update_time.as_ref()));
            let state = booking.state().cell().render(style);
            let failure = clean(&booking.failure_code);
            output.line(format!("{when}  {state}  {failure}").trim_end())?;
        }
        if is_final(booking.state()) {
            let mut report = Report::told();
            report.next = next_step(&booking);
            return Ok(report);
        }
    }
    Ok(Report::told())
}

/// Whether nothing that its buyer waits for can follow.
fn is_final(state: booking::State) -> bool {
    match state {
        booking::State::Confirmed
        | booking::State::Cancelled
        | booking::State::Failed
        | booking::State::Expired => true,
        booking::State::Pending | booking::State::AwaitingPayment | booking::State::Unspecified => {
            false
        }
    }
}

async fn timeline(booking_id: String, shell: &Shell) -> Result<Report, Failure> {
    let request = GetBookingTimelineRequest { booking_id };
    let steps = shell.client.get_booking_timeline(request).await?.steps;
    let mut table = Table::new(&["TIME", "WHAT", "SUBJECT", "DETAIL"]);
    for step in &steps {
        table.row([
            time(step.occur_time.as_ref()).into(),
            (&step.r#type).into(),
            (&step.subject_id).into(),
            (&step.detail).into(),
        ]);
    }
    let text = table.render(shell.output.style(), 0);
    Ok(Report::new(json::list(&steps, json::timeline_step), text))
}

fn report(booking: &Booking, style: Style) -> Report {
    let mut sheet = Sheet::new(format!("Booking {}", booking.booking_id))
        .field("state", booking.state().cell())
        .field("event", &booking.event_id)
        .field("created", time(booking.create_time.as_ref()));
    if !is_final(booking.state()) {
        let pay_by = deadline(booking.pay_by_time.as_ref(), SystemTime::now());
        sheet = sheet.field("pay by", pay_by);
    }
    let sheet = sheet
        .field_if_any("failure", &booking.failure_code)
        .field("total", money(booking.total.as_ref()));
    let refunded = booking.refunded.as_ref().filter(|refunded| refunded.minor_units > 0);
    let refunded = refunded.map(|refunded| money(Some(refunded))).unwrap_or_default();
    let sheet = sheet.field_if_any("given back", refunded);
    let mut text = sheet.render(style);
    push(&mut text, format_args!("\n{}", places_table(&booking.places, &[], style)));
    let mut report = Report::new(json::booking(booking), text);
    report.next = next_step(booking);
    report
}

fn next_step(booking: &Booking) -> Option<String> {
    let id = &booking.booking_id;
    match booking.state() {
        booking::State::Pending => Some(format!("boxoffice pay {id}")),
        booking::State::AwaitingPayment => Some(format!("boxoffice bookings watch {id}")),
        booking::State::Confirmed => Some(format!("boxoffice tickets {id}")),
        booking::State::Cancelled | booking::State::Failed | booking::State::Expired => {
            Some(format!("boxoffice seats map {}", booking.event_id))
        }
        booking::State::Unspecified => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_says_what_to_do_next() {
        let next = |state: booking::State| {
            let (booking_id, event_id) = ("bkg_1".to_owned(), "evt_1".to_owned());
            let state = state.into();
            next_step(&Booking { booking_id, event_id, state, ..Default::default() })
        };
        assert_eq!(next(booking::State::Pending).as_deref(), Some("boxoffice pay bkg_1"));
        assert_eq!(next(booking::State::Confirmed).as_deref(), Some("boxoffice tickets bkg_1"));
        assert_eq!(next(booking::State::Expired).as_deref(), Some("boxoffice seats map evt_1"));
    }
}
