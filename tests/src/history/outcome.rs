//! What became of a call, and what its caller was told.

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::{Code, ErrorReason};
use uuid::Uuid;

/// What became of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done, and this was answered.
    Done(Answer),
    /// It was refused: nothing was done.
    Refused {
        /// The status code.
        code: Code,
        /// The server's reason.
        reason: ErrorReason,
        /// What is said to stand in the way.
        taken: Taken,
    },
    /// Nobody knows: there was no answer.
    Unknown,
}

/// Places that somebody is said to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Seats.
    pub seats: Vec<Uuid>,
    /// So many places of general admission that fewer are left than were asked for.
    pub standing: bool,
}

impl Outcome {
    /// A refusal for which no place is named.
    pub fn refused(code: Code, reason: ErrorReason) -> Self {
        Self::Refused { code, reason, taken: Taken::default() }
    }

    /// A refusal because these seats are taken.
    pub fn seats_taken(seats: Vec<Uuid>) -> Self {
        Self::taken(Taken { seats, standing: false })
    }

    /// A refusal because there are too few places of general admission.
    pub fn too_few_left() -> Self {
        Self::taken(Taken { seats: Vec::new(), standing: true })
    }

    /// A refusal because these places are taken.
    pub fn taken(taken: Taken) -> Self {
        Self::Refused { code: Code::Aborted, reason: ErrorReason::SeatsTaken, taken }
    }
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A hold.
    Hold(HoldSeen),
    /// A booking.
    Booking(BookingSeen),
    /// A payment.
    Payment(PaymentSeen),
    /// The seats are blocked, or no longer.
    Inventory,
    /// The holder of this ticket was let in.
    Admitted(Uuid),
    /// New tokens.
    Tokens,
}

/// A hold, as an answer tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldSeen {
    /// Its id.
    pub id: Uuid,
    /// Its state.
    pub state: hold::State,
    /// Its seats.
    pub seats: Vec<Uuid>,
    /// Its places of general admission.
    pub standing: i32,
    /// When it ends, by the server's clock, in microseconds.
    pub expire_micros: i64,
}

/// A booking, as an answer tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingSeen {
    /// Its id.
    pub id: Uuid,
    /// The hold it was made from.
    pub hold: Uuid,
    /// Its state.
    pub state: booking::State,
    /// Its version.
    pub version: i64,
    /// Its seats, without those that were given back.
    pub seats: Vec<Uuid>,
    /// Its places of general admission, without those that were given back.
    pub standing: i32,
    /// Its places: their ids.
    pub places: Vec<Uuid>,
    /// What it costs in all, in minor units.
    pub total: i64,
    /// What was given back of that.
    pub refunded: i64,
    /// Until when it is to be paid, by the server's clock, in microseconds.
    pub pay_by_micros: i64,
}

/// A payment, as an answer tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentSeen {
    /// Its id.
    pub id: Uuid,
    /// Its booking.
    pub booking: Uuid,
    /// Its state.
    pub state: payment::State,
    /// How much it is about, in minor units.
    pub amount: i64,
    /// How much of it was given back.
    pub refunded: i64,
}
