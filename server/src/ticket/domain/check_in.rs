//! What gates may do with tickets, and which of two entries counts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entry, Ticket, TicketState};
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{CheckInId, EventId, TicketId};
use crate::kernel::time::Timestamp;

/// What an entry counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckInOutcome {
    /// The one that the ticket was good for.
    Admitted,
    /// Another entry with the same ticket was earlier.
    DoubleEntry,
    /// The ticket was void.
    VoidEntry,
}

impl CheckInOutcome {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Admitted, Self::DoubleEntry, Self::VoidEntry];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admitted => "ADMITTED",
            Self::DoubleEntry => "DOUBLE_ENTRY",
            Self::VoidEntry => "VOID_ENTRY",
        }
    }

    /// The outcome of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// An entry that a gate gave, also one that it should not have given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckIn {
    /// The entry.
    pub check_in_id: CheckInId,
    /// The ticket.
    pub ticket_id: TicketId,
    /// The event.
    pub event_id: EventId,
    /// Who told of it.
    pub session: SessionId,
    /// The place as people read it.
    pub place_label: String,
    /// The gate, as it calls itself.
    pub gate: String,
    /// When the holder entered.
    pub entry_time: Timestamp,
    /// When the server was told.
    pub create_time: Timestamp,
    /// What it counts as now.
    pub outcome: CheckInOutcome,
}

/// What a gate asks for, or tells of.
#[derive(Clone, Debug)]
pub struct EntryTold {
    /// The entry. It follows from the event and the gate's request id.
    pub check_in_id: CheckInId,
    /// The ticket, by its genuine code.
    pub ticket_id: TicketId,
    /// The event that the gate is for.
    pub event_id: EventId,
    /// Who tells.
    pub session: SessionId,
    /// The gate, as it calls itself.
    pub gate: String,
    /// When somebody entered while the gate was offline; `None` when the gate asks whether somebody
    /// may enter now.
    pub entry_time: Option<Timestamp>,
}

/// An entry with the other one that it was weighed against.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// The entry.
    pub check_in: CheckIn,
    /// Of one that counts the one that counted before; of a double one the one that counts.
    pub other: Option<CheckIn>,
}

/// Tickets and their entries, as far as a group of gates asks about them.
#[derive(Debug, Default)]
pub struct GateBook {
    tickets: BTreeMap<TicketId, Ticket>,
    /// Those that were told before, and of each ticket the one that counts.
    check_ins: BTreeMap<CheckInId, CheckIn>,
    new: BTreeSet<CheckInId>,
    outdone: BTreeSet<CheckInId>,
    /// A ticket after each of its changes, in order.
    changes: Vec<Ticket>,
}

/// The id of the entry that a gate gave under this request id.
pub fn check_in_id(event_id: EventId, request_id: &[u8; 16]) -> CheckInId {
    CheckInId::derived(&[event_id.uuid().as_bytes(), request_id])
}

impl GateBook {
    /// With what is known of the tickets.
    pub fn new(tickets: Vec<Ticket>, check_ins: Vec<CheckIn>) -> Self {
        let tickets = tickets.into_iter().map(|ticket| (ticket.ticket_id, ticket)).collect();
        let check_ins = check_ins.into_iter().map(|entry| (entry.check_in_id, entry)).collect();
        Self { tickets, check_ins, ..Self::default() }
    }

