//! What a ticket is.

use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, SeatId, TicketId};
use crate::kernel::time::Timestamp;

/// The life cycle of a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    /// Good for one entry.
    Valid,
    /// Its holder has entered.
    Used,
    /// Worth nothing.
    Void,
}

impl TicketState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Valid, Self::Used, Self::Void];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Used => "USED",
            Self::Void => "VOID",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A place that is to get its ticket.
#[derive(Clone, Debug)]
pub struct TicketWanted {
    /// The booking that paid for it.
    pub booking_id: BookingId,
    /// The event.
    pub event_id: EventId,
    /// Whose it is.
    pub session: SessionId,
    /// The seat.
    pub seat_id: SeatId,
    /// The name of the seat's section.
    pub section_name: String,
    /// The label of the seat's row.
    pub row_label: String,
    /// The seat's label within the row.
    pub seat_label: String,
}

/// The right of entry for one seat.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// What it is for.
    pub place: TicketWanted,
    /// The state now.
    pub state: TicketState,
    /// When it was issued.
    pub create_time: Timestamp,
}

/// The id of the ticket of a booking's seat: always the same, so that it cannot be issued twice.
pub fn ticket_id(booking_id: BookingId, seat_id: SeatId) -> TicketId {
    TicketId::derived(&[booking_id.uuid().as_bytes(), seat_id.uuid().as_bytes()])
}

impl Ticket {
    /// The ticket of a place.
    pub fn issue(place: TicketWanted, now: Timestamp) -> Self {
        Self {
            ticket_id: ticket_id(place.booking_id, place.seat_id),
            place,
            state: TicketState::Valid,
            create_time: now,
        }
    }

    /// The place as people read it, e.g. `Stalls / A / 12`.
    pub fn label(&self) -> String {
        let place = &self.place;
        format!("{} / {} / {}", place.section_name, place.row_label, place.seat_label)
    }
}
