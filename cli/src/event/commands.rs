//! The commands.

use boxoffice_sdk::catalog::v1::{
    CancelEventRequest, GetEventRequest, PublishEventRequest, UnpublishEventRequest,
};
use clap::Subcommand;

use super::availability::availability;
use super::block::GivenSeats;
use super::change::UpdateEvent;
use super::create::CreateEvent;
use super::list::ListEvents;
use super::report::report;
use crate::Shell;
use crate::failure::Failure;
use crate::output::Report;

/// `events`.
#[derive(Subcommand)]
pub enum Events {
    /// List what is on sale, by start time.
    List(ListEvents),
    /// Show an event with its offers.
    Get {
        /// The event's id.
        #[arg(value_name = "EVENT")]
        event_id: String,
    },
    /// Create a draft of an event at one of your venues.
    Create(CreateEvent),
    /// Change an event: only what is given.
    Update(Box<UpdateEvent>),
    /// Put a draft on sale.
    Publish {
        /// The event's id.
        #[arg(value_name = "EVENT")]
        event_id: String,
    },
    /// Take an event off sale, while nothing of it is held, booked or sold.
    Unpublish {
        /// The event's id.
        #[arg(value_name = "EVENT")]
        event_id: String,
    },
    /// Call an event off, for good: everybody who has paid gets the money back.
    Cancel {
        /// The event's id.
        #[arg(value_name = "EVENT")]
        event_id: String,
    },
    /// Take seats off sale.
    Block(GivenSeats),
    /// Put blocked seats on sale again.
    Unblock(GivenSeats),
    /// Count what is left of events, by offer.
    Availability {
        /// The events' ids.
        #[arg(value_name = "EVENT", required = true)]
        event_ids: Vec<String>,
    },
}

impl Events {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let style = shell.output.style();
        match self {
            Events::List(list) => list.run(shell).await,
            Events::Get { event_id } => {
                let response = shell.client.get_event(GetEventRequest { event_id }).await?;
                let event = response.event.ok_or_else(Failure::incomplete)?;
                let next = format!("boxoffice seats map {}", event.event_id);
                Ok(report(&event, style).next(next))
            }
            Events::Create(create) => create.run(shell).await,
            Events::Update(update) => update.run(shell).await,
            Events::Publish { event_id } => {
                let request = PublishEventRequest { event_id, ..Default::default() };
                let response = shell.client.publish_event(request).await?;
                let event = response.event.ok_or_else(Failure::incomplete)?;
                let next = format!("boxoffice seats map {}", event.event_id);
                Ok(report(&event, style).next(next))
            }
            Events::Unpublish { event_id } => {
                let request = UnpublishEventRequest { event_id, ..Default::default() };
                let response = shell.client.unpublish_event(request).await?;
                Ok(report(&response.event.ok_or_else(Failure::incomplete)?, style))
            }
            Events::Cancel { event_id } => {
                let request = CancelEventRequest { event_id, ..Default::default() };
                let response = shell.client.cancel_event(request).await?;
                Ok(report(&response.event.ok_or_else(Failure::incomplete)?, style))
            }
            Events::Block(seats) => seats.block(shell).await,
            Events::Unblock(seats) => seats.unblock(shell).await,
            Events::Availability { event_ids } => availability(event_ids, shell).await,
        }
    }
}
