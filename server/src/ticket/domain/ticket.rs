//! What a ticket is.

use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, PlaceId, SeatId, TicketId};
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
    /// The place; for a seat it has the seat's UUID.
    pub place_id: PlaceId,
    /// The seat; not set for general admission.
    pub seat_id: Option<SeatId>,
    /// The name of the offer it was sold by.
    pub offer_name: String,
    /// The name of its section; may be empty for general admission.
    pub section_name: String,
    /// The label of the seat's row; empty for general admission.
    pub row_label: String,
    /// The seat's label within the row; empty for general admission.
    pub seat_label: String,
}

/// An entry that a ticket gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The gate, as it calls itself.
    pub gate: String,
    /// When that was.
    pub time: Timestamp,
}

/// The right of entry for one place.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// What it is for.
    pub place: TicketWanted,
    /// The state now.
    pub state: TicketState,
    /// The entry it gave, also when it became void afterwards.
    pub entry: Option<Entry>,
    /// When it was issued.
    pub create_time: Timestamp,
    /// When its state last changed.
    pub update_time: Timestamp,
    /// Raised by every change of its state, and its version on the bus.
    pub version: i64,
    /// The version that is stored.
    pub stored_version: i64,
}

/// The id of the ticket of a booking's place: always the same, so that it cannot be issued twice.
pub fn ticket_id(booking_id: BookingId, place_id: PlaceId) -> TicketId {
    TicketId::derived(&[booking_id.uuid().as_bytes(), place_id.uuid().as_bytes()])
}

impl Ticket {
    /// The ticket of a place.
    pub fn issue(place: TicketWanted, now: Timestamp) -> Self {
        Self {
            ticket_id: ticket_id(place.booking_id, place.place_id),
            place,
            state: TicketState::Valid,
            entry: None,
            create_time: now,
            update_time: now,
            version: 1,
            stored_version: 0,
        }
    }

    /// The place as people read it, e.g. `Stalls / A / 12`, or `Standing` for an offer of general
    /// admission.
    pub fn label(&self) -> String {
        let place = &self.place;
        let parts: [&str; 3] = match place.seat_id {
            Some(_) => [&place.section_name, &place.row_label, &place.seat_label],
            None => [&place.section_name, &place.offer_name, ""],
        };
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" / ")
    }

    /// Takes the right of entry away. False when it was taken before.
    pub fn void(&mut self, now: Timestamp) -> bool {
        match self.state {
            TicketState::Void => false,
            TicketState::Valid | TicketState::Used => {
                self.state = TicketState::Void;
                self.change(now);
                true
            }
        }
    }

    /// Keeps the entry that it gave. A ticket gives one; a second call is for an entry that proved
    /// to be earlier.
    pub(super) fn enter(&mut self, entry: Entry, now: Timestamp) {
        self.state = TicketState::Used;
        self.entry = Some(entry);
        self.change(now);
    }

    fn change(&mut self, now: Timestamp) {
        self.update_time = now;
        self.version += 1;
    }
}
