//! About tickets.

use super::always;
use crate::operations::invariants::Invariant;

/// The promises, in the order they are reported.
pub(super) const PROMISES: [Invariant; 9] = [
    always(
        "sold_seat_has_one_live_ticket",
        "A sold seat has exactly one live ticket, of the booking that bought it.",
        "select s.seat_id, 'tickets ' || cast(count(t.ticket_id) as text) from booking_seat s
        left join ticket_ticket t on t.event_id = s.event_id and t.place_id = s.seat_id
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
        where t.state in ('VALID', 'USED') and t.seat_id is not null
        and coalesce(s.state, '') <> 'SOLD'",
    ),
    always(
        "live_ticket_has_its_place",
        "A live ticket is of a place that belongs to a confirmed booking of the ticket's owner.",
        "select t.ticket_id, coalesce(b.state, 'no booking') from ticket_ticket t
        left join booking_place p on p.booking_id = t.booking_id and p.place_id = t.place_id
            and p.return_time is null
        left join booking_booking b on b.booking_id = p.booking_id
            and b.session_id = t.session_id
        where t.state in ('VALID', 'USED') and coalesce(b.state, '') <> 'CONFIRMED'",
    ),
    always(
        "place_has_one_live_ticket",
        "No place of an event has two live tickets.",
        "select place_id, cast(count(*) as text) from ticket_ticket
        where state in ('VALID', 'USED') group by event_id, place_id having count(*) > 1",
    ),
    always(
        "confirmed_booking_has_its_tickets",
        "A confirmed booking has a live ticket a place; any other has none.",
        "select b.booking_id, b.state || ' tickets ' || cast(count(t.ticket_id) as text)
        from booking_booking b
        join booking_place p on p.booking_id = b.booking_id
        left join ticket_ticket t on t.booking_id = p.booking_id and t.place_id = p.place_id
            and t.state in ('VALID', 'USED')
        group by b.booking_id, b.state
        having count(t.ticket_id) <> sum(case
            when b.state = 'CONFIRMED' and p.return_time is null then 1 else 0 end)",
    ),
    always(
        "used_ticket_has_its_entry",
        "A used ticket has the entry that it names; one that nobody entered with has none.",
        "select t.ticket_id, t.state || ' entry ' || coalesce(c.gate, 'missing')
        from ticket_ticket t
        left join ticket_check_in c on c.ticket_id = t.ticket_id and c.event_id = t.event_id
            and c.outcome = 'ADMITTED'
        where (t.state = 'USED' and c.check_in_id is null)
        or (t.state = 'VALID' and c.check_in_id is not null)
        or coalesce(c.gate, '') <> coalesce(t.gate, '')
        or coalesce(c.entry_time, 0) <> coalesce(t.use_time, 0)",
    ),
    always(
        "ticket_admits_once",
        "No ticket has two entries that count.",
        "select ticket_id, cast(count(*) as text) from ticket_check_in
        where outcome = 'ADMITTED' group by ticket_id having count(*) > 1",
    ),
    always(
        "refused_entry_has_its_cause",
        "A double entry comes after the one that counts; a void entry was with a void ticket.",
        "select e.check_in_id, e.outcome || ' ticket ' || coalesce(t.state, 'missing')
        from ticket_check_in e
        left join ticket_ticket t on t.ticket_id = e.ticket_id
        left join ticket_check_in c on c.ticket_id = e.ticket_id and c.outcome = 'ADMITTED'
            and c.entry_time <= e.entry_time
        where t.ticket_id is null
        or (e.outcome = 'DOUBLE_ENTRY' and c.check_in_id is null)
        or (e.outcome = 'VOID_ENTRY' and t.state <> 'VOID')",
    ),
    always(
        "ticket_has_its_event",
        "Every ticket can tell what it is for.",
        "select t.ticket_id, 'event missing' from ticket_ticket t
        left join ticket_event e on e.event_id = t.event_id where e.event_id is null",
    ),
];
