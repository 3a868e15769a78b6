//! What can be done with a seat of an event.

/// The state of a seat; mirrors `boxoffice.booking.v1.SeatState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SeatState {
    /// Free to be held.
    Available,
    /// Held by a hold for a short time.
    Held,
    /// Part of a booking that is not paid yet.
    Claimed,
    /// Sold.
    Sold,
    /// Taken off sale by its organizer.
    Blocked,
}

impl SeatState {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Available, Self::Held, Self::Claimed, Self::Sold, Self::Blocked];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Held => "HELD",
            Self::Claimed => "CLAIMED",
            Self::Sold => "SOLD",
            Self::Blocked => "BLOCKED",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
