-- The inventory of published events, holds and bookings.

-- What booking knows of an event that is or was on sale. Prices are read here and nowhere else.
create table booking_event (
    event_id uuid not null primary key,
    organizer_id uuid not null,
    on_sale boolean not null,
    start_time bigint not null,
    currency_code text not null,
    hold_ttl_micros bigint not null,
    hold_life_max_micros bigint not null,
    places_per_buyer_max bigint not null
);

create table booking_offer (
    event_id uuid not null,
    offer_id uuid not null,
    section_id uuid not null,
    section_name text not null,
    name text not null,
    price_minor bigint not null check (price_minor >= 0),
    position bigint not null,
    primary key (event_id, offer_id)
);

-- One row a seat and event: the row that decides whose seat it is.
create table booking_seat (
    event_id uuid not null,
    seat_id uuid not null,
    offer_id uuid not null,
    row_label text not null,
    seat_label text not null,
    position bigint not null,
    state text not null check (state in ('AVAILABLE', 'HELD', 'CLAIMED', 'SOLD', 'BLOCKED')),
    -- Whose it is; set exactly while it is held, claimed or sold.
    session_id text,
    hold_id uuid,
    booking_id uuid,
    -- Raised by every change.
    version bigint not null,
    primary key (event_id, seat_id),
    check ((state in ('HELD', 'CLAIMED', 'SOLD')) = (session_id is not null)),
    check ((state = 'HELD') = (hold_id is not null)),
    check ((state in ('CLAIMED', 'SOLD')) = (booking_id is not null))
);

create index booking_seat_by_session on booking_seat (event_id, session_id)
    where session_id is not null;

create table booking_hold (
    hold_id uuid not null primary key,
    event_id uuid not null,
    session_id text not null,
    state text not null
        check (state in ('ACTIVE', 'FROZEN', 'USED', 'RELEASED', 'EXPIRED', 'LOST')),
    create_time bigint not null,
    expire_time bigint not null,
    expire_time_max bigint not null,
    version bigint not null
);

create index booking_hold_to_sweep on booking_hold (expire_time, hold_id) where state = 'ACTIVE';

create index booking_hold_by_session on booking_hold (event_id, session_id)
    where state = 'ACTIVE';

create table booking_hold_seat (
    hold_id uuid not null,
    seat_id uuid not null,
    event_id uuid not null,
    primary key (hold_id, seat_id)
);

create table booking_booking (
    booking_id uuid not null primary key,
    event_id uuid not null,
    hold_id uuid not null unique,
    session_id text not null,
    contact_email text not null,
    state text not null check (state in
        ('PENDING', 'AWAITING_PAYMENT', 'CONFIRMED', 'CANCELLED', 'FAILED', 'EXPIRED')),
    currency_code text not null,
    total_minor bigint not null check (total_minor >= 0),
    failed_payment_count bigint not null,
    failure_code text not null,
    -- The payment whose outcome is awaited.
    open_payment_id uuid,
    -- The payment that paid it.
    paid_payment_id uuid,
    pay_by_time bigint not null,
    -- Set once the time to pay is over and the outcome of a payment is awaited: until when.
    settle_by_time bigint,
    create_time bigint not null,
    update_time bigint not null,
    version bigint not null
);

create index booking_booking_by_session on booking_booking (session_id, create_time, booking_id);
create index booking_booking_to_sweep on booking_booking (pay_by_time, booking_id)
    where state in ('PENDING', 'AWAITING_PAYMENT');

create index booking_booking_to_settle on booking_booking (settle_by_time, booking_id)
    where settle_by_time is not null;

create table booking_place (
    booking_id uuid not null,
    seat_id uuid not null,
    event_id uuid not null,
    price_minor bigint not null,
    primary key (booking_id, seat_id)
);

-- Where the stream of an event's seat changes stands.
create table booking_feed (
    event_id uuid not null primary key,
    epoch bigint not null,
    revision bigint not null
);

-- The changes themselves, kept for a while for watchers that come back.
create table booking_seat_change (
    event_id uuid not null,
    revision bigint not null,
    seat_id uuid not null,
    state text not null,
    change_time bigint not null,
    primary key (event_id, revision, seat_id)
);

create index booking_seat_change_by_time on booking_seat_change (change_time);
