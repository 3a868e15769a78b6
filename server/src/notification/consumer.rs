//! What causes mails.

use std::sync::Arc;

use async_trait::async_trait;

use super::domain::{Notification, Subject};
use super::events::occasion;
use crate::error::{Error, Result};
use crate::kernel::caller::SessionId;
use crate::ports::bus::Consumer;
use crate::ports::clock::Clock;
use crate::store::{Event, Tx};
use crate::{booking, identity};

/// Makes a notification of every event that somebody is to hear of, once.
pub struct CauseMails {
    clock: Arc<dyn Clock>,
}

impl CauseMails {
    /// By this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

/// Whom it concerns and where mail reaches them now; `None` if it does not.
async fn recipient(tx: &mut Tx, subject: Subject) -> Result<Option<(SessionId, String)>> {
    match subject {
        Subject::Booking(booking_id) => {
            let booking = booking::service::find_booking(tx, booking_id).await?;
            let booking = booking.ok_or_else(|| Error::internal("a booking is not there"))?;
            Ok(Some((booking.session, booking.contact_email)))
        }
        Subject::Session(session) | Subject::Reset(session, _) => {
            let email = identity::service::contact_email(tx, session).await?;
            Ok(email.map(|email| (session, email)))
        }
    }
}

#[async_trait]
impl Consumer for CauseMails {
    fn name(&self) -> &'static str {
        "notification.mails"
    }

    async fn consume(&self, tx: &mut Tx, event: &Event) -> Result<()> {
        if let Some((guest, user)) = identity::service::takeover(event)? {
            return tx.move_notifications(guest, user).await;
        }
        let Some(occasion) = occasion(event)? else { return Ok(()) };
        let Some(recipient) = recipient(tx, occasion.subject).await? else { return Ok(()) };
        let now = self.clock.now();
        let notification = Notification::caused(&occasion, recipient, event.message_id, now);
        tx.insert_notification(&notification).await
    }
}
