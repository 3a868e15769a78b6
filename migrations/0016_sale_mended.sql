-- What is told of events that were called off, and what the sale looks for.

-- Whether it is or was on sale, so that everybody may know of it. Booking knows every event that
-- ever was.
alter table catalog_event add column was_published boolean not null default false;
update catalog_event set was_published = true
    where event_id in (select event_id from booking_event);

-- What is left is counted from this index alone, without a look at any seat.
create index booking_seat_by_state on booking_seat (event_id, offer_id, state);

-- Holds of one event whose time is over: whoever wants places of it ends them first.
create index booking_hold_overdue on booking_hold (event_id, expire_time, hold_id)
    where state = 'ACTIVE';

-- Places of cancelled bookings stay claimed, and count for their buyer, until the payment that was
-- open is settled.
create index booking_booking_cancelled_open on booking_booking (event_id, session_id)
    where state = 'CANCELLED' and open_payment_id is not null;
