//! About money.

use super::{always, settled};
use crate::operations::invariants::Invariant;

/// The promises, in the order they are reported.
pub(super) const PROMISES: [Invariant; 11] = [
    always(
        "confirmed_booking_is_paid",
        "What was taken and not given back for a confirmed booking is the price of its places.",
        "select b.booking_id, 'net ' || cast(coalesce(m.net, 0) as text) from booking_booking b
        join (select booking_id, sum(case when return_time is null then price_minor else 0 end)
            as price from booking_place group by booking_id) p on p.booking_id = b.booking_id
        left join (select booking_id, sum(amount_minor - refunded_minor) as net
            from payment_payment where state = 'SUCCEEDED' group by booking_id) m
            on m.booking_id = b.booking_id
        where b.state = 'CONFIRMED' and coalesce(m.net, 0) <> p.price",
    ),
    always(
        "total_is_the_sum_of_prices",
        "A booking's total is the sum of its places' prices, which are their offers' prices.",
        "select b.booking_id, cast(b.total_minor as text) from booking_booking b
        left join booking_place p on p.booking_id = b.booking_id
        left join (select event_id, offer_id, price_minor from booking_offer
            union all select event_id, offer_id, price_minor from booking_ga_offer) o
            on o.event_id = p.event_id and o.offer_id = p.offer_id
        left join booking_event e on e.event_id = b.event_id and (e.on_sale or e.calling_off)
        group by b.booking_id, b.state, b.total_minor
        having b.total_minor <> coalesce(sum(p.price_minor), -1)
        or (count(e.event_id) > 0 and b.state = 'CONFIRMED'
            and coalesce(sum(p.price_minor), -1) <> coalesce(sum(o.price_minor), -2))",
    ),
    always(
        "payment_is_of_its_booking",
        "A payment's amount is its booking's total.",
        "select p.payment_id, p.state from payment_payment p
        left join booking_booking b on b.booking_id = p.booking_id
        where b.booking_id is null or p.amount_minor <> b.total_minor
        or p.currency_code <> b.currency_code",
    ),
    always(
        "action_while_it_is_required",
        "A payment names what its buyer has to do exactly while she has to.",
        "select payment_id, state from payment_payment
        where (state = 'REQUIRES_ACTION') <> (action_url <> '')",
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
    settled(
        "payment_owner_is_its_bookings",
        "A payment belongs to whom its booking belongs, also after a guest was taken over.",
        "select p.payment_id, p.session_id from payment_payment p
        join booking_booking b on b.booking_id = p.booking_id
        where p.session_id <> b.session_id and p.update_time < $1
        and not exists (select 1 from booking_takeover t
            where t.guest_session_id in (p.session_id, b.session_id))",
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
        "no_refund_overdue",
        "The gateway has given money back within 15 minutes.",
        "select refund_id, cause from payment_refund
        where state = 'PENDING' and create_time < $1 - 900000000",
    ),
    settled(
        "captured_money_has_a_home",
        "Money that was taken belongs to a confirmed booking or is given back.",
        "select p.payment_id, b.state from payment_payment p
        join booking_booking b on b.booking_id = p.booking_id
        where p.state = 'SUCCEEDED' and p.refunded_minor < p.amount_minor
        and p.update_time < $1 and b.update_time < $1
        and (b.state <> 'CONFIRMED' or b.paid_payment_id is null
            or b.paid_payment_id <> p.payment_id)",
    ),
];
