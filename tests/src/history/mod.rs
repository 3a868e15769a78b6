//! What clients asked and what they were told: every call of a sale, with when it began and ended.
//! The judge of `crate::judge` reads it.

mod outcome;
mod recorder;

use uuid::Uuid;

pub use outcome::{Answer, BookingSeen, HoldSeen, Outcome, PaymentSeen, Taken};
pub use recorder::Recorder;
pub(crate) use recorder::parse_id;

/// Microseconds since the history began, by a clock that nobody turns.
pub type Moment = i64;

/// When a call ended that was never answered.
pub const NEVER: Moment = Moment::MAX;

/// How far apart two readings of one clock may be, in microseconds.
const SHARED_CLOCK_SLACK: Moment = 20_000;
/// The same of a server that follows the clock of its database, and does not know how much of the
/// way there and back its answer was under way.
pub const OWN_CLOCK_SLACK: Moment = 250_000;

/// The number of the organizer and of the gates; buyers come after.
pub const ORGANIZER: usize = 0;

/// What is asked. Ids are those of the resources that were learned from earlier answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// HoldSeats: named seats, and so many places of the offer of general admission.
    Hold {
        /// The event.
        event: Uuid,
        /// The seats.
        seats: Vec<Uuid>,
        /// How many places of general admission.
        standing: i32,
    },
    /// ChangeHold.
    Change {
        /// The hold.
        hold: Uuid,
        /// Seats to have besides.
        add: Vec<Uuid>,
        /// Seats to give back.
        remove: Vec<Uuid>,
        /// How many places of general admission the hold is to have.
        standing: Option<i32>,
    },
    /// ExtendHold.
    Extend(Uuid),
    /// ReleaseHold.
    Release(Uuid),
    /// GetHold.
    LookAtHold(Uuid),
    /// CreateBooking from a hold.
    Book(Uuid),
    /// CancelBooking.
    Cancel(Uuid),
    /// GetBooking.
    LookAtBooking(Uuid),
    /// CreatePayment for a booking, with this token.
    Pay(Uuid, &'static str),
    /// ConfirmPaymentAction, with this answer.
    Act(Uuid, &'static str),
    /// GetPayment.
    LookAtPayment(Uuid),
    /// RefundPayment of these places; all there are if none is named.
    Return {
        /// The payment.
        payment: Uuid,
        /// Its booking.
        booking: Uuid,
        /// The places.
        places: Vec<Uuid>,
    },
    /// BlockSeats.
    Block(Vec<Uuid>),
    /// UnblockSeats.
    Unblock(Vec<Uuid>),
    /// CheckInTicket, by the ticket's code.
    Admit(String),
    /// RefreshToken, with a token of somebody's that was used before its successor was.
    ShowUsedToken,
}

/// What a call is about, besides what it brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A hold.
    Hold(Uuid),
    /// A booking.
    Booking(Uuid),
    /// A payment.
    Payment(Uuid),
}

impl Subject {
    /// Its id.
    pub fn id(self) -> Uuid {
        let (Self::Hold(id) | Self::Booking(id) | Self::Payment(id)) = self;
        id
    }
}

impl Call {
    /// What it is called.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Hold { .. } => "Hold",
            Self::Change { .. } => "Change",
            Self::Extend(_) => "Extend",
            Self::Release(_) => "Release",
            Self::LookAtHold(_) => "LookAtHold",
            Self::Book(_) => "Book",
            Self::Cancel(_) => "Cancel",
            Self::LookAtBooking(_) => "LookAtBooking",
            Self::Pay(..) => "Pay",
            Self::Act(..) => "Act",
            Self::LookAtPayment(_) => "LookAtPayment",
            Self::Return { .. } => "Return",
            Self::Block(_) => "Block",
            Self::Unblock(_) => "Unblock",
            Self::Admit(_) => "Admit",
            Self::ShowUsedToken => "ShowUsedToken",
        }
    }

    /// What it is about; `None` if that is nothing that somebody has made.
    pub fn subject(&self) -> Option<Subject> {
        Some(match self {
            Self::Change { hold: id, .. } => Subject::Hold(*id),
            Self::Extend(id) | Self::Release(id) | Self::LookAtHold(id) | Self::Book(id) => {
                Subject::Hold(*id)
            }
            Self::Cancel(id) | Self::LookAtBooking(id) | Self::Pay(id, _) => Subject::Booking(*id),
            Self::Act(id, _) | Self::LookAtPayment(id) => Subject::Payment(*id),
            Self::Return { payment, .. } => Subject::Payment(*payment),
            Self::Hold { .. } | Self::Block(_) | Self::Unblock(_) => return None,
            Self::Admit(_) | Self::ShowUsedToken => return None,
        })
    }

    /// Whether it makes something new, rather than changing what is there.
    pub fn makes(&self) -> bool {
        matches!(self, Self::Hold { .. } | Self::Book(_) | Self::Pay(..) | Self::Admit(_))
    }

    /// Whether it is to change something, and so has a request id.
    pub fn changes(&self) -> bool {
        let looks =
            matches!(self, Self::LookAtHold(_) | Self::LookAtBooking(_) | Self::LookAtPayment(_));
        !looks && *self != Self::ShowUsedToken
    }
}

