//! The use cases of payments.

mod ask;
mod compare;
mod confirm;
mod create;
mod notice;
mod payments;
mod refund;
mod settle;

pub use compare::Comparison;
pub use confirm::ConfirmPaymentAction;
pub use create::CreatePayment;
pub use notice::NoticeRefusal;
pub use payments::{PaymentDetails, PaymentService, may_be_paid};
pub use refund::{RefundPayment, give_back_cancelled, take_over};
pub use settle::{FinishRefund, SettlePayment};
