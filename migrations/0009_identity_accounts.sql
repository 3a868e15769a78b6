-- What accounts need beyond signing in: verified addresses, forgotten passwords, other backends,
-- guests who become users, and a look at who did what.

-- When the user showed that the address is hers.
alter table identity_user add column email_verify_time bigint;

-- The service account that opened the session, and what it calls its buyer.
alter table identity_guest add column service_account_id uuid;
alter table identity_guest add column external_reference text;
-- Who has taken the guest over.
alter table identity_guest add column user_id uuid;
-- When the taking over is told once more, after the guest's last access token has expired.
alter table identity_guest add column tell_again_time bigint;

create index identity_guest_by_telling on identity_guest (tell_again_time)
    where tell_again_time is not null;
create index identity_token_family_by_session on identity_token_family (session_id);

-- Requests for a new password. The token follows from the id and is nowhere.
create table identity_password_reset (
    reset_id uuid not null primary key,
    user_id uuid not null,
    create_time bigint not null,
    expire_time bigint not null,
    -- When it was used, or made useless by another change of the password.
    use_time bigint
);

create index identity_password_reset_by_user on identity_password_reset (user_id);
create index identity_password_reset_by_end on identity_password_reset (expire_time);

-- Attempts that are counted for a while, by keyed hashes of whom they are about.
create table identity_throttle (
    throttle_key bytea not null primary key,
    attempt_count bigint not null,
    expire_time bigint not null
);

create index identity_throttle_by_end on identity_throttle (expire_time);

create table identity_service_account (
    service_account_id uuid not null primary key,
    name text not null,
    -- SHA-256 of the secret; the secret itself is nowhere.
    secret_hash bytea not null,
    -- Names of scopes, separated by blanks.
    scopes text not null,
    -- Null if nothing was said.
    calls_per_minute bigint,
    create_time bigint not null,
    disable_time bigint
);

create index identity_service_account_by_time
    on identity_service_account (create_time, service_account_id);

-- Privileged calls that had their effect. Kept for good.
create table identity_audit (
    audit_entry_id uuid not null primary key,
    session_id text not null,
    action text not null,
    subject text not null,
    create_time bigint not null
);

create index identity_audit_by_time on identity_audit (create_time, audit_entry_id);
