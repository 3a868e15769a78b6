//! About seats, general admission, holds and bookings.

use super::{always, settled};
use crate::operations::invariants::Invariant;

/// The promises, in the order they are reported.
pub(super) const PROMISES: [Invariant; 9] = [
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
        where p.seat_id is not null and (
            (b.state in ('PENDING', 'AWAITING_PAYMENT') and coalesce(s.state, '') <> 'CLAIMED')
            or (b.state = 'CONFIRMED' and p.return_time is null
                and coalesce(s.state, '') <> 'SOLD')
            or ((b.state in ('FAILED', 'EXPIRED') or p.return_time is not null)
                and s.seat_id is not null))",
    ),
    always(
        "general_admission_adds_up",
        "A GA offer counts exactly the places of its live holds and bookings.",
        "select g.offer_id, cast(g.held as text) || ' held ' || cast(g.claimed as text)
            || ' claimed ' || cast(g.sold as text) || ' sold'
        from booking_ga_offer g
        left join (select q.event_id, q.offer_id, sum(q.quantity) as held
            from booking_hold_quantity q join booking_hold h on h.hold_id = q.hold_id
            where h.state in ('ACTIVE', 'FROZEN') group by q.event_id, q.offer_id) h
            on h.event_id = g.event_id and h.offer_id = g.offer_id
        left join (select p.event_id, p.offer_id,
            sum(case when b.state = 'CONFIRMED' then 0 else 1 end) as claimed,
            sum(case when b.state = 'CONFIRMED' then 1 else 0 end) as sold
            from booking_place p join booking_booking b on b.booking_id = p.booking_id
            where p.seat_id is null and p.return_time is null
            and (b.state in ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED')
                or (b.state = 'CANCELLED' and b.open_payment_id is not null))
            group by p.event_id, p.offer_id) b
            on b.event_id = g.event_id and b.offer_id = g.offer_id
        where g.held <> coalesce(h.held, 0) or g.claimed <> coalesce(b.claimed, 0)
        or g.sold <> coalesce(b.sold, 0)",
    ),
    always(
        "feed_equals_the_seats",
        "The newest change of a seat or offer in the feed is how it is; none is beyond the feed.",
        "select c.subject_id, 'feed ' || coalesce(cast(c.available as text), c.state)
        from booking_seat_change c
        join (select event_id, subject_id, max(revision) as revision from booking_seat_change
            group by event_id, subject_id) newest on newest.event_id = c.event_id
            and newest.subject_id = c.subject_id and newest.revision = c.revision
        left join booking_seat s on s.event_id = c.event_id and s.seat_id = c.subject_id
        left join booking_ga_offer g on g.event_id = c.event_id and g.offer_id = c.subject_id
        join booking_feed f on f.event_id = c.event_id
        where c.revision > f.revision or (c.available is null and c.state <> s.state)
        or c.available <> g.quantity - g.held - g.claimed - g.sold - g.blocked",
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
        "no_work_of_events_left",
        "Bookings of events that were called off are cancelled, takeovers of guests are done.",
        "select b.booking_id, b.state from booking_booking b
        join booking_event e on e.event_id = b.event_id and e.calling_off
        where b.state in ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED') and b.update_time < $1
        union all select event_id, 'calling off' from booking_event
        where calling_off and not exists (select 1 from booking_booking b
            where b.event_id = booking_event.event_id and b.update_time >= $1)
        union all select b.booking_id, 'takeover' from booking_takeover t
        join booking_booking b on b.session_id = t.guest_session_id where t.request_time < $1",
    ),
];
