//! Tickets.

use std::fs;
use std::path::PathBuf;

use boxoffice_sdk::ticket::v1::render_ticket_request::Format;
use boxoffice_sdk::ticket::v1::{
    CheckInTicketRequest, ListTicketsRequest, RenderTicketRequest, Ticket,
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::{Paint, Report, Style, clean, push};
use crate::page::Limit;
use crate::seat_plan::Place;
use crate::text::State;

/// `tickets`.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Tickets {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// The booking's id; all your tickets when it is left out.
    #[arg(value_name = "BOOKING")]
    booking_id: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

/// What else can be done with tickets.
#[derive(Subcommand)]
enum Verb {
    /// Draw a ticket with its QR code into a file.
    Render(Render),
    /// Let the holder of a ticket in, as the event's organizer.
    CheckIn(CheckIn),
}

/// `tickets render`.
#[derive(Args)]
struct Render {
    /// The ticket's id.
    #[arg(value_name = "TICKET")]
    ticket_id: String,
    /// How it is drawn.
    #[arg(long, default_value = "png")]
    format: WantedFormat,
    /// Where to [default: TICKET.png or TICKET.svg].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A format that tickets can be drawn in.
#[derive(Clone, Copy, ValueEnum)]
enum WantedFormat {
    /// Pixels.
    Png,
    /// Scalable.
    Svg,
}

/// `tickets check-in`.
#[derive(Args)]
struct CheckIn {
    /// The event that the gate is for.
    #[arg(value_name = "EVENT")]
    event_id: String,
    /// What the QR code holds.
    #[arg(value_name = "CODE")]
    code: String,
    /// What the gate is called.
    #[arg(long, value_name = "NAME", default_value = "main")]
    gate: String,
}

impl Render {
    async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let (format, ending) = match self.format {
            WantedFormat::Png => (Format::Png, "png"),
            WantedFormat::Svg => (Format::Svg, "svg"),
        };
        let ticket_id = self.ticket_id.clone();
        let request = RenderTicketRequest { ticket_id, format: format.into() };
        let image = shell.client.render_ticket(request).await?;
        let path = self.output.unwrap_or_else(|| format!("{}.{ending}", self.ticket_id).into());
        let shown = path.display().to_string();
        fs::write(&path, &image.content)
            .map_err(|error| Failure::said(format!("cannot write {shown}: {error}")))?;
        let json = json!({
            "ticket_id": self.ticket_id,
            "media_type": image.media_type,
            "byte_count": image.content.len(),
            "file": shown,
        });
        Ok(Report::new(json, format!("Drawn: {}", clean(&shown))))
    }
}

impl CheckIn {
    async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let Self { event_id, code, gate } = self;
        let request = CheckInTicketRequest { event_id, code, gate, ..Default::default() };
        let response = shell.client.check_in_ticket(request).await?;
        let entry = response.check_in.ok_or_else(Failure::incomplete)?;
        let welcome = shell.output.style().paint(Paint::Green, "Admitted");
        let text = format!("{welcome}: {}", clean(&entry.place_label));
        Ok(Report::new(json::check_in(&entry), text))
    }
}

impl Tickets {
    /// Shows the tickets, or does what else is asked.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        match self.verb {
            None => self.list(shell).await,
            Some(Verb::Render(render)) => render.run(shell).await,
            Some(Verb::CheckIn(check_in)) => check_in.run(shell).await,
        }
    }

    async fn list(self, shell: &Shell) -> Result<Report, Failure> {
        let booking_id = self.booking_id.unwrap_or_default();
        let listed = self
            .limit
            .collect(|page_size, page_token| {
                let booking_id = booking_id.clone();
                async move {
                    let request = ListTicketsRequest { page_size, page_token, booking_id };
                    let response = shell.client.list_tickets(request).await?;
                    Ok((response.tickets, response.next_page_token))
                }
            })
            .await?;
        let json = json::list(&listed.items, json::ticket);
        if listed.items.is_empty() {
            let report = Report::new(json, "There are no tickets.");
            return Ok(match booking_id.as_str() {
                "" => report,
                given => report.next(format!("boxoffice bookings get {given}")),
            });
        }
        let tickets: Vec<String> =
            listed.items.iter().map(|ticket| show(ticket, shell.output.style())).collect();
        Ok(Report::new(json, format!("{}\n{}", tickets.join("\n"), listed.footer())))
    }
}

/// A ticket on two lines: the code is long, and stands alone so that it can be copied in one go.
fn show(ticket: &Ticket, style: Style) -> String {
    let place = match ticket.seat_id.as_str() {
        "" => ticket.offer_name.clone(),
        _ => Place::label(&ticket.section_name, &ticket.row_label, &ticket.seat_label),
    };
    let place = style.paint(Paint::Bold, &clean(&place));
    let state = ticket.state().cell().render(style);
    let mut text = String::new();
    push(&mut text, format_args!("{place}  {state}  {}\n", ticket.ticket_id));
    push(&mut text, format_args!("  {}\n", style.paint(Paint::Dim, &clean(&ticket.code))));
    text
}
