//! Identity's tables.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::domain::account::{Guest, User, email_key};
use super::domain::refresh::{Family, Successor, TokenState};
use crate::error::Result;
use crate::kernel::caller::{Role, Roles, SessionId};
use crate::kernel::id::{GuestId, UserId};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_write, column, sql};

type UserRow = (Uuid, String, String, String, i64, i64);

fn role_names(roles: Roles) -> String {
    roles.iter().map(Role::name).collect::<Vec<_>>().join(" ")
}

fn parse_roles(names: &str) -> Result<Roles> {
    let roles = names.split(' ').filter(|name| !name.is_empty()).map(Role::parse);
    column(roles.collect(), "roles")
}

fn user((user_id, email, display_name, roles, create_time, version): UserRow) -> Result<User> {
    Ok(User {
        user_id: user_id.into(),
        email,
        display_name,
        roles: parse_roles(&roles)?,
        create_time: Timestamp::from_micros(create_time),
        version,
    })
}

/// Accounts.
impl Tx {
    /// Inserts an account; `false` if there is one with this e-mail.
    pub(super) async fn insert_user(&mut self, user: &User, password_hash: &str) -> Result<bool> {
        const SQL: &str = "insert into identity_user (user_id, email, email_key, display_name,
                password_hash, roles, create_time, version)
            values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (email_key) do nothing";
        let added = sql!(self, execute sqlx::query(SQL)
            .bind(user.user_id.uuid())
            .bind(user.email.as_str())
            .bind(email_key(&user.email))
            .bind(user.display_name.as_str())
            .bind(password_hash)
            .bind(role_names(user.roles))
            .bind(user.create_time.micros())
            .bind(user.version))?;
        Ok(added == 1)
    }

    /// Reads an account.
    pub(super) async fn user(&mut self, user_id: UserId) -> Result<Option<User>> {
        self.select_user(user_id, "").await
    }

    /// Reads an account that is about to be changed: it stays as it was read.
    pub(super) async fn lock_user(&mut self, user_id: UserId) -> Result<Option<User>> {
        self.select_user(user_id, self.for_update()).await
    }

    async fn select_user(&mut self, user_id: UserId, lock: &str) -> Result<Option<User>> {
        const SQL: &str = "select user_id, email, display_name, roles, create_time, version
            from identity_user where user_id = $1";
        let row: Option<UserRow> = sql!(self, fetch_optional
            sqlx::query_as(AssertSqlSafe(format!("{SQL}{lock}"))).bind(user_id.uuid()))?;
        row.map(user).transpose()
    }

    /// Reads the account of an e-mail address and the hash of its password.
    pub(super) async fn user_by_email(&mut self, email: &str) -> Result<Option<(User, String)>> {
        const SQL: &str = "select user_id, email, display_name, roles, create_time, version,
                password_hash
            from identity_user where email_key = $1";
        type Row = (Uuid, String, String, String, i64, i64, String);
        let row: Option<Row> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(email_key(email)))?;
        row.map(|row| Ok((user((row.0, row.1, row.2, row.3, row.4, row.5))?, row.6))).transpose()
    }

    /// Writes the roles and version of an account; `false` if it is not at the version before.
    pub(super) async fn update_roles(&mut self, user: &User) -> Result<bool> {
        const SQL: &str = "update identity_user set roles = $1, version = $2
            where user_id = $3 and version = $2 - 1";
        let changed = sql!(self, execute sqlx::query(SQL)
            .bind(role_names(user.roles))
            .bind(user.version)
            .bind(user.user_id.uuid()))?;
        Ok(changed == 1)
    }

    /// Replaces the hash of a password by another of the same password, unless it has changed.
    pub(super) async fn replace_password_hash(
        &mut self,
        user_id: UserId,
        old: &str,
        new: &str,
    ) -> Result<()> {
        const SQL: &str = "update identity_user set password_hash = $1
            where user_id = $2 and password_hash = $3";
        sql!(self, execute sqlx::query(SQL).bind(new).bind(user_id.uuid()).bind(old))?;
        Ok(())
    }

    /// Whether any account has the role. Looks at every account; for the start of the server.
    pub(super) async fn has_user_with(&mut self, role: Role) -> Result<bool> {
        const SQL: &str = "select count(*) from identity_user
            where ' ' || roles || ' ' like '% ' || $1 || ' %'";
        let count: i64 = sql!(self, fetch_one sqlx::query_scalar(SQL).bind(role.name()))?;
        Ok(count > 0)
    }
}

/// Guests.
impl Tx {
    /// Inserts a guest.
    pub(super) async fn insert_guest(&mut self, guest: &Guest) -> Result<()> {
        const SQL: &str = "insert into identity_guest (guest_id, contact_email, create_time)
            values ($1, $2, $3)";
        sql!(self, execute sqlx::query(SQL)
            .bind(guest.guest_id.uuid())
            .bind(guest.contact_email.as_deref().unwrap_or_default())
            .bind(guest.create_time.micros()))?;
        Ok(())
    }

    /// Reads a guest.
    pub(super) async fn guest(&mut self, guest_id: GuestId) -> Result<Option<Guest>> {
        const SQL: &str = "select contact_email, create_time from identity_guest
            where guest_id = $1";
        let row: Option<(String, i64)> =
            sql!(self, fetch_optional sqlx::query_as(SQL).bind(guest_id.uuid()))?;
        Ok(row.map(|(email, create_time)| Guest {
            guest_id,
            contact_email: Some(email).filter(|email| !email.is_empty()),
            create_time: Timestamp::from_micros(create_time),
        }))
    }

