//! Payment's tables.

mod comparison;
mod payment;
mod refund;
mod turn;

pub(in crate::payment) use comparison::{Compared, WebhookSeen};
pub(in crate::payment) use payment::ListedBy;
