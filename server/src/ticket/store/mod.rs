//! Ticket's tables.

mod check_in;
mod event;
mod ticket;
