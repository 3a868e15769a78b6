//! What operators need.

use std::time::Duration;

use boxoffice_sdk::operations::v1::{
    GetStatusRequest, GetStatusResponse, InvariantResult, ReconcileRequest, ReconcileResponse,
    VerifyInvariantsRequest,
};
use clap::Subcommand;

use crate::Shell;
use crate::dead_letters::DeadLetters;
use crate::event::proto_duration;
use crate::failure::Failure;
use crate::json;
use crate::notifications::Notifications;
use crate::output::{Paint, Report, Style, clean, push};
use crate::table::{Cell, Sheet, Table};
use crate::text::{parse_span, short, span, time};

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
    /// Compare the payment gateway's books with ours, both ways. Fails when an operator is needed.
    Reconcile {
        /// Compare only what has changed since the last comparison.
        #[arg(long)]
        only_changes: bool,
        /// Leave alone what changed less than this ago, e.g. 60s.
        #[arg(long, value_name = "SPAN", value_parser = parse_span)]
        settle: Option<Duration>,
    },
    /// Tell how the platform is. Fails when something waits for an operator.
    Status,
    /// Events that a consumer could not take.
    #[command(subcommand)]
    DeadLetters(DeadLetters),
    /// Mails to buyers and users.
    #[command(subcommand)]
    Notifications(Notifications),
}

impl Operations {
    /// Runs one of them.
    pub async fn run(self, shell: &Shell) -> Result<Report, Failure> {
        match self {
            Operations::Verify { settle } => {
                let settle = settle.map(proto_duration).transpose()?;
                let patient = shell.client.clone().with_deadline(VERIFY_DEADLINE);
                let request = VerifyInvariantsRequest { settle };
                let response = patient.verify_invariants(request).await?;
                Ok(report(&response.results, shell.output.style()))
            }
            Operations::Reconcile { only_changes, settle } => {
                let settle = settle.map(proto_duration).transpose()?;
                let patient = shell.client.clone().with_deadline(VERIFY_DEADLINE);
                let response = patient.reconcile(ReconcileRequest { only_changes, settle }).await?;
                Ok(comparison(&response, shell.output.style()))
            }
            Operations::Status => {
                let status = shell.client.get_status(GetStatusRequest {}).await?;
                Ok(status_report(&status, shell.output.style()))
            }
            Operations::DeadLetters(dead_letters) => dead_letters.run(shell).await,
            Operations::Notifications(notifications) => notifications.run(shell).await,
        }
    }
}

fn comparison(compared: &ReconcileResponse, style: Style) -> Report {
    let mut text = String::new();
    if !compared.differences.is_empty() {
        let mut table = Table::new(&["PAYMENT", "KIND", "SETTLED", "DETAIL"]);
        for difference in &compared.differences {
            let paint = if difference.settled { Paint::Green } else { Paint::Red };
            table.row([
                (&difference.payment_id).into(),
                short(difference.kind().as_str_name()).into(),
                Cell::painted(paint, if difference.settled { "yes" } else { "no" }),
                clean(&difference.detail).into(),
            ]);
        }
        text = table.render(style, 0) + "\n";
    }
    let open = compared.difference_count - compared.settled_count;
    let paint = if open == 0 { Paint::Green } else { Paint::Red };
    let verdict = format!(
        "{} charges of the gateway's and {} payments compared: {} differences, {open} for you.",
        compared.charge_count, compared.payment_count, compared.difference_count
    );
    push(&mut text, format_args!("{}\n", style.paint(paint, &verdict)));
    if !compared.complete {
        text += "The books are too long for one comparison; there is more.\n";
    }
    let mut report = Report::new(json::comparison(compared), text);
    report.failed = open != 0;
    report
}

fn status_report(status: &GetStatusResponse, style: Style) -> Report {
    let age = status.outbox_age.and_then(|age| Duration::try_from(age).ok());
    let waits = match age {
        Some(age) => format!("{} events, the oldest for {}", status.outbox_count, span(age)),
        None => "empty".to_owned(),
    };
    let sheet = Sheet::new(format!("Boxoffice {}", clean(&status.server_version)))
        .field("database", format!("{}, schema {}", status.database, status.schema_version))
        .field("roles", status.roles.join(", "))
        .field("started", time(status.start_time.as_ref()))
        .field("outbox", waits)
        .field("mails", mails(status));
    let mut table = Table::new(&["CONSUMER", ">FAILING", ">PARKED"]);
    for consumer in &status.consumers {
        let paint = if consumer.parked_count == 0 { Paint::Green } else { Paint::Red };
        table.row([
            (&consumer.consumer).into(),
            consumer.failing_count.to_string().into(),
            Cell::painted(paint, consumer.parked_count.to_string()),
        ]);
    }
    let text = format!("{}\n{}", sheet.render(style), table.render(style, 0));
    let mut report = Report::new(json::status(status), text);
    let parked = status.consumers.iter().any(|consumer| consumer.parked_count > 0);
    report.failed = parked || status.failed_notification_count > 0;
    match (parked, report.failed) {
        (true, _) => report.next("boxoffice ops dead-letters list"),
        (false, true) => report.next("boxoffice ops notifications list --state failed"),
        (false, false) => report,
    }
}

fn mails(status: &GetStatusResponse) -> Cell {
    let paint = if status.failed_notification_count == 0 { Paint::Plain } else { Paint::Red };
    let (pending, failed) = (status.pending_notification_count, status.failed_notification_count);
    Cell::painted(paint, format!("{pending} pending, {failed} failed"))
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
    use boxoffice_sdk::operations::v1::LedgerDifference;
    use boxoffice_sdk::operations::v1::ledger_difference::Kind;

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
    fn a_difference_that_was_not_settled_needs_the_operator() {
        let difference = |settled| LedgerDifference {
            kind: Kind::ChargeUnknown.into(),
            payment_id: "pay_1".to_owned(),
            detail: "we know nothing".to_owned(),
            settled,
            ..Default::default()
        };
        let compared = |settled| ReconcileResponse {
            charge_count: 3,
            payment_count: 2,
            difference_count: 1,
            settled_count: i64::from(settled),
            differences: vec![difference(settled)],
            complete: true,
        };
        let report = comparison(&compared(false), Style::new(false));
        let expected = "\
PAYMENT  KIND            SETTLED  DETAIL
pay_1    CHARGE_UNKNOWN  no       we know nothing

3 charges of the gateway's and 2 payments compared: 1 differences, 1 for you.
";
        assert_eq!(report.text, expected);
        assert!(report.failed && !comparison(&compared(true), Style::new(false)).failed);
    }

    #[test]
    fn only_a_check_that_was_made_is_good_news() {
        assert!(!report(&[result("seats_once", 0, &[])], Style::new(false)).failed);
        assert!(report(&[], Style::new(false)).failed);
    }
}
