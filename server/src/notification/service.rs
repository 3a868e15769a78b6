//! Sending what was caused, and looking at it.

use std::sync::Arc;

use super::domain::{Kind, Notification, NotificationState, Outcome};
use super::templates::{BookingFacts, EventFacts, Facts, PlaceFacts, TicketFacts, written};
use crate::booking::domain::booking::{Booking, BookingState};
use crate::booking::domain::place::Place;
use crate::catalog::domain::event::Event;
use crate::cores::Cores;
use crate::error::{Error, Reason, Result};
use crate::identity::service::{IdentityService, audit};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::id::{BookingId, NotificationId};
use crate::kernel::limits::{MAIL_CALL_MAX, MAIL_LEASE};
use crate::kernel::local_time::local_time;
use crate::kernel::money::Money;
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::ports::clock::Clock;
use crate::ports::mailer::{Mail, MailImage, Mailer};
use crate::store::{RequestKey, Signal, Store, Tx, attempt, enter};
use crate::ticket::code::TicketCodes;
use crate::ticket::domain::{Ticket, TicketState};
use crate::{booking, catalog, payment, ticket};

/// Mails that one round sends at the most, all at the same time.
const ROUND_MAX: i64 = 20;

/// Which notifications are wanted.
#[derive(Clone, Debug, Default)]
pub struct NotificationFilter {
    /// Those in this state.
    pub state: Option<NotificationState>,
    /// Those about this booking.
    pub booking_id: Option<BookingId>,
    /// Those to this user or guest.
    pub session: Option<SessionId>,
}

/// The use cases of mails. Cheap to clone.
#[derive(Clone)]
pub struct NotificationService {
    store: Store,
    clock: Arc<dyn Clock>,
    identity: IdentityService,
    codes: TicketCodes,
    mailer: Arc<dyn Mailer>,
    drawers: Cores,
    public_url: Arc<str>,
}

