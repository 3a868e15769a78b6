-- Accounts, guests and the refresh tokens of their sign-ins.

create table identity_user (
    user_id uuid not null primary key,
    email text not null,
    -- The address in lower case: an account each.
    email_key text not null unique,
    display_name text not null,
    -- Argon2id, in PHC form.
    password_hash text not null,
    -- Names of roles, separated by blanks.
    roles text not null,
    create_time bigint not null,
    version bigint not null
);

create table identity_guest (
    guest_id uuid not null primary key,
    contact_email text not null,
    create_time bigint not null
);

-- One sign-in: the chain of refresh tokens that began with it.
create table identity_token_family (
    family_id uuid not null primary key,
    session_id text not null,
    create_time bigint not null,
    -- When the sign-in ends, however often its tokens are refreshed.
    expire_time bigint not null,
    revoke_time bigint
);

create table identity_refresh_token (
    -- SHA-256 of the token; the token itself is nowhere.
    token_hash bytea not null primary key,
    family_id uuid not null,
    -- The token it succeeded; empty for the first. A token has at most one successor.
    parent_hash bytea unique,
    create_time bigint not null,
    expire_time bigint not null,
    use_time bigint
);

create index identity_refresh_token_by_family on identity_refresh_token (family_id);
create index identity_token_family_by_end on identity_token_family (expire_time);
