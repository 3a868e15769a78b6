//! What makes an answer a clear one.

use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex};

use boxoffice_proto::r#type::v1::ErrorReason;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The contract, whose comments say which code each reason comes with.
const CONTRACT: &str = include_str!("../../../proto/boxoffice/type/v1/error_reason.proto");
/// Codes by which a client learns what is wrong with its request.
const CLEAR: [Code; 9] = [
    Code::Ok,
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::PermissionDenied,
    Code::Unauthenticated,
    Code::FailedPrecondition,
    Code::Aborted,
    Code::ResourceExhausted,
];
/// What no answer may have in it: words of the database, of the program and of its faults.
const INNER: [&str; 18] = [
    "panicked",
    "backtrace",
    "unwrap",
    ".rs:",
    "/src/",
    "server/src",
    "sqlx",
    "sqlite",
    "postgres",
    "sqlstate",
    "insert into",
    "select ",
    "constraint",
    "prost",
    "tokio::",
    "decode error",
    "wire type",
    "serde",
];

/// The code that comes with each reason, as the contract says.
static CODES: LazyLock<HashMap<ErrorReason, Code>> = LazyLock::new(|| {
    let mut codes = HashMap::new();
    let mut comment = String::new();
    for line in CONTRACT.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("// ") {
            comment.push_str(text);
            comment.push(' ');
            continue;
        }
        let name = line.split(" = ").next().unwrap_or_default();
        if let Some(reason) = ErrorReason::from_str_name(name) {
            codes.extend(code_named(&comment).map(|code| (reason, code)));
        }
        comment.clear();
    }
    codes
});

/// The code that a text begins with: `NOT_FOUND. The resource …`.
fn code_named(text: &str) -> Option<Code> {
    let name = text.split(['.', ',']).next()?;
    (0..=16).map(Code::from_i32).find(|code| {
        let debug = format!("{code:?}");
        debug.to_uppercase() == name.replace('_', "")
    })
}

/// The code and the reason of an answer; no reason if it has none of ours.
pub fn told<T>(outcome: &Result<T, Status>) -> (Code, Option<ErrorReason>) {
    let Err(status) = outcome else { return (Code::Ok, None) };
    let reason = status.get_details_error_info().filter(|info| info.domain == "boxoffice");
    let reason = reason
        .and_then(|info| ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
    (status.code(), reason)
}

/// Why a refusal is not as the contract promises; `None` if it is.
pub fn fault_of(status: &Status) -> Option<String> {
    let (code, reason) = told::<()>(&Err(status.clone()));
    let Some(reason) = reason else { return Some(format!("no reason comes with {status:?}")) };
    if CODES.get(&reason) != Some(&code) {
        return Some(format!("{reason:?} does not come with {code:?}"));
    }
    let details = String::from_utf8_lossy(status.details()).to_lowercase();
    let text = format!("{} {details}", status.message().to_lowercase());
    let leaked = INNER.iter().find(|word| text.contains(*word));
    leaked.map(|word| format!("`{word}` is told to the client: {status:?}"))
}

/// Why an answer is not a clear one; `None` if it is.
pub fn unclear(output: &MessageDescriptor, outcome: &Result<Vec<u8>, Status>) -> Option<String> {
    match outcome {
        Ok(bytes) => {
            let message = DynamicMessage::decode(output.clone(), bytes.as_slice());
            message.err().map(|error| format!("the answer is no {}: {error}", output.name()))
        }
        Err(status) if !CLEAR.contains(&status.code()) => Some(format!("{status:?}")),
        Err(status) => fault_of(status),
    }
}

/// What was seen in a walk, for whoever wants to know that it went anywhere.
#[derive(Default)]
pub struct Seen {
    counts: Mutex<BTreeMap<String, BTreeMap<String, usize>>>,
    faults: Mutex<Vec<String>>,
}

impl Seen {
    /// Counts an answer of an RPC.
    pub fn count<T>(&self, rpc: &str, outcome: &Result<T, Status>) {
        let (code, reason) = told(outcome);
        let what = reason.map_or_else(|| format!("{code:?}"), |r| r.as_str_name().to_owned());
        let what = what.strip_prefix("ERROR_REASON_").unwrap_or(&what).to_owned();
        let mut counts = self.counts.lock().expect("a lock");
        *counts.entry(rpc.to_owned()).or_default().entry(what).or_default() += 1;
    }

    /// Notes what should not have been.
    pub fn complain(&self, fault: String) {
        self.faults.lock().expect("a lock").push(fault);
    }

    /// What should not have been.
    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().expect("a lock").clone()
    }

    /// How often each outcome was seen.
    pub fn outcomes(&self) -> BTreeMap<String, usize> {
        let mut outcomes = BTreeMap::new();
        for counts in self.counts.lock().expect("a lock").values() {
            for (what, count) in counts {
                *outcomes.entry(what.clone()).or_default() += count;
            }
        }
        outcomes
    }

    /// How many answers each RPC gave, and of how many kinds.
    pub fn rpcs(&self) -> BTreeMap<String, (usize, usize)> {
        let counts = self.counts.lock().expect("a lock");
        let sums =
            counts.iter().map(|(rpc, counts)| (rpc.clone(), (counts.values().sum(), counts.len())));
        sums.collect()
    }

    /// All answers.
    pub fn calls(&self) -> usize {
        self.outcomes().values().sum()
    }
}

#[test]
fn every_reason_of_the_contract_says_its_code() {
    let reasons = CONTRACT.lines().filter(|line| line.trim().starts_with("ERROR_REASON_")).count();
    // UNSPECIFIED is never sent.
    assert_eq!(CODES.len(), reasons - 1);
    assert_eq!(CODES[&ErrorReason::SeatsTaken], Code::Aborted);
    assert_eq!(CODES[&ErrorReason::Unavailable], Code::Unavailable);
}

#[test]
fn what_is_not_clear_is_found() {
    let bare = Status::invalid_argument("no reason");
    assert!(fault_of(&bare).is_some_and(|fault| fault.contains("no reason")));
    let with = |code: Code, message: &str, reason: &str| {
        let details = ErrorDetails::with_error_info(reason, "boxoffice", HashMap::new());
        Status::with_error_details(code, message, details)
    };
    let good = with(Code::NotFound, "there is no such resource", "NOT_FOUND");
    assert_eq!(fault_of(&good), None);
    let other_code = with(Code::Aborted, "there is no such resource", "NOT_FOUND");
    assert!(fault_of(&other_code).is_some_and(|fault| fault.contains("does not come with")));
    let leaky = with(Code::NotFound, "UNIQUE constraint failed: booking_hold", "NOT_FOUND");
    assert!(fault_of(&leaky).is_some_and(|fault| fault.contains("`constraint`")));
    let unknown = with(Code::NotFound, "", "NOBODY_KNOWS");
    assert!(fault_of(&unknown).is_some());
    let output =
        boxoffice_proto::POOL.get_message_by_name("boxoffice.booking.v1.HoldSeatsResponse");
    let internal = with(Code::Internal, "an internal fault; it was logged", "INTERNAL");
    assert!(unclear(&output.expect("it is there"), &Err(internal)).is_some());
}
