//! Making events.

use std::time::SystemTime;

use boxoffice_sdk::Timestamp;
use boxoffice_sdk::catalog::v1::{CreateEventRequest, EventDraft, GetVenueRequest, Venue};
use clap::Args;

use super::details::Details;
use super::report::report;
use crate::Shell;
use crate::failure::Failure;
use crate::output::Report;
use crate::text::Moment;

/// `events create`.
#[derive(Args)]
pub struct CreateEvent {
    /// One of your venues.
    #[arg(long, value_name = "VENUE")]
    venue: String,
    /// Its title.
    #[arg(long)]
    title: String,
    /// When it starts: RFC 3339, or a span from now such as +30d.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    starts: Moment,
    /// When it ends: RFC 3339, or a span from its start such as +2h30m.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    ends: Moment,
    /// The currency of its prices, e.g. EUR.
    #[arg(long)]
    currency: String,
    #[command(flatten)]
    details: Details,
}

impl CreateEvent {
    /// Makes it.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        if !self.details.has_offers() {
            return Err(Failure::usage("an event needs at least one --offer or --ga"));
        }
        let venue_id = self.venue.clone();
        let response = shell.client.get_venue(GetVenueRequest { venue_id }).await?;
        let venue = response.venue.ok_or_else(Failure::incomplete)?;
        let draft = self.draft(&venue, SystemTime::now().into())?;
        let request = CreateEventRequest { event: Some(draft), ..Default::default() };
        let response = shell.client.create_event(request).await?;
        let event = response.event.ok_or_else(Failure::incomplete)?;
        let next = format!("boxoffice events publish {}", event.event_id);
        Ok(report(&event, shell.output.style()).next(next))
    }

    fn draft(self, venue: &Venue, now: Timestamp) -> Result<EventDraft, Failure> {
        let start_time = self.starts.resolve(whole_seconds(now));
        let mut draft = EventDraft {
            venue_id: self.venue,
            title: self.title,
            start_time: Some(start_time),
            end_time: Some(self.ends.resolve(start_time)),
            currency_code: self.currency,
            ..Default::default()
        };
        self.details.fill(&mut draft, venue)?;
        Ok(draft)
    }
}

/// The time without a fraction of a second: nobody who says "+30d" wants one on the posters.
pub fn whole_seconds(now: Timestamp) -> Timestamp {
    Timestamp { seconds: now.seconds, nanos: 0 }
}
