-- Actions of the buyer, webhooks, refunds in parts, and the comparison with the gateway's books.

alter table payment_payment add column method text not null default 'CARD';
-- Where the buyer has to do something more, and what that gave; empty while there is nothing.
alter table payment_payment add column action_url text not null default '';
alter table payment_payment add column action_answer text not null default '';

create index payment_payment_by_session on payment_payment (session_id, create_time, payment_id);

-- What was taken is compared with the gateway's books in this order.
create index payment_payment_captured on payment_payment (create_time, payment_id)
    where state = 'SUCCEEDED';

-- What whoever asked for it says about it.
alter table payment_refund add column reason text not null default '';

-- Webhooks that were taken in, so that one that comes again has no second effect.
create table payment_webhook_event (
    gateway text not null,
    notice_id text not null,
    kind text not null,
    payment_id uuid not null,
    receive_time bigint not null,
    primary key (gateway, notice_id)
);

create index payment_webhook_event_by_time on payment_webhook_event (receive_time);

-- Up to which of its changes a gateway's books were compared with ours.
create table payment_comparison (
    gateway text not null primary key,
    position bigint not null,
    compare_time bigint not null
);
