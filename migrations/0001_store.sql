-- What every context needs of the store. Times are microseconds since 1970-01-01 UTC.

-- Events that have not left yet. The oldest of each aggregate leaves first.
create table store_outbox (
    message_id uuid not null primary key,
    context text not null,
    kind text not null,
    aggregate_id uuid not null,
    aggregate_version bigint not null,
    payload bytea not null,
    occur_time bigint not null,
    -- Whose turn it is to send it, and until when; the lease makes a relay that was paused
    -- harmless.
    lease_id uuid,
    lease_until bigint not null default 0,
    failure_count bigint not null default 0,
    unique (aggregate_id, aggregate_version)
);

create index store_outbox_by_time on store_outbox (occur_time, message_id);
create index store_outbox_by_lease on store_outbox (lease_id) where lease_id is not null;

-- Events that have left, for good: read models are rebuilt from here.
create table store_event_log (
    message_id uuid not null primary key,
    context text not null,
    kind text not null,
    aggregate_id uuid not null,
    aggregate_version bigint not null,
    payload bytea not null,
    occur_time bigint not null,
    publish_time bigint not null,
    unique (aggregate_id, aggregate_version)
);

-- Which consumer has seen which event.
create table store_inbox (
    consumer text not null,
    message_id uuid not null,
    -- When the event happened.
    occur_time bigint not null,
    primary key (consumer, message_id)
);

-- Request ids that had an effect.
create table store_request (
    session_id text not null,
    method text not null,
    request_id uuid not null,
    body_hash bytea not null,
    resource_id uuid not null,
    create_time bigint not null,
    primary key (session_id, method, request_id)
);

create index store_request_by_time on store_request (create_time);
