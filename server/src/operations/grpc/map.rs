//! What operators are answered, in its wire form.

use boxoffice_proto::operations::v1 as wire;

use crate::kernel::caller::Caller;
use crate::notification::domain::{Kind, Notification, NotificationState};
use crate::operations::dead_letters::ReplayOutcome;
use crate::operations::invariants::Verdict;
use crate::operations::status::{ConsumerStatus, Status};
use crate::payment::domain::comparison::{Difference, DifferenceKind};
use crate::payment::service::Comparison;
use crate::store::Engine;
use crate::store::dead_letter::{DeadLetter, DeadLetterState, Failures};
use crate::transport::parse::Fields;
use crate::transport::wire::{span, time};

/// What a server does. One process has every role so far.
const ROLES: [&str; 4] = ["api", "relay", "consumers", "sweeper"];

pub(super) fn result(verdict: Verdict) -> wire::InvariantResult {
    wire::InvariantResult {
        name: verdict.invariant.name.to_owned(),
        description: verdict.invariant.description.to_owned(),
        violation_count: verdict.finding.violation_count,
        examples: verdict.finding.examples,
        duration: Some(span(verdict.duration)),
    }
}

fn consumer(status: ConsumerStatus) -> wire::ConsumerStatus {
    wire::ConsumerStatus {
        consumer: status.consumer.to_owned(),
        failing_count: status.failing_count,
        parked_count: status.parked_count,
    }
}

pub(super) fn status(status: Status) -> wire::GetStatusResponse {
    let database = match status.engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    };
    wire::GetStatusResponse {
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        database: database.to_owned(),
        schema_version: status.schema_version,
        roles: ROLES.map(str::to_owned).to_vec(),
        start_time: Some(time(status.start_time)),
        outbox_count: status.outbox_count,
        outbox_age: status.outbox_age.map(span),
        consumers: status.consumers.into_iter().map(consumer).collect(),
        pending_notification_count: status.pending_notification_count,
        failed_notification_count: status.failed_notification_count,
    }
}

/// The state to list; parked unless it says otherwise.
pub(super) fn dead_letter_state(fields: &mut Fields, state: i32) -> Option<DeadLetterState> {
    use wire::dead_letter::State;
    match State::try_from(state) {
        Ok(State::Unspecified | State::Parked) => Some(DeadLetterState::Parked),
        Ok(State::Replayed) => Some(DeadLetterState::Replayed),
        Ok(State::Discarded) => Some(DeadLetterState::Discarded),
        Err(_) => fields.fault("state", "must be a state of a dead letter"),
    }
}

pub(super) fn dead_letter(letter: DeadLetter) -> wire::DeadLetter {
    use wire::dead_letter::State;
    let state = match letter.state {
        DeadLetterState::Parked => State::Parked,
        DeadLetterState::Replayed => State::Replayed,
        DeadLetterState::Discarded => State::Discarded,
    };
    let first = letter.failures.as_ref().map(|failures: &Failures| time(failures.first_time));
    let last = letter.failures.as_ref().map(|failures| time(failures.last_time));
    let (failure_count, cause) =
        letter.failures.map(|failures| (failures.count, failures.cause)).unwrap_or_default();
    wire::DeadLetter {
        dead_letter_id: letter.dead_letter_id.to_string(),
        state: state.into(),
        consumer: letter.consumer,
        event_id: letter.event.message_id.to_string(),
        r#type: letter.event.kind,
        aggregate_id: letter.event.aggregate_id.to_string(),
        aggregate_version: letter.event.aggregate_version,
        occur_time: Some(time(letter.event.occur_time)),
        topic: letter.topic,
        partition: letter.topic_partition,
        offset: letter.topic_offset,
        failure_count,
        cause,
        first_failure_time: first,
        last_failure_time: last,
        park_time: Some(time(letter.park_time)),
        resolve_time: letter.resolve_time.map(time),
        resolved_by: letter.resolved_by,
        reason: letter.reason,
    }
}

pub(super) fn replayed(outcome: ReplayOutcome) -> wire::ReplayDeadLettersResponse {
    wire::ReplayDeadLettersResponse {
        delivered_count: i64::try_from(outcome.delivered_count).unwrap_or(i64::MAX),
        parked_count: outcome.parked_count,
        failed: outcome.failed.into_iter().map(dead_letter).collect(),
    }
}

