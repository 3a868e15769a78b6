//! Why a command failed, in one sentence, and what to do about it.

use std::io;

use boxoffice_sdk::{Code, Error, ErrorReason};
use serde_json::{Value, json};

use crate::json;
use crate::output::clean;
use crate::text::short;

/// Why there is no result.
#[derive(Debug)]
pub enum Failure {
    /// The server refused, or was not reached.
    Refused(Error),
    /// Seats were taken. They are named by their places.
    SeatsTaken {
        /// The refusal.
        error: Error,
        /// Each seat that stood in the way and its state, e.g. `Stalls A-12 is SOLD`.
        places: Vec<String>,
    },
    /// Something on this side, as a sentence.
    Said(String),
    /// The command was given wrongly, as a sentence.
    Usage(String),
    /// The result could not be printed.
    Output(io::Error),
}

impl Failure {
    /// A failure on this side.
    pub fn said(sentence: impl Into<String>) -> Failure {
        Failure::Said(sentence.into())
    }

    /// A command that was given wrongly.
    pub fn usage(sentence: impl Into<String>) -> Failure {
        Failure::Usage(sentence.into())
    }

    /// An answer that lacks what the contract promises.
    pub fn incomplete() -> Failure {
        Failure::said("the server's answer is incomplete")
    }

    /// 2 when the command was given wrongly, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            _ => 1,
        }
    }

    /// One sentence for people.
    pub fn sentence(&self) -> String {
        clean(&match self {
            Failure::Refused(error) => error.to_string(),
            Failure::SeatsTaken { error, places } => {
                format!("{}: {} (SEATS_TAKEN)", error.message(), places.join(", "))
            }
            Failure::Said(sentence) | Failure::Usage(sentence) => sentence.clone(),
            Failure::Output(error) => format!("cannot print the result: {error}"),
        })
    }

    /// The command or step that may help.
    pub fn advice(&self, server: &str) -> Option<String> {
        let error = match self {
            Failure::Refused(error) | Failure::SeatsTaken { error, .. } => error,
            _ => return None,
        };
        let advice = match error.reason() {
            ErrorReason::TokenMissing
            | ErrorReason::TokenInvalid
            | ErrorReason::TokenExpired
            | ErrorReason::RefreshTokenInvalid
            | ErrorReason::RefreshTokenReused => "boxoffice login, or boxoffice guest",
            ErrorReason::ContactEmailRequired => "boxoffice book HOLD --email YOU@EXAMPLE.COM",
            ErrorReason::HoldExpired | ErrorReason::HoldLost => "boxoffice hold EVENT SEAT...",
            ErrorReason::SeatsTaken => "boxoffice seats map EVENT",
            ErrorReason::PaymentOpen => "boxoffice bookings watch BOOKING",
            ErrorReason::EmailTaken => "boxoffice login",
            ErrorReason::Unspecified if error.code() == Code::Unavailable => {
                return Some(format!("is there a server at {server}? See --server."));
            }
            _ => return None,
        };
        Some(advice.to_owned())
    }

    /// The same for programs.
    pub fn json(&self) -> Value {
        let error = match self {
            Failure::Refused(error) | Failure::SeatsTaken { error, .. } => error,
            _ => return json!({ "error": { "message": self.sentence() } }),
        };
        let violations = json::list(
            error.violations(),
            |violation| json!({ "field": violation.field, "description": violation.description }),
        );
        let conflicts = json::list(error.conflicts(), |conflict| {
            let state = short(conflict.state().as_str_name());
            json!({ "seat_id": conflict.seat_id, "state": state })
        });
        json!({ "error": {
            "code": format!("{:?}", error.code()),
            "reason": short(error.reason().as_str_name()),
            "message": error.message(),
            "metadata": error.metadata(),
            "violations": violations,
            "conflicts": conflicts,
        } })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Refused(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}
