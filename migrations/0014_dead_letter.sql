-- Events that a consumer could not take. Times are microseconds since 1970-01-01 UTC.

-- Deliveries that have failed and are tried again.
create table store_delivery_failure (
    consumer text not null,
    message_id uuid not null,
    failure_count bigint not null,
    first_failure_time bigint not null,
    last_failure_time bigint not null,
    primary key (consumer, message_id)
);

-- Events that are kept aside for one consumer: what failed too often, and what follows it in its
-- aggregate. The inbox has them as seen, so that nobody but a replay delivers them.
create table store_dead_letter (
    dead_letter_id uuid not null primary key,
    consumer text not null,
    message_id uuid not null,
    -- Where it came from. The bus in the database has one partition and no offsets.
    topic text not null,
    topic_partition bigint not null,
    topic_offset bigint,
    context text not null,
    kind text not null,
    aggregate_id uuid not null,
    aggregate_version bigint not null,
    payload bytea not null,
    occur_time bigint not null,
    -- Why it failed last; empty when it only waits behind another.
    cause text not null,
    failure_count bigint not null,
    first_failure_time bigint,
    last_failure_time bigint,
    park_time bigint not null,
    -- PARKED, then REPLAYED or DISCARDED.
    state text not null,
    resolve_time bigint,
    -- Who replayed or discarded it, and for a discarded one why.
    resolved_by text not null,
    reason text not null,
    unique (consumer, message_id)
);

create index store_dead_letter_parked
    on store_dead_letter (consumer, aggregate_id, aggregate_version) where state = 'PARKED';
create index store_dead_letter_by_time on store_dead_letter (park_time, dead_letter_id);
