//! What payments and refunds are, what the gateway's answers make of them, and where our books and
//! the gateway's differ.

pub mod comparison;
pub mod payment;
pub mod refund;

pub use payment::{Payment, PaymentFact, PaymentState, pause};
pub use refund::{Refund, RefundState};