fn kind(kind: DifferenceKind) -> wire::ledger_difference::Kind {
    match kind {
        DifferenceKind::ChargeUnknown => wire::ledger_difference::Kind::ChargeUnknown,
        DifferenceKind::AmountDiffers => wire::ledger_difference::Kind::AmountDiffers,
        DifferenceKind::OutcomeMissed => wire::ledger_difference::Kind::OutcomeMissed,
        DifferenceKind::CaptureUnfounded => wire::ledger_difference::Kind::CaptureUnfounded,
        DifferenceKind::RefundUnknown => wire::ledger_difference::Kind::RefundUnknown,
        DifferenceKind::RefundMissed => wire::ledger_difference::Kind::RefundMissed,
        DifferenceKind::RefundUnfounded => wire::ledger_difference::Kind::RefundUnfounded,
        DifferenceKind::RefundOverdue => wire::ledger_difference::Kind::RefundOverdue,
    }
}

fn difference(difference: Difference) -> wire::LedgerDifference {
    wire::LedgerDifference {
        kind: kind(difference.kind).into(),
        payment_id: difference.payment_id.map(|id| id.to_string()).unwrap_or_default(),
        gateway_reference: difference.gateway_reference,
        detail: difference.detail,
        settled: difference.settled,
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn compared(compared: Comparison) -> wire::ReconcileResponse {
    wire::ReconcileResponse {
        charge_count: count(compared.charge_count),
        payment_count: count(compared.payment_count),
        difference_count: count(compared.difference_count),
        settled_count: count(compared.settled_count),
        differences: compared.differences.into_iter().map(difference).collect(),
        complete: compared.is_complete,
    }
}

/// The state to list; `None` for any.
pub(super) fn notification_state(
    fields: &mut Fields,
    state: i32,
) -> Option<Option<NotificationState>> {
    use wire::notification::State;
    match State::try_from(state) {
        Ok(State::Unspecified) => Some(None),
        Ok(State::Pending) => Some(Some(NotificationState::Pending)),
        Ok(State::Sent) => Some(Some(NotificationState::Sent)),
        Ok(State::Failed) => Some(Some(NotificationState::Failed)),
        Ok(State::Skipped) => Some(Some(NotificationState::Skipped)),
        Err(_) => fields.fault("state", "must be a state of a notification"),
    }
}

fn notification_kind(kind: Kind) -> wire::notification::Kind {
    use wire::notification::Kind as Wire;
    match kind {
        Kind::Welcome => Wire::Welcome,
        Kind::PasswordReset => Wire::PasswordReset,
        Kind::BookingConfirmed => Wire::BookingConfirmed,
        Kind::PaymentFailed => Wire::PaymentFailed,
        Kind::BookingFailed => Wire::BookingFailed,
        Kind::BookingExpired => Wire::BookingExpired,
        Kind::BookingCancelled => Wire::BookingCancelled,
        Kind::EventCancelled => Wire::EventCancelled,
        Kind::PlacesReturned => Wire::PlacesReturned,
        Kind::RefundSucceeded => Wire::RefundSucceeded,
    }
}

/// A notification as this caller may see it.
pub(super) fn notification(notification: Notification, caller: &Caller) -> wire::Notification {
    use wire::notification::State;
    let state = match notification.state {
        NotificationState::Pending => State::Pending,
        NotificationState::Sent => State::Sent,
        NotificationState::Failed => State::Failed,
        NotificationState::Skipped => State::Skipped,
    };
    let waits = notification.state == NotificationState::Pending;
    wire::Notification {
        notification_id: notification.notification_id.to_string(),
        kind: notification_kind(notification.kind).into(),
        state: state.into(),
        session_id: notification.session.to_string(),
        email: notification.email.0,
        booking_id: notification.booking_id.map(|id| id.to_string()).unwrap_or_default(),
        event_id: notification.message_id.to_string(),
        failure_count: i32::try_from(notification.failure_count).unwrap_or(i32::MAX),
        cause: if caller.is_admin() { notification.cause } else { String::new() },
        next_try_time: waits.then(|| time(notification.next_try_time)),
        create_time: Some(time(notification.create_time)),
        update_time: Some(time(notification.update_time)),
    }
}
