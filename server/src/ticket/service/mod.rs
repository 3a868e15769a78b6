//! The use cases of tickets. Those of other contexts' transactions are functions; check-ins run in
//! lanes, as all that changes the state of a ticket does.

mod check_in;
#[cfg(test)]
mod gate_tests;
mod issue;
#[cfg(test)]
mod issue_tests;
mod read;

pub use issue::{describe_event, issue, move_session, require_unused, tickets_of, void};
pub use read::{CodeRead, TicketFormat, TicketService};
