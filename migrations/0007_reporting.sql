-- Views built from events.

create table reporting_booking (
    booking_id uuid not null primary key,
    session_id text not null
);

create table reporting_booking_step (
    booking_id uuid not null,
    message_id uuid not null,
    kind text not null,
    subject_id text not null,
    occur_time bigint not null,
    -- Orders steps of one instant: causes before effects.
    rank bigint not null,
    detail text not null,
    primary key (booking_id, message_id)
);
