-- Tickets: the right of entry, one a place.

create table ticket_ticket (
    ticket_id uuid not null primary key,
    booking_id uuid not null,
    event_id uuid not null,
    seat_id uuid not null,
    session_id text not null,
    section_name text not null,
    row_label text not null,
    seat_label text not null,
    state text not null check (state in ('VALID', 'USED', 'VOID')),
    create_time bigint not null,
    version bigint not null
);

-- The last guard against selling a seat twice.
create unique index ticket_ticket_live on ticket_ticket (event_id, seat_id)
    where state in ('VALID', 'USED');
create index ticket_ticket_by_booking on ticket_ticket (booking_id);
create index ticket_ticket_by_session on ticket_ticket (session_id, create_time, ticket_id);
