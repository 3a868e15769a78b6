//! What can go wrong: refused by a rule, there already, not possible now, or our fault.

use std::time::Duration;

use crate::kernel::id::{OfferId, SeatId};
use crate::kernel::seat_state::SeatState;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something did not happen. Cloned where one failure answers several calls.
#[derive(Clone, Debug)]
pub enum Error {
    /// A rule refused it; the caller can tell which and act on it.
    Rejected(Rejection),
    /// There is a row with the same key. Callers are told CHANGED_MEANWHILE; whoever does the same
    /// again by itself meets it again. The text is for the log only.
    Duplicate(String),
    /// Something needed is not there now; the same request may succeed later. The text is for the
    /// log only.
    Unavailable(String),
    /// A fault of ours. The text is for the log only and never reaches a caller.
    Internal(String),
}

/// A refusal: the rule, a sentence for people and details for programs.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The rule.
    pub reason: Reason,
    /// A sentence for people.
    pub message: String,
    /// Facts for programs; the keys are documented with each `ErrorReason`.
    pub metadata: Vec<(&'static str, String)>,
    /// The fields that are wrong.
    pub violations: Vec<Violation>,
    /// What stood in the way.
    pub conflicts: Vec<Conflict>,
    /// When a retry can help.
    pub retry_after: Option<Duration>,
}

/// Something that stood in the way of a wish for places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// A seat that is not free.
    Seat(SeatId, SeatState),
    /// A GA offer that has fewer places left than were asked for, and how many.
    Offer(OfferId, i64),
}

