-- Venues and events as organizers describe them. What can be bought stands in booking's tables.

create table catalog_venue (
    venue_id uuid not null primary key,
    organizer_id uuid not null,
    name text not null,
    city text not null,
    country_code text not null,
    time_zone text not null,
    seat_count bigint not null,
    create_time bigint not null
);

create index catalog_venue_by_time on catalog_venue (create_time, venue_id);
create index catalog_venue_by_organizer on catalog_venue (organizer_id, create_time, venue_id);

create table catalog_section (
    section_id uuid not null primary key,
    venue_id uuid not null,
    name text not null,
    position bigint not null,
    unique (venue_id, name)
);

create table catalog_seat (
    seat_id uuid not null primary key,
    venue_id uuid not null,
    section_id uuid not null,
    row_label text not null,
    seat_label text not null,
    -- Counts through the whole venue: section by section, row by row, seat by seat.
    position bigint not null,
    unique (section_id, row_label, seat_label)
);

create index catalog_seat_by_venue on catalog_seat (venue_id, position);

create table catalog_event (
    event_id uuid not null primary key,
    venue_id uuid not null,
    organizer_id uuid not null,
    title text not null,
    description text not null,
    category text not null,
    category_key text not null,
    city_key text not null,
    -- Title, description, venue and city, folded for searching.
    search_key text not null,
    state text not null check (state in ('DRAFT', 'PUBLISHED', 'CANCELLED')),
    start_time bigint not null,
    end_time bigint not null,
    currency_code text not null,
    hold_ttl_micros bigint not null,
    hold_life_max_micros bigint not null,
    places_per_buyer_max bigint not null,
    create_time bigint not null,
    -- Raised by every change; the version of the aggregate in the outbox as well.
    version bigint not null,
    check (end_time > start_time)
);

create index catalog_event_on_sale on catalog_event (start_time, event_id)
    where state = 'PUBLISHED';
create index catalog_event_by_organizer on catalog_event (organizer_id, start_time, event_id);

create table catalog_offer (
    offer_id uuid not null primary key,
    event_id uuid not null,
    section_id uuid not null,
    name text not null,
    price_minor bigint not null check (price_minor >= 0),
    position bigint not null,
    unique (event_id, section_id)
);
