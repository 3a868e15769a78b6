//! The storage port: one SQL text on two databases. `Store` opens units of work, `Tx` is one;
//! dropping a `Tx` rolls it back.

mod bulk;
pub mod dead_letter;
mod driver;
mod event;
mod fault;
mod idempotency;
mod inbox;
mod lane;
mod migrate;
mod outbox;
mod postgres_pool;
mod postgres_unit;
mod probe;
mod replicas;
mod signal;
mod sqlite_pool;
#[cfg(test)]
pub(crate) mod testing;

pub use driver::{Engine, Store, Tx};
pub use event::Event;
pub use idempotency::{Recollection, Remembered, RequestKey, attempt, enter};
pub use inbox::{first_time, is_known};
pub use lane::{Lanes, UseCase};
pub use outbox::{Lease, claim_events, mark_published, put_off, sweep_requests, void_leases};
pub use probe::Probe;
pub use signal::{Signal, Signals, heard};

pub(crate) use bulk::{bulk_rows, bulk_write, chunks, require_all};
pub(crate) use driver::{Conn, column, row, sql};
pub(crate) use postgres_unit::in_time;
pub(crate) use sqlite_pool::sqlite_pool;
