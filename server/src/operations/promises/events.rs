//! About what is told, and to whom; and about accounts.

use super::{always, settled};
use crate::operations::invariants::Invariant;

/// The promises, in the order they are reported.
pub(super) const PROMISES: [Invariant; 8] = [
    always(
        "event_versions_without_gap",
        "The events of an aggregate have the versions 1, 2, 3 … without a gap.",
        "select aggregate_id, cast(count(*) as text) from (
            select aggregate_id, aggregate_version from store_outbox
            union all select aggregate_id, aggregate_version from store_event_log) e
        group by aggregate_id
        having min(aggregate_version) <> 1 or max(aggregate_version) <> count(*)",
    ),
    always(
        "state_has_its_event",
        "The newest event of a booking, payment, ticket or user tells of its newest version.",
        "select a.id, 'version ' || cast(a.version as text) from (
            select booking_id as id, version from booking_booking
            union all select payment_id, version from payment_payment
            union all select ticket_id, version from ticket_ticket
            union all select user_id, version from identity_user) a
        left join (select aggregate_id, max(aggregate_version) as version from (
            select aggregate_id, aggregate_version from store_outbox
            union all select aggregate_id, aggregate_version from store_event_log) e
            group by aggregate_id) told on told.aggregate_id = a.id
        where coalesce(told.version, 0) <> a.version",
    ),
    always(
        "refresh_tokens_form_a_line",
        "A refresh token has at most one successor, and only once it was used.",
        "select c.family_id, 'successors ' || cast(count(*) as text)
        from identity_refresh_token c
        left join identity_refresh_token p on p.token_hash = c.parent_hash
        where c.parent_hash is not null
        group by c.family_id, c.parent_hash
        having count(*) > 1 or count(p.use_time) <> count(*)",
    ),
    always(
        "parked_events_keep_their_order",
        "No consumer has taken an event while an earlier one of its aggregate is parked for it.",
        "select p.message_id, p.consumer || ' ' || e.kind from store_dead_letter p
        join (select message_id, kind, aggregate_id, aggregate_version from store_outbox
            union all select message_id, kind, aggregate_id, aggregate_version
            from store_event_log) e on e.aggregate_id = p.aggregate_id
            and e.aggregate_version > p.aggregate_version
        join store_inbox i on i.consumer = p.consumer and i.message_id = e.message_id
        left join store_dead_letter later on later.consumer = p.consumer
            and later.message_id = e.message_id and later.state <> 'REPLAYED'
        where p.state = 'PARKED' and later.message_id is null",
    ),
    always(
        "taken_over_guest_has_its_user",
        "A guest that was taken over belongs to a user; what is to be told again was taken over.",
        "select g.guest_id, 'user ' || case when g.user_id is null then 'none' else 'missing' end
        from identity_guest g left join identity_user u on u.user_id = g.user_id
        where (g.user_id is not null or g.tell_again_time is not null) and u.user_id is null",
    ),
    settled(
        "committed_events_are_published",
        "Every committed event has left the outbox.",
        "select message_id, kind from store_outbox where occur_time < $1",
    ),
    settled(
        "published_events_are_consumed",
        "Every consumer has seen every published event.",
        "select e.message_id, e.kind || ' ' || c.consumer as consumer from store_event_log e
        cross join (select 'reporting.timeline' as consumer
            union all select 'payment.cancel_open_payments'
            union all select 'booking.take_over_guests'
            union all select 'notification.mails') c
        left join store_inbox i on i.consumer = c.consumer and i.message_id = e.message_id
        where e.publish_time < $1 and i.message_id is null",
    ),
    settled(
        "no_notification_forgotten",
        "Every mail that waits is tried when it is due.",
        "select notification_id, kind from notification_notification
        where state = 'PENDING' and next_try_time < $1 and lease_until < $1",
    ),
];
