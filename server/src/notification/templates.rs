//! Mails as people read them. The words stand in `server/templates/mails`, one file a kind for
//! HTML and one for plain text; what they name and does not exist stops the build.

use askama::Template;

use super::domain::Kind;
use crate::error::{Error, Result};

/// Everything that mails may tell.
#[derive(Clone, Default)]
pub(super) struct Facts {
    /// What links begin with.
    pub(super) public_url: String,
    /// The name of whoever has an account.
    pub(super) name: String,
    /// A token that a link carries.
    pub(super) token: String,
    /// Money that is given back.
    pub(super) amount: Option<String>,
    /// Why something failed, as a sentence; may be empty.
    pub(super) reason: String,
    /// The booking it is about.
    pub(super) booking: Option<BookingFacts>,
}

/// What mails tell of a booking.
#[derive(Clone, Default)]
pub(super) struct BookingFacts {
    pub(super) booking_id: String,
    pub(super) event: EventFacts,
    /// Those it has, or had last, and what they cost together.
    pub(super) places: Vec<PlaceFacts>,
    pub(super) total: String,
    /// Those that the mail says were given back.
    pub(super) returned: Vec<PlaceFacts>,
    /// Whether a payment has taken money, or it is not known yet that it has not.
    pub(super) may_be_paid: bool,
    /// Whether a payment can be made now, and until when, by the clocks of the venue.
    pub(super) can_be_paid: bool,
    pub(super) pay_by: String,
    /// The valid ones.
    pub(super) tickets: Vec<TicketFacts>,
}

/// What mails tell of an event.
#[derive(Clone, Default)]
pub(super) struct EventFacts {
    pub(super) event_id: String,
    pub(super) title: String,
    pub(super) venue: String,
    pub(super) city: String,
    /// When it starts, by the clocks of the venue.
    pub(super) when: String,
    pub(super) time_zone: String,
}

/// What mails tell of a place.
#[derive(Clone)]
pub(super) struct PlaceFacts {
    pub(super) label: String,
    pub(super) price: String,
}

/// What mails tell of a ticket.
#[derive(Clone)]
pub(super) struct TicketFacts {
    pub(super) ticket_id: String,
    pub(super) label: String,
    pub(super) code: String,
}

impl Facts {
    /// The page that takes a token. Tokens have no signs that a URL would have to hide.
    fn link(&self, page: &str) -> String {
        format!("{}/{page}?token={}", self.public_url, self.token)
    }

    fn title(&self) -> &str {
        self.booking.as_ref().map_or("", |booking| &booking.event.title)
    }
}

impl BookingFacts {
    fn url(&self, facts: &Facts) -> String {
        format!("{}/bookings/{}", facts.public_url, self.booking_id)
    }

    fn event_url(&self, facts: &Facts) -> String {
        format!("{}/events/{}", facts.public_url, self.event.event_id)
    }
}

/// A mail in words.
pub(super) struct Written {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

macro_rules! letters {
    ($($kind:ident, $html_name:ident: $html:literal, $text_name:ident: $text:literal;)*) => {
        $(
            #[derive(Template)]
            #[template(path = $html)]
            struct $html_name<'f> { facts: &'f Facts }

            #[derive(Template)]
            #[template(path = $text)]
            struct $text_name<'f> { facts: &'f Facts }
        )*

        /// The HTML and the plain text of a kind.
        fn rendered(kind: Kind, facts: &Facts) -> askama::Result<(String, String)> {
            Ok(match kind {
                $(Kind::$kind => (
                    $html_name { facts }.render()?,
                    $text_name { facts }.render()?,
                ),)*
            })
        }
    };
}

letters! {
    Welcome, WelcomeHtml: "mails/welcome.html", WelcomeText: "mails/welcome.txt";
    PasswordReset, ResetHtml: "mails/password_reset.html",
        ResetText: "mails/password_reset.txt";
    BookingConfirmed, ConfirmedHtml: "mails/booking_confirmed.html",
        ConfirmedText: "mails/booking_confirmed.txt";
    PaymentFailed, PaymentFailedHtml: "mails/payment_failed.html",
        PaymentFailedText: "mails/payment_failed.txt";
    BookingFailed, BookingFailedHtml: "mails/booking_failed.html",
        BookingFailedText: "mails/booking_failed.txt";
    BookingExpired, ExpiredHtml: "mails/booking_expired.html",
        ExpiredText: "mails/booking_expired.txt";
    BookingCancelled, CancelledHtml: "mails/booking_cancelled.html",
        CancelledText: "mails/booking_cancelled.txt";
    EventCancelled, EventCancelledHtml: "mails/event_cancelled.html",
        EventCancelledText: "mails/event_cancelled.txt";
    PlacesReturned, ReturnedHtml: "mails/places_returned.html",
        ReturnedText: "mails/places_returned.txt";
    RefundSucceeded, RefundHtml: "mails/refund_succeeded.html",
        RefundText: "mails/refund_succeeded.txt";
}

fn subject(kind: Kind, facts: &Facts) -> String {
    let title = facts.title();
    let subject = match kind {
        Kind::Welcome => "Welcome: please confirm your address".to_owned(),
        Kind::PasswordReset => "Choose a new password".to_owned(),
        Kind::BookingConfirmed => format!("Your tickets for {title}"),
        Kind::PaymentFailed => format!("Your payment for {title} did not go through"),
        Kind::BookingFailed => format!("Your booking for {title} has failed"),
        Kind::BookingExpired => format!("Your booking for {title} has expired"),
        Kind::BookingCancelled => format!("Your booking for {title} is cancelled"),
        Kind::EventCancelled => format!("{title} does not take place"),
        Kind::PlacesReturned => format!("Places for {title} were returned"),
        Kind::RefundSucceeded => format!("Your money for {title} is on its way back"),
    };
    // A title is a stranger's text, and a subject is one line.
    subject.replace(char::is_control, " ")
}

/// A mail of that kind in words.
pub(super) fn written(kind: Kind, facts: &Facts) -> Result<Written> {
    let unwritten = |_| Error::internal(format!("a {} mail cannot be written", kind.name()));
    let (html, text) = rendered(kind, facts).map_err(unwritten)?;
    Ok(Written { subject: subject(kind, facts), text: paragraphs(&text), html })
}

/// Without the empty lines that conditions of a template leave behind.
fn paragraphs(text: &str) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        if !line.trim().is_empty() || lines.last().is_some_and(|last| !last.is_empty()) {
            // "-- " is what signatures begin with; it keeps its space.
            lines.push(if line == "-- " { line } else { line.trim_end() });
        }
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