impl NotificationService {
    /// With what it needs. `drawers` draw its images; links in mails begin with `public_url`.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        identity: IdentityService,
        codes: TicketCodes,
        mailer: Arc<dyn Mailer>,
        drawers: Cores,
        public_url: &str,
    ) -> Self {
        Self { store, clock, identity, codes, mailer, drawers, public_url: public_url.into() }
    }

    /// Sends what is due. Says whether there may be more.
    pub async fn send_due(&self) -> Result<bool> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let due = tx.take_due_notifications(now, now + MAIL_LEASE, ROUND_MAX).await?;
        tx.commit().await?;
        let count = due.len();
        for noted in futures::future::join_all(due.into_iter().map(|due| self.send(due))).await {
            noted?;
        }
        Ok(i64::try_from(count).is_ok_and(|count| count == ROUND_MAX))
    }

    /// Lets mails that a process now gone was sending be sent at once: a server does this when it
    /// starts. Where another is sending still, the mail is sent twice with one Message-ID.
    pub async fn void_leases(&self) -> Result<()> {
        let mut tx = self.store.begin().await?;
        tx.void_notification_leases(self.clock.now()).await?;
        tx.commit().await
    }

    async fn send(&self, due: Notification) -> Result<()> {
        let id = due.notification_id;
        let outcome = match self.try_to_send(&due).await {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(%id, kind = due.kind.name(), %error, "a mail was not sent");
                Outcome::Failed(error.to_string())
            }
        };
        let after = due.after(outcome, self.clock.now());
        if after.state == NotificationState::Failed {
            tracing::error!(%id, kind = after.kind.name(), "a mail was given up");
        }
        let mut tx = self.store.begin().await?;
        tx.update_notification(&after, NotificationState::Pending).await?;
        tx.commit().await
    }

    async fn try_to_send(&self, due: &Notification) -> Result<Outcome> {
        let Some(mail) = self.write(due).await? else { return Ok(Outcome::Skipped) };
        let sent = tokio::time::timeout(MAIL_CALL_MAX, self.mailer.send(&mail)).await;
        sent.map_err(|_| Error::Unavailable("handing the mail on took too long".into()))??;
        crash_point!(AfterMail);
        Ok(Outcome::Sent)
    }

    /// The mail as it has to be now; `None` when there is nothing to say any more.
    async fn write(&self, due: &Notification) -> Result<Option<Mail>> {
        let mut facts = Facts {
            public_url: self.public_url.to_string(),
            amount: due.amount.map(|amount| amount.to_string()),
            reason: reason(&due.failure_code).to_owned(),
            ..Facts::default()
        };
        if let Some(booking_id) = due.booking_id {
            match self.booking(due, booking_id).await? {
                Some(booking) => facts.booking = Some(booking),
                None => return Ok(None),
            }
        }
        let token = match (due.kind, due.session, due.reset_id) {
            (Kind::Welcome, SessionId::User(user_id), _) => {
                self.identity.verification_token(user_id).await?
            }
            (Kind::PasswordReset, _, Some(reset_id)) => self.identity.reset_token(reset_id).await?,
            _ => None,
        };
        let mut to = due.email.0.clone();
        match token {
            Some(token) => {
                // An account's address is what it is now.
                to = token.email;
                (facts.name, facts.token) = (token.display_name, token.token);
            }
            None if matches!(due.kind, Kind::Welcome | Kind::PasswordReset) => return Ok(None),
            None => {}
        }
        let written = written(due.kind, &facts)?;
        let html = written.html.clone();
        let images = self.drawers.run(move || images(&facts, &html)).await?;
        Ok(Some(Mail {
            notification_id: due.notification_id,
            to,
            subject: written.subject,
            text: written.text,
            html: written.html,
            images,
            time: due.create_time,
        }))
    }

    /// What there is to tell of a booking; `None` when what the mail says is no longer so.
    async fn booking(
        &self,
        due: &Notification,
        booking_id: BookingId,
    ) -> Result<Option<BookingFacts>> {
        let mut tx = self.store.read().await?;
        let booking = booking::service::find_booking(&mut tx, booking_id).await?;
        let booking = booking.ok_or_else(|| Error::internal("a booking is not there"))?;
        if !is_still_so(due.kind, booking.state) {
            return Ok(None);
        }
        let event = catalog::service::find_event(&mut tx, booking.event_id).await?;
        let event = event.ok_or_else(|| Error::internal("an event is not there"))?;
        let tickets = self.tickets(&mut tx, &booking).await?;
        let may_be_paid = payment::service::may_be_paid(&mut tx, booking_id).await?;
        let money = |minor| Money { currency: booking.total.currency, minor }.to_string();
        let told =
            |place: &Place| PlaceFacts { label: place.label(), price: money(place.price_minor) };
        let places = newest_places(&booking);
        let total = places.iter().map(|place| place.price_minor).fold(0, i64::saturating_add);
        let is_returned = |place: &&Place| due.place_ids.contains(&place.place_id);
        Ok(Some(BookingFacts {
            booking_id: booking_id.to_string(),
            places: places.into_iter().map(told).collect(),
            total: money(total),
            returned: booking.places.iter().filter(is_returned).map(told).collect(),
            may_be_paid,
            can_be_paid: booking.state == BookingState::Pending
                && self.clock.now() < booking.pay_by_time,
            pay_by: local_time(booking.pay_by_time, &event.venue.time_zone),
            tickets,
            event: event_facts(event),
        }))
    }

    /// The valid tickets of a booking, in the order of their places.
    async fn tickets(&self, tx: &mut Tx, booking: &Booking) -> Result<Vec<TicketFacts>> {
        let mut tickets =
            ticket::service::tickets_of(tx, booking.session, booking.booking_id).await?;
        tickets.retain(|ticket| ticket.state == TicketState::Valid);
        let position = |ticket: &Ticket| {
            booking.places.iter().position(|place| place.place_id == ticket.place.place_id)
        };
        tickets.sort_by_key(position);
        let facts = tickets.iter().map(|ticket| TicketFacts {
            ticket_id: ticket.ticket_id.to_string(),
            label: ticket.label(),
            code: self.codes.sign(ticket),
        });
        Ok(facts.collect())
    }

    /// One page of notifications, the newest first: all for admins, for others their own.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &NotificationFilter,
        page: &PageRequest,
    ) -> Result<Page<Notification>> {
        let only = if caller.is_admin() { None } else { Some(caller.session) };
        let rows = self.store.read().await?.notifications(filter, only, page).await?;
        Ok(Page::new(rows, page, |notification| Cursor {
            position: notification.create_time.micros(),
            id: notification.notification_id.uuid(),
        }))
    }

    /// Has a failed notification tried again, once for a request id.
    pub async fn retry(
        &self,
        key: &RequestKey,
        notification_id: NotificationId,
    ) -> Result<Notification> {
        attempt(|| self.try_to_retry(key, notification_id)).await
    }

    async fn try_to_retry(
        &self,
        key: &RequestKey,
        notification_id: NotificationId,
    ) -> Result<Notification> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let earlier = enter(&mut tx, key, notification_id.uuid(), now).await?;
        let found = tx.notification(notification_id).await?;
        let found = found.ok_or_else(|| Error::not_found("notification"))?;
        if earlier.is_some() {
            return Ok(found);
        }
        let again = found
            .tried_again(now)
            .ok_or_else(|| Reason::NotificationNotFailed.with("state", found.state.name()))?;
        if !tx.update_notification(&again, NotificationState::Failed).await? {
            return Err(Reason::ChangedMeanwhile.into());
        }
        let subject = notification_id.to_string();
        audit(&mut tx, key.session, "RetryNotification", &subject, now).await?;
        tx.signal(Signal::Mails);
        tx.commit().await?;
        Ok(again)
    }
}

