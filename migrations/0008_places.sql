-- General admission: places that are only counted. One row an offer decides how many are left.
create table booking_ga_offer (
    event_id uuid not null,
    offer_id uuid not null,
    name text not null,
    price_minor bigint not null check (price_minor >= 0),
    position bigint not null,
    quantity bigint not null check (quantity > 0),
    held bigint not null check (held >= 0),
    claimed bigint not null check (claimed >= 0),
    sold bigint not null check (sold >= 0),
    -- Off sale for good.
    blocked bigint not null check (blocked >= 0),
    version bigint not null,
    primary key (event_id, offer_id),
    check (held + claimed + sold + blocked <= quantity)
);

create table booking_hold_quantity (
    hold_id uuid not null,
    offer_id uuid not null,
    event_id uuid not null,
    quantity bigint not null check (quantity > 0),
    primary key (hold_id, offer_id)
);

-- The request that made a hold, so that a repeat is known however the hold was changed since.
alter table booking_hold add column body_hash bytea;

create index booking_hold_of_session on booking_hold (session_id, create_time, hold_id)
    where state = 'ACTIVE';

-- A booked place tells all of itself, whatever becomes of the inventory. A seat's place has the
-- seat's id, one of general admission an id of its own.
alter table booking_place rename column seat_id to place_id;
alter table booking_place add column seat_id uuid;
alter table booking_place add column offer_id uuid;
alter table booking_place add column offer_name text not null default '';
alter table booking_place add column section_name text not null default '';
alter table booking_place add column row_label text not null default '';
alter table booking_place add column seat_label text not null default '';
alter table booking_place add column position bigint not null default 0;
-- When it was given back, and its price with it.
alter table booking_place add column return_time bigint;

update booking_place set seat_id = place_id, offer_id = s.offer_id, offer_name = o.name,
    section_name = o.section_name, row_label = s.row_label, seat_label = s.seat_label,
    position = s.position
from booking_seat s
join booking_offer o on o.event_id = s.event_id and o.offer_id = s.offer_id
where s.event_id = booking_place.event_id and s.seat_id = booking_place.place_id;

-- How long before the start owners may cancel what they have paid.
alter table booking_event add column cancel_until_micros bigint not null default 86400000000;
-- Set when the event is called off, until each of its bookings is cancelled.
alter table booking_event add column calling_off boolean not null default false;

create index booking_event_calling_off on booking_event (event_id) where calling_off;

create index booking_booking_live on booking_booking (event_id, session_id, booking_id)
    where state in ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED');

-- A change is one of a seat, or of how many places of a GA offer are available.
alter table booking_seat_change rename column seat_id to subject_id;
alter table booking_seat_change add column available bigint;

-- Guests whose holds and bookings a user is to have, until all of them are moved.
create table booking_takeover (
    guest_session_id text not null primary key,
    user_session_id text not null,
    request_time bigint not null
);
