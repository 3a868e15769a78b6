//! What the sandbox's payment tokens stand for.

use crate::ports::gateway::FailureCode;

/// How a payment token makes the sandbox behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// Takes the money.
    Succeed,
    /// Declines.
    Decline(FailureCode),
    /// Asks the buyer to do something more.
    RequireAction,
    /// Gives no answer at first and takes the money when asked again.
    TimeOutBeforeCharge,
    /// Takes the money and gives no answer until asked again.
    TimeOutAfterCharge,
    /// Takes the money; the first answer to each refund is lost.
    TimeOutAfterRefund,
    /// Takes the money and tells by webhook only.
    TellByWebhook(Delivery),
    /// Gives no answer until it is cancelled.
    Hang,
    /// Never gives any answer.
    BeUnreachable,
}

/// How the webhook that tells of the money comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Once and at once.
    Prompt,
    /// A while later.
    Late,
    /// Twice at the same time.
    Doubled,
    /// Before the one that says that the charge is being processed.
    Reordered,
}

/// What a payment token stands for; `None` when the sandbox knows no such token.
pub fn behaviour(payment_token: &str) -> Option<Behaviour> {
    Some(match payment_token {
        "tok_success" => Behaviour::Succeed,
        "tok_declined" => Behaviour::Decline(FailureCode::CardDeclined),
        "tok_insufficient_funds" => Behaviour::Decline(FailureCode::InsufficientFunds),
        "tok_expired_card" => Behaviour::Decline(FailureCode::ExpiredCard),
        "tok_requires_action" => Behaviour::RequireAction,
        "tok_timeout_before_charge" => Behaviour::TimeOutBeforeCharge,
        "tok_timeout_after_charge" => Behaviour::TimeOutAfterCharge,
        "tok_timeout_after_refund" => Behaviour::TimeOutAfterRefund,
        "tok_webhook" => Behaviour::TellByWebhook(Delivery::Prompt),
        "tok_webhook_late" => Behaviour::TellByWebhook(Delivery::Late),
        "tok_webhook_doubled" => Behaviour::TellByWebhook(Delivery::Doubled),
        "tok_webhook_reordered" => Behaviour::TellByWebhook(Delivery::Reordered),
        "tok_hang" => Behaviour::Hang,
        "tok_unreachable" => Behaviour::BeUnreachable,
        _ => return None,
    })
}

/// What the buyer's action gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionAnswer {
    /// The buyer proved that the card is hers.
    Succeed,
    /// She did not.
    Decline,
}

impl ActionAnswer {
    /// Both, by name.
    pub const NAMES: [&'static str; 2] = ["succeed", "decline"];

    /// The answer of that name.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "succeed" => Some(Self::Succeed),
            "decline" => Some(Self::Decline),
            _ => None,
        }
    }
}
