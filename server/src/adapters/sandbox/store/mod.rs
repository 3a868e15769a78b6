//! The sandbox's ledger: charges, refunds, and the webhooks that tell of them, in a SQLite file of
//! its own with its own commits.

mod charge;
mod ledger;
mod webhook;

pub(super) use charge::{Asked, ChargeRow, Refunded};
pub use charge::{LedgerEntry, LedgerState};
pub use ledger::Ledger;
pub use webhook::WebhookPlan;
pub(super) use webhook::{DueWebhook, Posting};
