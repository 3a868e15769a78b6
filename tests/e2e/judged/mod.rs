//! The judge of histories: a right history of any length is right, and each way in which one can
//! be wrong is found.

mod kept;
mod platform;
mod refused;
mod spoiled;
mod synthetic;

use std::time::{Duration, Instant};

use boxoffice_tests::judge::judge;

/// How long a history of a million calls may take.
const JUDGED_MAX: Duration = Duration::from_secs(60);

#[test]
fn a_history_of_a_million_calls_is_judged_within_a_minute() {
    let synthetic = synthetic::sale(1_000_000, 7);
    let begun = Instant::now();
    let findings = judge(&synthetic.history, &synthetic.truth);
    let took = begun.elapsed();
    boxoffice_tests::tell!("{} calls were judged in {took:?}", synthetic.history.entries.len());
    assert!(findings.is_empty(), "{} findings, the first: {}", findings.len(), findings[0]);
    assert!(took < JUDGED_MAX, "it took {took:?}");
}