    /// Decides about an entry. A gate that asks is refused what the ticket is not good for; what a
    /// gate has done while it was offline is kept, and the earlier of two entries counts.
    pub fn weigh(&mut self, told: &EntryTold, now: Timestamp) -> Result<Weighed> {
        if let Some(known) = self.check_ins.get(&told.check_in_id) {
            if known.ticket_id != told.ticket_id || known.gate != told.gate {
                return Err(Reason::RequestIdReused.into());
            }
            return Ok(self.with_other(known.clone()));
        }
        let ticket = self.tickets.get(&told.ticket_id);
        let ticket = ticket.filter(|ticket| ticket.place.event_id == told.event_id);
        let Some(ticket) = ticket else { return Err(Reason::TicketCodeInvalid.into()) };
        let entry_time = told.entry_time.unwrap_or(now).min(now).max(ticket.create_time);
        let check_in = |outcome| CheckIn {
            check_in_id: told.check_in_id,
            ticket_id: told.ticket_id,
            event_id: told.event_id,
            session: told.session,
            place_label: ticket.label(),
            gate: told.gate.clone(),
            entry_time,
            create_time: now,
            outcome,
        };
        let offline = told.entry_time.is_some();
        match (ticket.state, &ticket.entry) {
            (TicketState::Void, _) if offline => Ok(self.keep(check_in(CheckInOutcome::VoidEntry))),
            (TicketState::Void, _) => Err(Reason::TicketVoid.into()),
            (TicketState::Used, Some(first)) if offline && first.time <= entry_time => {
                Ok(self.keep(check_in(CheckInOutcome::DoubleEntry)))
            }
            (TicketState::Used, Some(first)) if !offline && !planted!(CheckInTwice) => {
                Err(used(first))
            }
            (TicketState::Used, None) => Err(Error::internal("a used ticket without an entry")),
            (TicketState::Valid, _) | (TicketState::Used, Some(_)) => {
                let admitted = check_in(CheckInOutcome::Admitted);
                Ok(self.admit(admitted, now))
            }
        }
    }

    /// Makes an entry the one that counts; the one that counted until now does so no longer.
    fn admit(&mut self, check_in: CheckIn, now: Timestamp) -> Weighed {
        let before = self.admitted(check_in.ticket_id).map(|before| before.check_in_id);
        let before = before.and_then(|id| self.check_ins.get_mut(&id));
        let other = before.map(|before| {
            before.outcome = CheckInOutcome::DoubleEntry;
            if !self.new.contains(&before.check_in_id) {
                self.outdone.insert(before.check_in_id);
            }
            before.clone()
        });
        if let Some(ticket) = self.tickets.get_mut(&check_in.ticket_id) {
            let entry = Entry { gate: check_in.gate.clone(), time: check_in.entry_time };
            ticket.enter(entry, now);
            self.changes.push(ticket.clone());
        }
        Weighed { other, ..self.keep(check_in) }
    }

    fn keep(&mut self, check_in: CheckIn) -> Weighed {
        self.new.insert(check_in.check_in_id);
        self.check_ins.insert(check_in.check_in_id, check_in.clone());
        self.with_other(check_in)
    }

    fn with_other(&self, check_in: CheckIn) -> Weighed {
        let other = match check_in.outcome {
            CheckInOutcome::DoubleEntry => self.admitted(check_in.ticket_id).cloned(),
            CheckInOutcome::Admitted | CheckInOutcome::VoidEntry => None,
        };
        Weighed { check_in, other }
    }

    fn admitted(&self, ticket_id: TicketId) -> Option<&CheckIn> {
        self.check_ins.values().find(|check_in| {
            check_in.ticket_id == ticket_id && check_in.outcome == CheckInOutcome::Admitted
        })
    }

    /// The tickets that have changed, as they are now.
    pub fn changed_tickets(&self) -> Vec<Ticket> {
        let changed = |ticket: &&Ticket| ticket.version != ticket.stored_version;
        self.tickets.values().filter(changed).cloned().collect()
    }

    /// A ticket after each of its changes, in order.
    pub fn changes(&self) -> &[Ticket] {
        &self.changes
    }

    /// The entries that are new.
    pub fn new_check_ins(&self) -> Vec<&CheckIn> {
        self.new.iter().filter_map(|id| self.check_ins.get(id)).collect()
    }

    /// Stored entries that counted and do so no longer.
    pub fn outdone(&self) -> Vec<CheckInId> {
        self.outdone.iter().copied().collect()
    }
}

fn used(first: &Entry) -> Error {
    let mut rejection = Reason::TicketUsed.rejection();
    rejection.metadata.push(("gate", first.gate.clone()));
    rejection.metadata.push(("entry_time", first.time.rfc3339()));
    rejection.into()
}
