//! The use cases of payments.

mod ask;
mod create;
mod settle;

pub use ask::PaymentService;
pub use create::CreatePayment;
pub use settle::{FinishRefund, SettlePayment};