    /// Writes the contact address of a guest who has none.
    pub(super) async fn fill_contact_email(
        &mut self,
        guest_id: GuestId,
        email: &str,
    ) -> Result<()> {
        const SQL: &str = "update identity_guest set contact_email = $1
            where guest_id = $2 and contact_email = ''";
        sql!(self, execute sqlx::query(SQL).bind(email).bind(guest_id.uuid()))?;
        Ok(())
    }
}

/// Sign-ins and their refresh tokens.
impl Tx {
    /// Inserts a sign-in.
    pub(super) async fn insert_family(
        &mut self,
        family_id: Uuid,
        family: &Family,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "insert into identity_token_family (family_id, session_id, create_time,
                expire_time) values ($1, $2, $3, $4)";
        sql!(self, execute sqlx::query(SQL)
            .bind(family_id)
            .bind(family.session.to_string())
            .bind(now.micros())
            .bind(family.expire_time.micros()))?;
        Ok(())
    }

    /// Inserts a refresh token: the first of a sign-in, or the one successor of its parent.
    pub(super) async fn insert_refresh_token(
        &mut self,
        hash: &[u8],
        family_id: Uuid,
        parent: Option<&[u8]>,
        now: Timestamp,
        expire_time: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "insert into identity_refresh_token (token_hash, family_id, parent_hash,
                create_time, expire_time) values ($1, $2, $3, $4, $5)";
        sql!(self, execute sqlx::query(SQL)
            .bind(hash)
            .bind(family_id)
            .bind(parent)
            .bind(now.micros())
            .bind(expire_time.micros()))?;
        Ok(())
    }

    /// The sign-in that a refresh token belongs to.
    pub(super) async fn family_of_token(&mut self, hash: &[u8]) -> Result<Option<Uuid>> {
        const SQL: &str = "select family_id from identity_refresh_token where token_hash = $1";
        sql!(self, fetch_optional sqlx::query_scalar(SQL).bind(hash))
    }

    /// Reads a sign-in, which stays as it was read: whoever changes a chain holds its family.
    pub(super) async fn lock_family(&mut self, family_id: Uuid) -> Result<Option<Family>> {
        const SQL: &str = "select session_id, expire_time, revoke_time
            from identity_token_family where family_id = $1";
        let text = format!("{SQL}{}", self.for_update());
        let row: Option<(String, i64, Option<i64>)> = sql!(self, fetch_optional
            sqlx::query_as(AssertSqlSafe(text.as_str())).bind(family_id))?;
        let family = row.map(|(session, expire_time, revoke_time)| {
            Ok(Family {
                session: column(SessionId::parse(&session), "session_id")?,
                expire_time: Timestamp::from_micros(expire_time),
                revoked: revoke_time.is_some(),
            })
        });
        family.transpose()
    }

    /// Reads a refresh token and its successor.
    pub(super) async fn refresh_token(&mut self, hash: &[u8]) -> Result<Option<TokenState>> {
        const SQL: &str = "select token.expire_time, token.use_time,
                next.token_hash, next.expire_time, next.use_time
            from identity_refresh_token token
            left join identity_refresh_token next on next.parent_hash = token.token_hash
            where token.token_hash = $1";
        type Row = (i64, Option<i64>, Option<Vec<u8>>, Option<i64>, Option<i64>);
        let row: Option<Row> = sql!(self, fetch_optional sqlx::query_as(SQL).bind(hash))?;
        Ok(row.map(|(expire_time, use_time, next, next_expire_time, next_use_time)| TokenState {
            expire_time: Timestamp::from_micros(expire_time),
            use_time: use_time.map(Timestamp::from_micros),
            successor: next.zip(next_expire_time).map(|(hash, expire_time)| Successor {
                hash,
                expire_time: Timestamp::from_micros(expire_time),
                used: next_use_time.is_some(),
            }),
        }))
    }

    /// Uses a refresh token up; `false` if it was used before.
    pub(super) async fn use_refresh_token(&mut self, hash: &[u8], now: Timestamp) -> Result<bool> {
        const SQL: &str = "update identity_refresh_token set use_time = $1
            where token_hash = $2 and use_time is null";
        let used = sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(hash))?;
        Ok(used == 1)
    }

    /// Ends a sign-in.
    pub(super) async fn revoke_family(&mut self, family_id: Uuid, now: Timestamp) -> Result<()> {
        const SQL: &str = "update identity_token_family set revoke_time = $1
            where family_id = $2 and revoke_time is null";
        sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(family_id))?;
        Ok(())
    }

    /// Forgets up to `limit` sign-ins whose time is over; answers with how many.
    pub(super) async fn delete_expired_families(
        &mut self,
        now: Timestamp,
        limit: i64,
    ) -> Result<u64> {
        const OVER: &str = "select family_id from identity_token_family
            where expire_time <= $1 order by expire_time limit $2";
        const TOKENS: &str = "delete from identity_refresh_token where family_id in (";
        const FAMILIES: &str = "delete from identity_token_family where family_id in (";
        let over: Vec<Uuid> =
            sql!(self, fetch_all sqlx::query_scalar(OVER).bind(now.micros()).bind(limit))?;
        bulk_write!(self, TOKENS, &over, |b, id| b.push_bind(*id), ")");
        Ok(bulk_write!(self, FAMILIES, &over, |b, id| b.push_bind(*id), ")"))
    }
}
