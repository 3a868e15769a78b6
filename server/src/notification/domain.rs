//! What a notification is, and what becomes of it.

use std::time::Duration;

use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, MessageId, NotificationId, PlaceId, ResetId};
use crate::kernel::money::Money;
use crate::kernel::time::Timestamp;

/// Failed tries after which a notification is given up, which takes about an hour and a half.
pub const NOTIFICATION_FAILURES_MAX: u32 = 12;
/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What a notification is about; mirrors `boxoffice.operations.v1.Notification.Kind`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name the database uses.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

kinds! {
    /// An account was made, and its address is to be verified.
    Welcome = "WELCOME";
    /// A new password was asked for.
    PasswordReset = "PASSWORD_RESET";
    /// A booking is paid; here are the tickets.
    BookingConfirmed = "BOOKING_CONFIRMED";
    /// A payment failed, and another can be made.
    PaymentFailed = "PAYMENT_FAILED";
    /// A booking failed for good.
    BookingFailed = "BOOKING_FAILED";
    /// A booking was not paid in time.
    BookingExpired = "BOOKING_EXPIRED";
    /// A booking was cancelled.
    BookingCancelled = "BOOKING_CANCELLED";
    /// A booking was cancelled because its event was.
    EventCancelled = "EVENT_CANCELLED";
    /// Some places of a booking were returned.
    PlacesReturned = "PLACES_RETURNED";
    /// Money was given back.
    RefundSucceeded = "REFUND_SUCCEEDED";
}

impl Kind {
    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Where a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationState {
    /// It waits to be sent.
    Pending,
    /// It is on its way.
    Sent,
    /// It could not be sent; an operator may have it tried again.
    Failed,
    /// There was nothing to say any more when its turn came.
    Skipped,
}

impl NotificationState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Sent, Self::Failed, Self::Skipped];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Sent => "SENT",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Whom an event concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Whoever made a booking.
    Booking(BookingId),
    /// A user.
    Session(SessionId),
    /// A user who asked for a new password.
    Reset(SessionId, ResetId),
}

/// What an event says for a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// What the mail is about.
    pub kind: Kind,
    /// Whom it concerns.
    pub subject: Subject,
    /// Money that is given back.
    pub amount: Option<Money>,
    /// Places that are given back, if it is about some of a booking's.
    pub place_ids: Vec<PlaceId>,
    /// Why something failed; may be empty.
    pub failure_code: String,
}

impl Occasion {
    /// One without money, places or a failure.
    pub fn plain(kind: Kind, subject: Subject) -> Self {
        let (place_ids, failure_code) = (Vec::new(), String::new());
        Self { kind, subject, amount: None, place_ids, failure_code }
    }
}

/// A mail to be sent, or one that was.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Follows from the event and the kind.
    pub notification_id: NotificationId,
    /// What it is about.
    pub kind: Kind,
    /// The event that caused it.
    pub message_id: MessageId,
    /// Whom it concerns.
    pub session: SessionId,
    /// The address that was known then.
    pub email: Email,
    /// The booking it is about.
    pub booking_id: Option<BookingId>,
    /// The request for a new password it answers.
    pub reset_id: Option<ResetId>,
    /// Money that is given back.
    pub amount: Option<Money>,
    /// Places that are given back, if it is about some of a booking's.
    pub place_ids: Vec<PlaceId>,
    /// Why something failed; may be empty.
    pub failure_code: String,
    /// Where it stands.
    pub state: NotificationState,
    /// How often it could not be sent.
    pub failure_count: u32,
    /// Why it could not be sent the last time; empty if it could.
    pub cause: String,
    /// When to try, while it is pending.
    pub next_try_time: Timestamp,
    /// Until when somebody is trying.
    pub lease_until: Timestamp,
    /// When it was caused.
    pub create_time: Timestamp,
    /// When it last changed.
    pub update_time: Timestamp,
}

/// An address, which shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(pub String);

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an address")
    }
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on its way.
    Sent,
    /// There was nothing to say any more.
    Skipped,
    /// It could not be sent, and why.
    Failed(String),
}