/// A field that is wrong.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Its path in the request, e.g. `venue.sections[0].name`.
    pub field: String,
    /// What it must be.
    pub description: String,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident: $message:literal;)*) => {
        /// The rules that refuse; mirrors `boxoffice.type.v1.ErrorReason`, where each is explained.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// The sentence a caller gets unless the refusal has a better one.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

reasons! {
    /// Fields are missing or malformed.
    InvalidFields: "some fields are missing or malformed";
    /// Absent, or someone else's.
    NotFound: "there is no such resource";
    /// The request id came with another body.
    RequestIdReused: "this request id was used before with another body";
    /// A concurrent change came first.
    ChangedMeanwhile: "it was changed meanwhile; read it again";
    /// A token is needed.
    TokenMissing: "this call needs an access token";
    /// The token is not ours.
    TokenInvalid: "the access token is not valid";
    /// The token's time is over.
    TokenExpired: "the access token has expired";
    /// The role may not do this.
    RoleMissing: "your role may not call this";
    /// Unknown e-mail or wrong password.
    CredentialsWrong: "the e-mail or the password is wrong";
    /// The e-mail has an account.
    EmailTaken: "there is an account with this e-mail already";
    /// The refresh token is of no use.
    RefreshTokenInvalid: "the refresh token is unknown, expired or revoked";
    /// A refresh token came twice.
    RefreshTokenReused: "the refresh token had been used before; sign in again";
    /// The token of a mail is of no use.
    MailTokenInvalid: "the token is not valid any more; ask for another mail";
    /// Too many failed attempts.
    LoginThrottled: "too many failed attempts; try again later";
    /// The service account may not do this.
    ScopeMissing: "this service account lacks the scope for it";
    /// Unknown or disabled service account, or wrong secret.
    ServiceSecretWrong: "the service account or its secret is wrong";
    /// Somebody has to operate the platform.
    LastAdmin: "nobody else is an admin";
    /// The event sells nothing now.
    EventNotOnSale: "the event is not on sale";
    /// Only drafts are published.
    EventNotDraft: "the event is not a draft";
    /// Start and end make no sense.
    EventTimesInvalid: "an event starts in the future and ends after it starts";
    /// Sections stay while an event is on sale.
    VenueOnSale: "an event that has not ended is on sale at this venue";
    /// Sections stay while a draft sells them.
    SectionInUse: "an event in preparation sells this section";
    /// Prices stay while the event is on sale.
    EventPricesFixed: "offers, prices and currency are fixed once an event is published";
    /// Rules stay while the event is on sale.
    EventTermsFixed: "the rules of holds, quotas and cancellation are fixed once it is published";
    /// Nothing of it changes any more.
    EventCancelled: "the event was called off";
    /// Seats are taken.
    SeatsTaken: "some of the places are not free";
    /// A seat is unknown to the event.
    SeatUnknown: "a seat is not one of this event's, or named twice";
    /// The buyer's limit.
    TooManyPlaces: "more places than one buyer may have at this event";
    /// The hold is over.
    HoldExpired: "the hold has expired";
    /// The hold was released or used.
    HoldNotActive: "the hold is not active";
    /// The hold is as long as it may be.
    HoldAtLimit: "the hold cannot be extended further";
    /// The hold's record is gone.
    HoldLost: "the hold was lost; hold the seats again";
    /// The booking's state forbids it.
    BookingState: "the booking's state does not allow this";
    /// Nobody to send tickets to.
    ContactEmailRequired: "a guest needs a contact e-mail before booking";
    /// Something of the event is held or booked.
    EventHasSales: "the event has holds or bookings";
    /// An offer is unknown to the event.
    OfferUnknown: "an offer is not one of general admission of this event";
    /// The event's policy.
    CancelTooLate: "it is too late to cancel a booking that is paid";
    /// A place is not of the booking.
    PlaceUnknown: "a place is not one of the booking's";
    /// A hold of nothing.
    HoldEmpty: "nothing would be left of the hold";
    /// One payment at a time.
    PaymentOpen: "another payment of this booking is open";
    /// The gateway does not know the token.
    PaymentTokenInvalid: "the payment token is not one the gateway knows";
    /// The buyer has nothing to do, or has done it.
    PaymentActionNotAwaited: "the payment awaits nothing of the buyer";
    /// It took no money that is left.
    PaymentNotRefundable: "nothing of the payment can be given back";
    /// The dead letter is not parked any more.
    DeadLetterResolved: "the dead letter was replayed or discarded already";
    /// The ticket has let somebody in.
    TicketUsed: "the ticket was used before";
    /// The ticket is worth nothing.
    TicketVoid: "the ticket is void";
    /// Nobody here signed this.
    TicketCodeInvalid: "the code is not that of a ticket";
    /// It is for another event.
    TicketOtherEvent: "the ticket is for another event";
    /// Only what failed is tried again.
    NotificationNotFailed: "only a failed notification can be tried again";
}

impl Reason {
    /// A refusal for this reason, without details.
    pub fn rejection(self) -> Rejection {
        Rejection {
            reason: self,
            message: self.message().to_owned(),
            metadata: Vec::new(),
            violations: Vec::new(),
            conflicts: Vec::new(),
            retry_after: None,
        }
    }

    /// A refusal with one fact.
    pub fn with(self, key: &'static str, value: impl ToString) -> Error {
        let mut rejection = self.rejection();
        rejection.metadata.push((key, value.to_string()));
        rejection.into()
    }
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        reason.rejection().into()
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl Error {
    /// Why a rule refused; `None` for the other kinds.
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Rejected(rejection) => Some(rejection.reason),
            Self::Duplicate(_) => Some(Reason::ChangedMeanwhile),
            Self::Unavailable(_) | Self::Internal(_) => None,
        }
    }

    /// A fault of ours, with what is known of it.
    pub fn internal(what: impl ToString) -> Self {
        Self::Internal(what.to_string())
    }

    /// NOT_FOUND of that kind of resource, e.g. `booking`.
    pub fn not_found(resource: &'static str) -> Self {
        Reason::NotFound.with("resource", resource)
    }

    /// A refusal of one field.
    pub fn field(field: impl Into<String>, description: impl Into<String>) -> Self {
        let mut rejection = Reason::InvalidFields.rejection();
        rejection
            .violations
            .push(Violation { field: field.into(), description: description.into() });
        rejection.into()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rejected(rejection) => f.write_str(&rejection.message),
            Self::Duplicate(what) => write!(f, "there already: {what}"),
            Self::Unavailable(what) => write!(f, "not available now: {what}"),
            Self::Internal(what) => write!(f, "internal fault: {what}"),
        }
    }
}

impl std::error::Error for Error {}
