//! The promises of the platform as SQL: every statement finds the rows that break one, so that no
//! row is the only good answer. A row is an id and a few words.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::ports::clock::Clock;
use crate::store::Store;

/// When an invariant holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At every instant.
    Always,
    /// Of rows that were left alone for a while; `$1` is the instant they must be older than.
    Settled,
}

/// One promise.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its name.
    pub name: &'static str,
    /// What it promises, in a sentence.
    pub description: &'static str,
    /// When it holds.
    pub when: When,
    /// Finds the rows that break it.
    pub broken_by: &'static str,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How many rows break it.
    pub violation_count: i64,
    /// Some of them.
    pub examples: Vec<String>,
}

/// What an invariant came to.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The promise.
    pub invariant: Invariant,
    /// What was found.
    pub finding: Finding,
    /// How long the check took.
    pub duration: Duration,
}

/// Checks every promise at one instant.
pub async fn verify(store: &Store, clock: &dyn Clock, settle: Duration) -> Result<Vec<Verdict>> {
    let mut tx = store.read().await?;
    let settled_before = clock.now() - settle;
    let mut verdicts = Vec::with_capacity(INVARIANTS.len());
    for invariant in INVARIANTS {
        let begun = Instant::now();
        let finding = tx.check(invariant, settled_before).await?;
        verdicts.push(Verdict { invariant: *invariant, finding, duration: begun.elapsed() });
    }
    Ok(verdicts)
}

const fn always(
    name: &'static str,
    description: &'static str,
    broken_by: &'static str,
) -> Invariant {
    Invariant { name, description, when: When::Always, broken_by }
}

const fn settled(
    name: &'static str,
    description: &'static str,
    broken_by: &'static str,
) -> Invariant {
    Invariant { name, description, when: When::Settled, broken_by }
}

