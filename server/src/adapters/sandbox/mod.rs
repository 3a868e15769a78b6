//! The sandbox: a payment gateway of our own, for trying things out and for tests. It keeps its own
//! ledger in its own database file with its own commits, so that a crash of ours can leave the two
//! disagreeing, as with a real provider.

mod gateway;
mod store;

pub use gateway::SandboxGateway;
pub use store::{LedgerEntry, LedgerState};
