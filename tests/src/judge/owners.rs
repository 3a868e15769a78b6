//! Whose what is: a hold is its maker's, a booking is of a hold, a payment of a booking.

use std::collections::HashMap;

use uuid::Uuid;

use crate::history::{Call, Entry, History, Subject};

/// Who made what.
#[derive(Default)]
pub(super) struct Owners<'a> {
    /// The first answer to whoever asked for a hold.
    holds: HashMap<Uuid, &'a Entry>,
    /// The hold of each booking.
    bookings: HashMap<Uuid, Uuid>,
    /// The booking of each payment.
    payments: HashMap<Uuid, Uuid>,
}

impl<'a> Owners<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut owners = Self::default();
        for entry in &history.entries {
            if let (Call::Hold { .. }, Some(seen)) = (&entry.call, entry.hold()) {
                let first = owners.holds.entry(seen.id).or_insert(entry);
                if entry.to < first.to {
                    *first = entry;
                }
            } else if let Some(seen) = entry.booking() {
                owners.bookings.insert(seen.id, seen.hold);
            } else if let Some(seen) = entry.payment() {
                owners.payments.insert(seen.id, seen.booking);
            }
        }
        owners
    }

    /// Whose a hold is; `None` if nobody was told of its making.
    pub(super) fn of_hold(&self, id: Uuid) -> Option<usize> {
        self.holds.get(&id).map(|made| made.caller)
    }

    /// Whose something is.
    pub(super) fn of_subject(&self, subject: Subject) -> Option<usize> {
        match subject {
            Subject::Hold(id) => self.of_hold(id),
            Subject::Booking(id) => self.of_hold(*self.bookings.get(&id)?),
            Subject::Payment(id) => self.of_subject(Subject::Booking(*self.payments.get(&id)?)),
        }
    }

    /// The answers that told of the making of a hold.
    pub(super) fn made(&self) -> impl Iterator<Item = (Uuid, &'a Entry)> {
        self.holds.iter().map(|(id, made)| (*id, *made))
    }
}