/// Every promise, in the order it is reported.
pub const INVARIANTS: &[Invariant] = &[
    always(
        "held_seat_has_its_hold",
        "A held seat belongs to a hold that is alive, names it, and is of the same buyer.",
        "select s.seat_id, 'hold ' || coalesce(h.state, 'missing') from booking_seat s
        left join booking_hold h on h.hold_id = s.hold_id and h.session_id = s.session_id
            and h.event_id = s.event_id
        left join booking_hold_seat p on p.hold_id = s.hold_id and p.seat_id = s.seat_id
        where s.state = 'HELD' and (p.seat_id is null or h.hold_id is null
            or h.state not in ('ACTIVE', 'FROZEN'))",
    ),
    always(
        "live_hold_has_all_its_seats",
        "Every seat of a hold that is alive is held by it.",
        "select h.hold_id, 'seat ' || coalesce(s.state, 'missing') from booking_hold h
        join booking_hold_seat p on p.hold_id = h.hold_id
        left join booking_seat s on s.event_id = p.event_id and s.seat_id = p.seat_id
        where h.state in ('ACTIVE', 'FROZEN')
        and (s.hold_id is null or s.hold_id <> h.hold_id)",
    ),
    always(
        "claimed_seat_has_its_booking",
        "A claimed seat belongs to a booking that names it and awaits its money.",
        "select s.seat_id, 'booking ' || coalesce(b.state, 'missing') from booking_seat s
        left join booking_place p on p.booking_id = s.booking_id and p.seat_id = s.seat_id
        left join booking_booking b on b.booking_id = p.booking_id
            and b.session_id = s.session_id
        where s.state = 'CLAIMED' and (b.booking_id is null
            or not (b.state in ('PENDING', 'AWAITING_PAYMENT')
                or (b.state = 'CANCELLED' and b.open_payment_id is not null)))",
    ),
    always(
        "booking_has_all_its_seats",
        "An unpaid booking has claimed each of its seats, a confirmed one has bought each.",
        "select b.booking_id, b.state || ' seat ' || coalesce(s.state, 'missing')
        from booking_booking b join booking_place p on p.booking_id = b.booking_id
        left join booking_seat s on s.event_id = p.event_id and s.seat_id = p.seat_id
            and s.booking_id = b.booking_id
        where (b.state in ('PENDING', 'AWAITING_PAYMENT')
            and coalesce(s.state, '') <> 'CLAIMED')
        or (b.state = 'CONFIRMED' and coalesce(s.state, '') <> 'SOLD')
        or (b.state in ('FAILED', 'EXPIRED') and s.seat_id is not null)",
    ),
    always(
        "sold_seat_has_one_live_ticket",
        "A sold seat has exactly one live ticket, of the booking that bought it.",
        "select s.seat_id, 'tickets ' || cast(count(t.ticket_id) as text) from booking_seat s
        left join ticket_ticket t on t.event_id = s.event_id and t.seat_id = s.seat_id
            and t.booking_id = s.booking_id and t.session_id = s.session_id
            and t.state in ('VALID', 'USED')
        where s.state = 'SOLD' group by s.event_id, s.seat_id having count(t.ticket_id) <> 1",
    ),
    always(
        "live_ticket_has_its_seat",
        "A live ticket's seat is sold to the ticket's booking, and to it alone.",
        "select t.ticket_id, 'seat ' || coalesce(s.state, 'missing') from ticket_ticket t
        left join booking_seat s on s.event_id = t.event_id and s.seat_id = t.seat_id
            and s.booking_id = t.booking_id
        where t.state in ('VALID', 'USED') and coalesce(s.state, '') <> 'SOLD'",
    ),
    always(
        "seat_has_one_live_ticket",
        "No seat of an event has two live tickets.",
        "select seat_id, cast(count(*) as text) from ticket_ticket
        where state in ('VALID', 'USED') group by event_id, seat_id having count(*) > 1",
    ),
    always(
        "confirmed_booking_has_its_tickets",
        "A confirmed booking has a live ticket a place; any other has none.",
        "select b.booking_id, b.state || ' tickets ' || cast(count(t.ticket_id) as text)
        from booking_booking b
        join booking_place p on p.booking_id = b.booking_id
        left join ticket_ticket t on t.booking_id = p.booking_id and t.seat_id = p.seat_id
            and t.state in ('VALID', 'USED')
        group by b.booking_id, b.state
        having count(t.ticket_id) <> case when b.state = 'CONFIRMED' then count(*) else 0 end",
    ),
    always(
        "confirmed_booking_is_paid",
        "What was taken and not given back for a confirmed booking is its total.",
        "select b.booking_id, 'net ' || cast(coalesce(m.net, 0) as text) from booking_booking b
        left join (select booking_id, sum(amount_minor - refunded_minor) as net
            from payment_payment where state = 'SUCCEEDED' group by booking_id) m
            on m.booking_id = b.booking_id
        where b.state = 'CONFIRMED' and coalesce(m.net, 0) <> b.total_minor",
    ),
    always(
        "total_is_the_sum_of_prices",
        "A booking's total is the sum of its places' prices, which are their offers' prices.",
        "select b.booking_id, cast(b.total_minor as text) from booking_booking b
        left join booking_place p on p.booking_id = b.booking_id
        left join booking_seat s on s.event_id = p.event_id and s.seat_id = p.seat_id
        left join booking_offer o on o.event_id = s.event_id and o.offer_id = s.offer_id
        group by b.booking_id, b.total_minor
        having b.total_minor <> coalesce(sum(p.price_minor), -1)
        or coalesce(sum(p.price_minor), -1) <> coalesce(sum(o.price_minor), -2)",
    ),
    always(
        "payment_is_of_its_booking",
        "A payment's amount and owner are its booking's.",
        "select p.payment_id, p.state from payment_payment p
        left join booking_booking b on b.booking_id = p.booking_id
        where b.booking_id is null or p.amount_minor <> b.total_minor
        or p.currency_code <> b.currency_code or p.session_id <> b.session_id",
    ),
    always(
        "one_open_payment_a_booking",
        "No booking has two payments whose outcome is awaited.",
        "select booking_id, cast(count(*) as text) from payment_payment
        where state in ('PENDING', 'REQUIRES_ACTION', 'UNKNOWN')
        group by booking_id having count(*) > 1",
    ),
    always(
        "awaited_payment_is_open",
        "A booking awaits a payment exactly when it says so, and that payment is open.",
        "select b.booking_id, b.state || ' payment ' || coalesce(p.state, 'missing')
        from booking_booking b
        left join payment_payment p on p.payment_id = b.open_payment_id
            and p.booking_id = b.booking_id
        where (b.state = 'AWAITING_PAYMENT' and b.open_payment_id is null)
        or (b.state not in ('AWAITING_PAYMENT', 'CANCELLED') and b.open_payment_id is not null)
        or (b.open_payment_id is not null
            and coalesce(p.state, '') not in ('PENDING', 'REQUIRES_ACTION', 'UNKNOWN'))",
    ),
    always(
        "refunds_match_their_payment",
        "What a payment says was given back is the sum of its refunds, and never too much.",
        "select p.payment_id, cast(p.refunded_minor as text) from payment_payment p
        left join payment_refund r on r.payment_id = p.payment_id
        group by p.payment_id, p.refunded_minor, p.amount_minor, p.state
        having p.refunded_minor <> coalesce(sum(r.amount_minor), 0)
        or p.refunded_minor > p.amount_minor
        or (p.refunded_minor > 0 and p.state <> 'SUCCEEDED')",
    ),
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
        "The newest event of a booking or payment tells of its newest version.",
        "select a.id, 'version ' || cast(a.version as text) from (
            select booking_id as id, version from booking_booking
            union all select payment_id, version from payment_payment) a
        left join (select aggregate_id, max(aggregate_version) as version from (
            select aggregate_id, aggregate_version from store_outbox
            union all select aggregate_id, aggregate_version from store_event_log) e
            group by aggregate_id) told on told.aggregate_id = a.id
        where coalesce(told.version, 0) <> a.version",
    ),
    always(
        "feed_equals_the_seats",
        "The newest change of a seat in the feed is its state, and no change is beyond the feed.",
        "select c.seat_id, 'feed ' || c.state || ' seat ' || s.state
        from booking_seat_change c
        join (select event_id, seat_id, max(revision) as revision from booking_seat_change
            group by event_id, seat_id) newest on newest.event_id = c.event_id
            and newest.seat_id = c.seat_id and newest.revision = c.revision
        join booking_seat s on s.event_id = c.event_id and s.seat_id = c.seat_id
        join booking_feed f on f.event_id = c.event_id
        where c.state <> s.state or c.revision > f.revision",
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
    settled(
        "no_hold_past_its_time",
        "No hold is active after its time.",
        "select hold_id, state from booking_hold where state = 'ACTIVE' and expire_time < $1",
    ),
    settled(
        "no_booking_past_its_time",
        "No booking awaits its money after the time to pay, or to settle, is over.",
        "select booking_id, state from booking_booking
        where (state in ('PENDING', 'AWAITING_PAYMENT') or settle_by_time is not null)
        and coalesce(settle_by_time, pay_by_time) < $1",
    ),
    settled(
        "no_payment_forgotten",
        "The gateway is asked about every open payment, and for every refund, when it is due.",
        "select payment_id, state from payment_payment
        where state in ('PENDING', 'REQUIRES_ACTION', 'UNKNOWN')
        and coalesce(next_ask_time, update_time) < $1
        union all select refund_id, state from payment_refund
        where state = 'PENDING' and coalesce(next_ask_time, update_time) < $1",
    ),
    settled(
        "captured_money_has_a_home",
        "Money that was taken belongs to a confirmed booking or is given back.",
        "select p.payment_id, b.state from payment_payment p
        join booking_booking b on b.booking_id = p.booking_id
        where p.state = 'SUCCEEDED' and p.refunded_minor < p.amount_minor and p.update_time < $1
        and (b.state <> 'CONFIRMED' or b.paid_payment_id is null
            or b.paid_payment_id <> p.payment_id)",
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
            union all select 'payment.cancel_open_payments') c
        left join store_inbox i on i.consumer = c.consumer and i.message_id = e.message_id
        where e.publish_time < $1 and i.message_id is null",
    ),
];