/// Whether what a mail says is still so: a booking may have gone on since the mail was caused.
fn is_still_so(kind: Kind, state: BookingState) -> bool {
    match kind {
        Kind::BookingConfirmed => state == BookingState::Confirmed,
        Kind::PaymentFailed | Kind::BookingFailed | Kind::BookingExpired => {
            !matches!(state, BookingState::Confirmed | BookingState::Cancelled)
        }
        Kind::Welcome
        | Kind::PasswordReset
        | Kind::BookingCancelled
        | Kind::EventCancelled
        | Kind::PlacesReturned
        | Kind::RefundSucceeded => true,
    }
}

/// The places that a booking has; once it has none any more, those it had until the end.
fn newest_places(booking: &Booking) -> Vec<&Place> {
    let last = booking.places.iter().filter_map(|place| place.return_time).max();
    let live: Vec<&Place> = booking.live_places().collect();
    match live.as_slice() {
        [] => booking.places.iter().filter(|place| place.return_time == last).collect(),
        _ => live,
    }
}

/// The codes of those tickets that the HTML shows.
fn images(facts: &Facts, html: &str) -> Result<Vec<MailImage>> {
    let tickets = facts.booking.iter().flat_map(|booking| &booking.tickets);
    let shown = tickets.filter(|ticket| html.contains(&format!("cid:{}", ticket.ticket_id)));
    let image = |ticket: &TicketFacts| {
        let png = ticket::render::code_png(&ticket.code)?;
        Ok(MailImage { name: ticket.ticket_id.clone(), png })
    };
    shown.map(image).collect()
}

fn event_facts(event: Event) -> EventFacts {
    EventFacts {
        event_id: event.event_id.to_string(),
        when: local_time(event.start_time, &event.venue.time_zone),
        title: event.title,
        venue: event.venue.name,
        city: event.venue.city,
        time_zone: event.venue.time_zone,
    }
}

/// A failure code in words; the codes are documented with the contract's Payment and Booking.
fn reason(failure_code: &str) -> &'static str {
    match failure_code {
        "" => "",
        "card_declined" => "The card was declined.",
        "insufficient_funds" => "The card has not enough funds.",
        "expired_card" => "The card has expired.",
        "payment_canceled" => "The payment was cancelled.",
        "pay_by_passed" => "The time to pay was over.",
        _ => "The payment was not accepted.",
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
