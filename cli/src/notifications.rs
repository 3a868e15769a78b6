//! Mails to buyers and users.

use boxoffice_sdk::operations::v1::{
    ListNotificationsRequest, Notification, RetryNotificationRequest, notification,
};
use clap::{Args, Subcommand, ValueEnum};

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::{Paint, Report};
use crate::page::Limit;
use crate::table::{Cell, Sheet, Table};
use crate::text::{State, short, time};

/// `ops notifications`.
#[derive(Subcommand)]
pub enum Notifications {
    /// List them, the newest first: as an admin all, else those to yourself.
    List(List),
    /// Have one that failed tried again, as an admin.
    Retry {
        /// The notification's id.
        #[arg(value_name = "NOTIFICATION")]
        notification_id: String,
    },
}

/// Where a notification stands.
#[derive(Clone, Copy, ValueEnum)]
pub enum Wanted {
    /// It waits to be sent.
    Pending,
    /// It is on its way.
    Sent,
    /// It was given up.
    Failed,
    /// There was nothing to say any more.
    Skipped,
}

/// `ops notifications list`.
#[derive(Args)]
pub struct List {
    /// Only those in this state.
    #[arg(long, value_enum)]
    state: Option<Wanted>,
    /// Only those about this booking.
    #[arg(long, value_name = "BOOKING")]
    booking: Option<String>,
    /// Only those to this user or guest.
    #[arg(long, value_name = "USER|GUEST")]
    to: Option<String>,
    #[command(flatten)]
    limit: Limit,
}

impl Notifications {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        match self {
            Notifications::List(list) => list.run(shell).await,
            Notifications::Retry { notification_id } => {
                let request = RetryNotificationRequest { notification_id, ..Default::default() };
                let response = shell.client.retry_notification(request).await?;
                let notification = response.notification.ok_or_else(Failure::incomplete)?;
                let text = sheet(&notification).render(shell.output.style());
                Ok(Report::new(json::notification(&notification), text))
            }
        }
    }
}

impl List {
    async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let state = match self.state {
            None => notification::State::Unspecified,
            Some(Wanted::Pending) => notification::State::Pending,
            Some(Wanted::Sent) => notification::State::Sent,
            Some(Wanted::Failed) => notification::State::Failed,
            Some(Wanted::Skipped) => notification::State::Skipped,
        };
        let (booking_id, session_id) =
            (self.booking.unwrap_or_default(), self.to.unwrap_or_default());
        let listed = self
            .limit
            .collect(|page_size, page_token| {
                let request = ListNotificationsRequest {
                    state: state.into(),
                    booking_id: booking_id.clone(),
                    session_id: session_id.clone(),
                    page_size,
                    page_token,
                };
                async move {
                    let response = shell.client.list_notifications(request).await?;
                    Ok((response.notifications, response.next_page_token))
                }
            })
            .await?;
        let json = json::list(&listed.items, json::notification);
        if listed.items.is_empty() {
            return Ok(Report::new(json, "There are no notifications."));
        }
        let mut table = Table::new(&["NOTIFICATION", "KIND", "STATE", ">FAILED", "TO", "CREATED"]);
        for notification in &listed.items {
            table.row([
                Cell::painted(Paint::Bold, &notification.notification_id),
                short(notification.kind().as_str_name()).into(),
                notification.state().cell(),
                notification.failure_count.to_string().into(),
                (&notification.email).into(),
                time(notification.create_time.as_ref()).into(),
            ]);
        }
        let text = format!("{}{}", table.render(shell.output.style(), 0), listed.footer());
        Ok(Report::new(json, text))
    }
}

fn sheet(notification: &Notification) -> Sheet {
    Sheet::new(format!("Notification {}", notification.notification_id))
        .field("kind", short(notification.kind().as_str_name()))
        .field("state", notification.state().cell())
        .field("to", &notification.email)
        .field_if_any("booking", &notification.booking_id)
        .field_if_any("cause", &notification.cause)
        .field("created", time(notification.create_time.as_ref()))
        .field("updated", time(notification.update_time.as_ref()))
}
