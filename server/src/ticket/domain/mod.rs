//! The rules of tickets and gates, without any I/O.

pub mod check_in;
#[cfg(test)]
mod check_in_tests;
mod ticket;
#[cfg(test)]
mod ticket_tests;

pub use ticket::{Entry, Ticket, TicketState, TicketWanted, ticket_id};
