//! What operators need.

use std::time::Duration;

use boxoffice_sdk::operations::v1::{InvariantResult, VerifyInvariantsRequest};
use clap::Subcommand;

use crate::Shell;
use crate::event::proto_duration;
use crate::failure::Failure;
use crate::json;
use crate::output::{Paint, Report, Style, clean, push};
use crate::table::{Cell, Table};
use crate::text::parse_span;

/// Every invariant is a query over whole tables, which may take longer than a sale's calls should.
const VERIFY_DEADLINE: Duration = Duration::from_secs(300);

/// `ops`.
#[derive(Subcommand)]
pub enum Operations {
    /// Check the promises of the platform over the real tables. Fails when one is broken.
    Verify {
        /// Leave unfinished work alone that is younger than this, e.g. 30s.
        #[arg(long, value_name = "SPAN", value_parser = parse_span)]
        settle: Option<Duration>,
    },
}

impl Operations {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        let Operations::Verify { settle } = self;
        let settle = settle.map(proto_duration).transpose()?;
        let patient = shell.client.clone().with_deadline(VERIFY_DEADLINE);
        let response = patient.verify_invariants(VerifyInvariantsRequest { settle }).await?;
        Ok(report(&response.results, shell.output.style()))
    }
}

fn report(results: &[InvariantResult], style: Style) -> Report {
    let mut table = Table::new(&["INVARIANT", ">VIOLATIONS", ">TIME"]);
    for result in results {
        let paint = if result.violation_count == 0 { Paint::Green } else { Paint::Red };
        table.row([
            (&result.name).into(),
            Cell::painted(paint, result.violation_count.to_string()),
            milliseconds(result).into(),
        ]);
    }
    let broken: Vec<&InvariantResult> =
        results.iter().filter(|result| result.violation_count != 0).collect();
    let mut text = table.render(style, 0);
    for result in &broken {
        let name = style.paint(Paint::Red, &clean(&result.name));
        push(&mut text, format_args!("\n{name}: {}\n", clean(&result.description)));
        for example in &result.examples {
            push(&mut text, format_args!("  {}\n", clean(example)));
        }
    }
    // No result is no proof: a server that checks nothing has not kept its promises.
    let failed = !broken.is_empty() || results.is_empty();
    let (paint, verdict) = match (results.len(), broken.len()) {
        (0, _) => (Paint::Red, "The server checked nothing.".to_owned()),
        (all, 0) => (Paint::Green, format!("All {all} invariants hold.")),
        (all, broken) => (Paint::Red, format!("{broken} of {all} invariants are broken.")),
    };
    push(&mut text, format_args!("\n{}\n", style.paint(paint, &verdict)));
    let mut report = Report::new(json::list(results, json::invariant), text);
    report.failed = failed;
    report
}

fn milliseconds(result: &InvariantResult) -> String {
    let taken = result.duration.and_then(|taken| Duration::try_from(taken).ok());
    taken.map_or_else(|| "-".to_owned(), |taken| format!("{:.1} ms", taken.as_secs_f64() * 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(name: &str, violation_count: i64, examples: &[&str]) -> InvariantResult {
        InvariantResult {
            name: name.to_owned(),
            description: "A promise.".to_owned(),
            violation_count,
            examples: examples.iter().map(|example| (*example).to_owned()).collect(),
            duration: Some(boxoffice_sdk::Duration { seconds: 0, nanos: 1_500_000 }),
        }
    }

    #[test]
    fn a_broken_invariant_fails_and_lists_its_examples() {
        let results = [result("seats_once", 0, &[]), result("money_kept", 2, &["pay_1", "pay_2"])];
        let report = report(&results, Style::new(false));
        let expected = "\
INVARIANT   VIOLATIONS    TIME
seats_once           0  1.5 ms
money_kept           2  1.5 ms

money_kept: A promise.
  pay_1
  pay_2

1 of 2 invariants are broken.
";
        assert_eq!(report.text, expected);
        assert!(report.failed);
    }

    #[test]
    fn only_a_check_that_was_made_is_good_news() {
        assert!(!report(&[result("seats_once", 0, &[])], Style::new(false)).failed);
        assert!(report(&[], Style::new(false)).failed);
    }
}