/// One call.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who called: a number of the history's own.
    pub caller: usize,
    /// Its request id, if it was to change something.
    pub request: Option<Uuid>,
    /// What was asked.
    pub call: Call,
    /// When it was asked.
    pub from: Moment,
    /// When the answer was there, or [`NEVER`].
    pub to: Moment,
    /// What became of it.
    pub outcome: Outcome,
}

/// All calls of a sale, and how the server's clock was turned meanwhile.
#[derive(Clone, Debug)]
pub struct History {
    /// The calls, in no particular order.
    pub entries: Vec<Entry>,
    /// What the server's clock showed when the history began, in microseconds.
    pub server_begin_micros: i64,
    /// How the server's clock was turned, one after the other.
    pub turns: Vec<Turn>,
    /// By how much the server's clock may be read wrong.
    pub clock_slack: Moment,
}

impl Default for History {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            server_begin_micros: 0,
            turns: Vec::new(),
            clock_slack: SHARED_CLOCK_SLACK,
        }
    }
}

/// A turn of the server's clock, at some moment of a short time.
#[derive(Clone, Debug)]
pub struct Turn {
    /// The first moment at which it may have been.
    pub from: Moment,
    /// The last.
    pub to: Moment,
    /// By how much it was turned on, in microseconds.
    pub by: i64,
}

impl History {
    /// The earliest moment at which the server's clock may show this time.
    pub fn reached(&self, server_micros: i64) -> Moment {
        self.reached_by_turns(server_micros, |turn| turn.from)
    }

    /// The moment by which the server's clock surely shows this time, unless it is turned back.
    pub fn surely_reached(&self, server_micros: i64) -> Moment {
        self.reached_by_turns(server_micros, |turn| turn.to)
    }

    /// When the server's clock shows this time, if it was turned at these moments.
    fn reached_by_turns(&self, server_micros: i64, turned_at: fn(&Turn) -> Moment) -> Moment {
        let (mut ahead, mut turned) = (0, 0);
        for turn in &self.turns {
            let (moment, at) = (server_micros - self.server_begin_micros - ahead, turned_at(turn));
            if moment < at {
                return moment.max(turned);
            }
            ahead += turn.by;
            turned = at;
        }
        (server_micros - self.server_begin_micros - ahead).max(turned)
    }

    /// The latest time that the server's clock may show from one moment to another, in
    /// microseconds.
    pub fn shown_at_most(&self, from: Moment, to: Moment) -> i64 {
        let (mut ahead, mut latest) = (0, i64::MIN);
        let shown = |moment: Moment, ahead: i64| {
            self.server_begin_micros.saturating_add(moment).saturating_add(ahead)
        };
        for turn in self.turns.iter().filter(|turn| turn.from <= to) {
            if turn.to >= from {
                latest = latest.max(shown(turn.to.min(to), ahead));
            }
            ahead += turn.by;
        }
        latest.max(shown(to, ahead))
    }
}

impl Entry {
    /// The hold that was answered.
    pub fn hold(&self) -> Option<&HoldSeen> {
        match &self.outcome {
            Outcome::Done(Answer::Hold(hold)) => Some(hold),
            _ => None,
        }
    }

    /// The booking that was answered.
    pub fn booking(&self) -> Option<&BookingSeen> {
        match &self.outcome {
            Outcome::Done(Answer::Booking(booking)) => Some(booking),
            _ => None,
        }
    }

    /// The payment that was answered.
    pub fn payment(&self) -> Option<&PaymentSeen> {
        match &self.outcome {
            Outcome::Done(Answer::Payment(payment)) => Some(payment),
            _ => None,
        }
    }

    /// Whether it certainly did nothing.
    pub fn is_refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused { .. })
    }

    /// What it made or changed.
    pub fn resource(&self) -> Option<Uuid> {
        match &self.outcome {
            Outcome::Done(Answer::Hold(hold)) => Some(hold.id),
            Outcome::Done(Answer::Booking(booking)) => Some(booking.id),
            Outcome::Done(Answer::Payment(payment)) => Some(payment.id),
            Outcome::Done(Answer::Admitted(ticket)) => Some(*ticket),
            _ => None,
        }
    }
}
