//! What scenarios say about refusals.

use std::fmt::Debug;

use boxoffice_sdk::{Code, Error, ErrorReason};

/// Asserts that a call was refused, with this code and for this reason.
#[track_caller]
pub fn refused<T: Debug>(answer: Result<T, Error>, code: Code, reason: ErrorReason) -> Error {
    let error = answer.expect_err("the call should be refused");
    assert_eq!((error.code(), error.reason()), (code, reason), "{error}");
    error
}

/// Asserts that seats were refused because others have them, and answers with those, sorted.
#[track_caller]
pub fn seats_taken<T: Debug>(answer: Result<T, Error>) -> Vec<String> {
    let error = refused(answer, Code::Aborted, ErrorReason::SeatsTaken);
    let mut seats: Vec<String> =
        error.conflicts().iter().map(|conflict| conflict.seat_id.clone()).collect();
    seats.sort_unstable();
    seats
}
