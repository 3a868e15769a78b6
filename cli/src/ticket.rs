//! Tickets.

use boxoffice_sdk::ticket::v1::{ListTicketsRequest, Ticket};
use clap::Args;

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::{Paint, Report, Style, clean, push};
use crate::page::Limit;
use crate::seat_plan::Place;
use crate::text::State;

/// `tickets`.
#[derive(Args)]
pub struct Tickets {
    /// The booking's id; all your tickets when it is left out.
    #[arg(value_name = "BOOKING")]
    booking_id: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

impl Tickets {
    /// Shows the tickets.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
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
    let place = Place::label(&ticket.section_name, &ticket.row_label, &ticket.seat_label);
    let place = style.paint(Paint::Bold, &clean(&place));
    let state = ticket.state().cell().render(style);
    let mut text = String::new();
    push(&mut text, format_args!("{place}  {state}  {}\n", ticket.ticket_id));
    push(&mut text, format_args!("  {}\n", style.paint(Paint::Dim, &clean(&ticket.code))));
    text
}
