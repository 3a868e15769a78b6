-- The whole catalog: what changes, what is found by tags, general admission, blocked seats.

-- Raised by every change.
alter table catalog_venue add column version bigint not null default 1;

-- Separated by line breaks, as they were given.
alter table catalog_event add column tags text not null default '';
-- Folded for comparison, a line break before and after each.
alter table catalog_event add column tags_key text not null default '';
alter table catalog_event add column image_url text not null default '';
-- How long before the start owners may cancel what they have paid; a day unless it was set.
alter table catalog_event add column cancel_until_micros bigint not null default 86400000000;
-- Whether its end was noticed. Lists look at end_time; this keeps what is over out of their index.
alter table catalog_event add column is_over boolean not null default false;

drop index catalog_event_on_sale;
create index catalog_event_on_sale on catalog_event (start_time, event_id)
    where state = 'PUBLISHED' and not is_over;
create index catalog_event_on_sale_by_organizer
    on catalog_event (organizer_id, start_time, event_id)
    where state = 'PUBLISHED' and not is_over;
create index catalog_event_to_sweep on catalog_event (end_time, event_id)
    where not is_over;
create index catalog_event_by_venue on catalog_event (venue_id, end_time);

-- Offers of general admission have no section.
alter table catalog_offer rename to catalog_seat_offer;
create table catalog_offer (
    offer_id uuid not null primary key,
    event_id uuid not null,
    -- The section whose seats it sells; null for general admission.
    section_id uuid,
    -- How many places of general admission there are; null for seats.
    quantity bigint check (quantity > 0),
    name text not null,
    price_minor bigint not null check (price_minor >= 0),
    position bigint not null,
    unique (event_id, section_id),
    check ((section_id is null) <> (quantity is null))
);
insert into catalog_offer (offer_id, event_id, section_id, name, price_minor, position)
    select offer_id, event_id, section_id, name, price_minor, position from catalog_seat_offer;
drop table catalog_seat_offer;

-- Seats of drafts that are not to be sold; booking has those of events on sale.
create table catalog_blocked_seat (
    event_id uuid not null,
    seat_id uuid not null,
    primary key (event_id, seat_id)
);
