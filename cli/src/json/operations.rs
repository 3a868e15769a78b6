//! What operators see.

use boxoffice_sdk::operations::v1::{
    DeadLetter, GetStatusResponse, InvariantResult, LedgerDifference, Notification,
    ReconcileResponse, ReplayDeadLettersResponse,
};
use serde_json::{Value, json};

use super::{duration, list, time};
use crate::text::short;

fn difference(difference: &LedgerDifference) -> Value {
    json!({
        "kind": short(difference.kind().as_str_name()),
        "payment_id": difference.payment_id,
        "gateway_reference": difference.gateway_reference,
        "detail": difference.detail,
        "settled": difference.settled,
    })
}

/// A comparison of the gateway's books with the platform's.
pub fn comparison(compared: &ReconcileResponse) -> Value {
    json!({
        "charge_count": compared.charge_count,
        "payment_count": compared.payment_count,
        "difference_count": compared.difference_count,
        "settled_count": compared.settled_count,
        "differences": list(&compared.differences, difference),
        "complete": compared.complete,
    })
}

/// What an invariant found.
pub fn invariant(result: &InvariantResult) -> Value {
    json!({
        "name": result.name,
        "description": result.description,
        "violation_count": result.violation_count,
        "examples": result.examples,
        "duration": duration(result.duration.as_ref()),
    })
}

/// How the platform is.
pub fn status(status: &GetStatusResponse) -> Value {
    let consumers = list(&status.consumers, |consumer| {
        json!({
            "consumer": consumer.consumer,
            "failing_count": consumer.failing_count,
            "parked_count": consumer.parked_count,
        })
    });
    json!({
        "server_version": status.server_version,
        "database": status.database,
        "schema_version": status.schema_version,
        "roles": status.roles,
        "start_time": time(status.start_time.as_ref()),
        "outbox_count": status.outbox_count,
        "outbox_age": duration(status.outbox_age.as_ref()),
        "consumers": consumers,
        "pending_notification_count": status.pending_notification_count,
        "failed_notification_count": status.failed_notification_count,
    })
}

/// An event that a consumer could not take.
pub fn dead_letter(letter: &DeadLetter) -> Value {
    json!({
        "dead_letter_id": letter.dead_letter_id,
        "state": short(letter.state().as_str_name()),
        "consumer": letter.consumer,
        "event_id": letter.event_id,
        "type": letter.r#type,
        "aggregate_id": letter.aggregate_id,
        "aggregate_version": letter.aggregate_version,
        "occur_time": time(letter.occur_time.as_ref()),
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "failure_count": letter.failure_count,
        "cause": letter.cause,
        "first_failure_time": time(letter.first_failure_time.as_ref()),
        "last_failure_time": time(letter.last_failure_time.as_ref()),
        "park_time": time(letter.park_time.as_ref()),
        "resolve_time": time(letter.resolve_time.as_ref()),
        "resolved_by": letter.resolved_by,
        "reason": letter.reason,
    })
}

/// What came of a replay.
pub fn replayed(answer: &ReplayDeadLettersResponse) -> Value {
    json!({
        "delivered_count": answer.delivered_count,
        "parked_count": answer.parked_count,
        "failed": list(&answer.failed, dead_letter),
    })
}

/// A mail.
pub fn notification(notification: &Notification) -> Value {
    json!({
        "notification_id": notification.notification_id,
        "kind": short(notification.kind().as_str_name()),
        "state": short(notification.state().as_str_name()),
        "session_id": notification.session_id,
        "email": notification.email,
        "booking_id": notification.booking_id,
        "event_id": notification.event_id,
        "failure_count": notification.failure_count,
        "cause": notification.cause,
        "next_try_time": time(notification.next_try_time.as_ref()),
        "create_time": time(notification.create_time.as_ref()),
        "update_time": time(notification.update_time.as_ref()),
    })
}
