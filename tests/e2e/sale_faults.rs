//! Faults of seats, holds and bookings, as somebody could make them by hand.

use crate::invariants::{Fault, fault};

/// Of seats and places without numbers.
pub const SEAT_FAULTS: [Fault; 10] = [
    fault(
        &["live_ticket_has_its_seat", "booking_has_all_its_seats"],
        "booking_seat",
        "update booking_seat set state = 'AVAILABLE', session_id = null, booking_id = null
            where state = 'SOLD'",
    ),
    fault(
        &["booking_has_all_its_seats"],
        "booking_seat",
        "update booking_seat set state = 'AVAILABLE', session_id = null, booking_id = null
            where state = 'CLAIMED'",
    ),
    fault(
        &["live_hold_has_all_its_seats"],
        "booking_seat",
        "update booking_seat set state = 'AVAILABLE', session_id = null, hold_id = null
            where state = 'HELD'",
    ),
    fault(
        &["claimed_seat_has_its_booking"],
        "booking_seat",
        "update booking_seat set session_id = 'gst_somebody' where state = 'CLAIMED'",
    ),
    fault(
        &["sold_seat_has_one_live_ticket"],
        "booking_seat",
        "update booking_seat set session_id = 'gst_somebody' where state = 'SOLD'",
    ),
    fault(
        &["general_admission_adds_up", "feed_equals_the_seats"],
        "booking_ga_offer",
        "update booking_ga_offer set sold = sold - 1 where sold > 0",
    ),
    fault(
        &["general_admission_adds_up"],
        "booking_hold_quantity",
        "update booking_hold_quantity set quantity = quantity + 1",
    ),
    fault(
        &["feed_equals_the_seats"],
        "booking_seat_change",
        "update booking_seat_change set available = available + 1 where available is not null",
    ),
    fault(
        &["feed_equals_the_seats"],
        "booking_feed",
        "update booking_feed set revision = revision - 1",
    ),
    fault(
        &["feed_equals_the_seats"],
        "booking_seat_change",
        "update booking_seat_change set state = 'AVAILABLE' where state = 'SOLD'",
    ),
];

/// Of holds and bookings.
pub const BOOKING_FAULTS: [Fault; 15] = [
    fault(
        &["held_seat_has_its_hold"],
        "booking_hold",
        "update booking_hold set state = 'RELEASED' where state = 'ACTIVE'",
    ),
    fault(
        &["no_hold_past_its_time"],
        "booking_hold",
        "update booking_hold set expire_time = 1 where state = 'ACTIVE'",
    ),
    fault(
        &["claimed_seat_has_its_booking", "booking_has_all_its_seats"],
        "booking_booking",
        "update booking_booking set state = 'EXPIRED' where state = 'PENDING'",
    ),
    fault(
        &["no_booking_past_its_time"],
        "booking_booking",
        "update booking_booking set pay_by_time = 1 where state = 'PENDING'",
    ),
    fault(
        &["total_is_the_sum_of_prices", "payment_is_of_its_booking"],
        "booking_booking",
        "update booking_booking set total_minor = total_minor - 1 where state = 'CONFIRMED'",
    ),
    fault(
        &["total_is_the_sum_of_prices"],
        "booking_place",
        "update booking_place set price_minor = 0",
    ),
    fault(
        &["awaited_payment_is_open"],
        "booking_booking",
        "update booking_booking set open_payment_id = paid_payment_id where state = 'CONFIRMED'",
    ),
    fault(
        &["captured_money_has_a_home"],
        "booking_booking",
        "update booking_booking set paid_payment_id = null where state = 'CONFIRMED'",
    ),
    fault(
        &["state_has_its_event"],
        "booking_booking",
        "update booking_booking set version = version + 1 where state = 'CONFIRMED'",
    ),
    fault(
        &["payment_is_of_its_booking"],
        "booking_booking",
        "delete from booking_booking where state = 'CONFIRMED'",
    ),
    fault(
        &["confirmed_booking_has_its_tickets", "captured_money_has_a_home"],
        "booking_booking",
        "update booking_booking set state = 'CANCELLED' where state = 'CONFIRMED'",
    ),
    fault(
        &["total_is_the_sum_of_prices", "claimed_seat_has_its_booking"],
        "booking_place",
        "delete from booking_place",
    ),
    fault(
        &["live_ticket_has_its_place", "booking_has_all_its_seats", "confirmed_booking_is_paid"],
        "booking_place",
        "update booking_place set return_time = 1",
    ),
    fault(
        &["no_work_of_events_left"],
        "booking_event",
        "update booking_event set calling_off = true",
    ),
    fault(&["held_seat_has_its_hold"], "booking_hold_seat", "delete from booking_hold_seat"),
];
