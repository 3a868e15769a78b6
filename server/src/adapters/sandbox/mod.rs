//! The sandbox: a payment gateway of our own, for trying things out and for tests. It keeps its own
//! ledger in its own database file with its own commits, so that a crash of ours can leave the two
//! disagreeing, as with a real provider. It runs in this process or as one of its own, and tells of
//! what happens by signed webhooks either way.

mod api;
mod engine;
mod gateway;
mod message;
mod process;
mod remote;
mod signature;
mod store;
mod token;
mod webhooks;

pub use gateway::SandboxGateway;
pub use process::{SandboxConfig, SandboxProcess};
pub use remote::RemoteSandbox;
pub use signature::{SIGNATURE_HEADER, WebhookSecret};
pub use store::{LedgerEntry, LedgerState, WebhookPlan};
pub use token::ActionAnswer;
