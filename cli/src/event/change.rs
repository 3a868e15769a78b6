//! Changing events.

use std::time::SystemTime;

use boxoffice_sdk::FieldMask;
use boxoffice_sdk::catalog::v1::{
    EventDraft, GetEventRequest, GetVenueRequest, UpdateEventRequest, Venue,
};
use clap::Args;

use super::create::whole_seconds;
use super::details::Details;
use super::report::report;
use crate::Shell;
use crate::failure::Failure;
use crate::output::Report;
use crate::text::Moment;

/// `events update`.
#[derive(Args)]
pub struct UpdateEvent {
    /// The event's id.
    #[arg(value_name = "EVENT")]
    event_id: String,
    /// Its title.
    #[arg(long)]
    title: Option<String>,
    /// When it starts: RFC 3339, or a span from now such as +30d.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    starts: Option<Moment>,
    /// When it ends: RFC 3339, or a span from its start such as +2h30m.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    ends: Option<Moment>,
    /// The currency of its prices, e.g. EUR.
    #[arg(long)]
    currency: Option<String>,
    #[command(flatten)]
    details: Details,
}

impl UpdateEvent {
    /// Changes it, unless somebody else did meanwhile.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let request = GetEventRequest { event_id: self.event_id.clone() };
        let response = shell.client.get_event(request).await?;
        let event = response.event.ok_or_else(Failure::incomplete)?;
        let venue = if self.details.has_offers() {
            let request = GetVenueRequest { venue_id: event.venue_id.clone() };
            let response = shell.client.get_venue(request).await?;
            response.venue.ok_or_else(Failure::incomplete)?
        } else {
            Venue::default()
        };
        let now = whole_seconds(SystemTime::now().into());
        let mut draft = EventDraft::default();
        let mut paths = Vec::new();
        if let Some(title) = self.title {
            draft.title = title;
            paths.push("title");
        }
        if let Some(currency) = self.currency {
            draft.currency_code = currency;
            paths.push("currency_code");
        }
        if let Some(starts) = self.starts {
            draft.start_time = Some(starts.resolve(now));
            paths.push("start_time");
        }
        if let Some(ends) = self.ends {
            let start = draft.start_time.or(event.start_time).unwrap_or(now);
            draft.end_time = Some(ends.resolve(start));
            paths.push("end_time");
        }
        paths.extend(self.details.fill(&mut draft, &venue)?);
        if paths.is_empty() {
            return Err(Failure::usage("say what to change, e.g. --title TITLE"));
        }
        let request = UpdateEventRequest {
            event_id: self.event_id,
            event: Some(draft),
            update_mask: Some(FieldMask { paths: paths.into_iter().map(str::to_owned).collect() }),
            etag: event.etag,
            ..Default::default()
        };
        let response = shell.client.update_event(request).await?;
        let event = response.event.ok_or_else(Failure::incomplete)?;
        Ok(report(&event, shell.output.style()))
    }
}
