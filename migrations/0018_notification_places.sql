-- Mails name the places that were given back.

-- Identifiers of places, separated by blanks; empty unless it is about some of a booking's.
alter table notification_notification add column place_ids text not null default '';
