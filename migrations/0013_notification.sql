-- Mails to buyers and users, from the event that caused each until it is on its way.
-- Times are microseconds since 1970-01-01 UTC.

create table notification_notification (
    notification_id uuid not null primary key,
    kind text not null,
    -- The event that caused it.
    message_id uuid not null,
    -- Whom it concerns, and the address that was known then.
    session_id text not null,
    email text not null,
    booking_id uuid,
    reset_id uuid,
    -- Money that is given back.
    amount_minor bigint,
    currency_code text,
    failure_code text not null,
    -- PENDING, then SENT, FAILED or SKIPPED.
    state text not null,
    failure_count bigint not null,
    -- Why it could not be sent the last time; empty if it could.
    cause text not null,
    -- When to try, while it is PENDING; and until when somebody is trying.
    next_try_time bigint not null,
    lease_until bigint not null,
    create_time bigint not null,
    update_time bigint not null,
    unique (kind, message_id)
);

create index notification_notification_due
    on notification_notification (next_try_time) where state = 'PENDING';
create index notification_notification_by_time
    on notification_notification (create_time, notification_id);
create index notification_notification_by_booking on notification_notification (booking_id);
create index notification_notification_by_session on notification_notification (session_id);

-- What happened before there were mails is not told any more.
insert into store_inbox (consumer, message_id, occur_time)
    select 'notification.mails', message_id, occur_time from store_event_log;
