-- Tickets for places of every kind, the entries they gave, and what they tell of their event.

-- For a seat the place is the seat; the unique index of live tickets goes with it.
alter table ticket_ticket rename column seat_id to place_id;
-- Not set for general admission.
alter table ticket_ticket add column seat_id uuid;
-- The name of the offer it was sold by.
alter table ticket_ticket add column offer_name text not null default '';
-- Who let its holder in, and when; set once that happened, also when it became VOID afterwards.
alter table ticket_ticket add column gate text;
alter table ticket_ticket add column use_time bigint;
-- When its state last changed.
alter table ticket_ticket add column update_time bigint not null default 0;
update ticket_ticket set seat_id = place_id, update_time = create_time;

create index ticket_ticket_by_event on ticket_ticket (event_id, update_time, ticket_id);

-- What tickets tell of an event, and whose gates check them. Passed down when it is put on sale.
create table ticket_event (
    event_id uuid not null primary key,
    organizer_id uuid not null,
    title text not null,
    venue_name text not null,
    city text not null,
    time_zone text not null,
    start_time bigint not null
);

-- Events that were put on sale before this table was there.
insert into ticket_event (event_id, organizer_id, title, venue_name, city, time_zone, start_time)
    select e.event_id, e.organizer_id, e.title, v.name, v.city, v.time_zone, e.start_time
    from catalog_event e join catalog_venue v on v.venue_id = e.venue_id
    where e.state <> 'DRAFT';

-- Every entry that a gate gave, also those that it should not have given.
create table ticket_check_in (
    check_in_id uuid not null primary key,
    ticket_id uuid not null,
    event_id uuid not null,
    -- The place as people read it.
    place_label text not null,
    gate text not null,
    -- By the clock of the gate, if it was offline.
    entry_time bigint not null,
    -- When it was told to the server.
    create_time bigint not null,
    -- Who told it.
    session_id text not null,
    outcome text not null check (outcome in ('ADMITTED', 'DOUBLE_ENTRY', 'VOID_ENTRY'))
);

-- The last guard against two entries that both count.
create unique index ticket_check_in_admitted on ticket_check_in (ticket_id)
    where outcome = 'ADMITTED';
create index ticket_check_in_by_event on ticket_check_in (event_id, create_time, check_in_id);