impl Notification {
    /// A notification that an event causes. The same event and kind give the same one.
    pub fn caused(
        occasion: &Occasion,
        (session, email): (SessionId, String),
        message_id: MessageId,
        now: Timestamp,
    ) -> Self {
        let (kind, event) = (occasion.kind.name(), message_id.uuid());
        let (booking_id, reset_id) = match occasion.subject {
            Subject::Booking(booking_id) => (Some(booking_id), None),
            Subject::Session(_) => (None, None),
            Subject::Reset(_, reset_id) => (None, Some(reset_id)),
        };
        Self {
            notification_id: NotificationId::derived(&[kind.as_bytes(), event.as_bytes()]),
            kind: occasion.kind,
            message_id,
            session,
            email: Email(email),
            booking_id,
            reset_id,
            amount: occasion.amount,
            place_ids: occasion.place_ids.clone(),
            failure_code: occasion.failure_code.clone(),
            state: NotificationState::Pending,
            failure_count: 0,
            cause: String::new(),
            next_try_time: now,
            lease_until: now,
            create_time: now,
            update_time: now,
        }
    }

    /// As it is after a try.
    pub fn after(mut self, outcome: Outcome, now: Timestamp) -> Self {
        (self.update_time, self.lease_until) = (now, now);
        match outcome {
            Outcome::Sent => (self.state, self.cause) = (NotificationState::Sent, String::new()),
            Outcome::Skipped => self.state = NotificationState::Skipped,
            Outcome::Failed(cause) => {
                self.failure_count += 1;
                self.cause = cause;
                if self.failure_count >= NOTIFICATION_FAILURES_MAX {
                    self.state = NotificationState::Failed;
                } else {
                    self.next_try_time = now + pause(self.failure_count);
                }
            }
        }
        self
    }

    /// A failed one, to be tried as if for the first time; `None` in any other state.
    pub fn tried_again(&self, now: Timestamp) -> Option<Self> {
        (self.state == NotificationState::Failed).then(|| Self {
            state: NotificationState::Pending,
            failure_count: 0,
            next_try_time: now,
            update_time: now,
            ..self.clone()
        })
    }
}

/// How long to wait after that many failures: 1, 2, 4 … seconds, half an hour at the most.
fn pause(failure_count: u32) -> Duration {
    let doubled = 1_u64.checked_shl(failure_count.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(doubled).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::GuestId;

    fn notification(now: Timestamp) -> Notification {
        let subject = Subject::Booking(BookingId::derived(&[b"b"]));
        let occasion = Occasion::plain(Kind::BookingExpired, subject);
        let to = (SessionId::Guest(GuestId::derived(&[b"g"])), "g@example.com".to_owned());
        Notification::caused(&occasion, to, MessageId::derived(&[b"m"]), now)
    }

    #[test]
    fn tries_pause_longer_and_longer_and_end() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let mut tried = notification(now);
        let mut pauses = Vec::new();
        while tried.state == NotificationState::Pending {
            tried = tried.after(Outcome::Failed("no".into()), now);
            pauses.push(tried.next_try_time.since(now).as_secs());
        }
        assert_eq!(tried.state, NotificationState::Failed);
        assert_eq!(pauses[..4], [1, 2, 4, 8]);
        assert_eq!(pauses.len(), usize::try_from(NOTIFICATION_FAILURES_MAX).unwrap());
        let again = tried.tried_again(now).unwrap();
        assert_eq!((again.state, again.failure_count), (NotificationState::Pending, 0));
        let sent = again.after(Outcome::Sent, now);
        assert_eq!((sent.state, sent.cause.as_str()), (NotificationState::Sent, ""));
        assert!(sent.tried_again(now).is_none());
    }

    #[test]
    fn one_event_and_kind_are_one_notification() {
        let (early, late) = (Timestamp::from_micros(1), Timestamp::from_micros(2));
        assert_eq!(notification(early).notification_id, notification(late).notification_id);
        assert!(!format!("{:?}", notification(early)).contains("example.com"));
    }
}
