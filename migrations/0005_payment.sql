-- Payments and refunds.

create table payment_payment (
    payment_id uuid not null primary key,
    booking_id uuid not null,
    event_id uuid not null,
    session_id text not null,
    state text not null check (state in
        ('PENDING', 'SUCCEEDED', 'FAILED', 'REQUIRES_ACTION', 'UNKNOWN', 'CANCELED')),
    currency_code text not null,
    amount_minor bigint not null check (amount_minor > 0),
    payment_token text not null,
    failure_code text not null,
    gateway_reference text not null,
    refunded_minor bigint not null check (refunded_minor between 0 and amount_minor),
    -- How often the gateway was asked without an answer, and when it is asked next while open.
    ask_count bigint not null,
    next_ask_time bigint,
    create_time bigint not null,
    update_time bigint not null,
    version bigint not null
);

-- One open payment a booking.
create unique index payment_payment_open on payment_payment (booking_id)
    where state in ('PENDING', 'REQUIRES_ACTION', 'UNKNOWN');
create index payment_payment_by_booking on payment_payment (booking_id, create_time);
create index payment_payment_to_ask on payment_payment (next_ask_time)
    where next_ask_time is not null;

create table payment_refund (
    refund_id uuid not null primary key,
    payment_id uuid not null,
    booking_id uuid not null,
    event_id uuid not null,
    state text not null check (state in ('PENDING', 'SUCCEEDED')),
    currency_code text not null,
    amount_minor bigint not null check (amount_minor > 0),
    cause text not null,
    ask_count bigint not null,
    next_ask_time bigint,
    create_time bigint not null,
    update_time bigint not null
);

create index payment_refund_by_payment on payment_refund (payment_id);
create index payment_refund_to_ask on payment_refund (next_ask_time)
    where next_ask_time is not null;
