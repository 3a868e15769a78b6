-- The last of our payments that was looked up in a gateway's books; nothing when the next is the
-- first of all.

alter table payment_comparison add column captured_time bigint;
alter table payment_comparison add column captured_id uuid;
