//! Accounts.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::Result;
use crate::identity::domain::account::{User, email_key};
use crate::kernel::caller::{Role, Roles};
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, column, row, sql};

row! {
    struct UserRow {
        user_id: Uuid,
        email: String,
        display_name: String,
        roles: String,
        create_time: i64,
        email_verify_time: Option<i64>,
        version: i64,
        password_hash: String,
    }
}

/// The columns of [`UserRow`]; every look-up ends with its own condition.
const USERS: &str = "select user_id, email, display_name, roles, create_time, email_verify_time,
        version, password_hash
    from identity_user where ";

fn role_names(roles: Roles) -> String {
    roles.iter().map(Role::name).collect::<Vec<_>>().join(" ")
}

fn parse_roles(names: &str) -> Result<Roles> {
    let roles = names.split(' ').filter(|name| !name.is_empty()).map(Role::parse);
    column(roles.collect(), "roles")
}

/// The account and the hash of its password.
fn user(row: UserRow) -> Result<(User, String)> {
    let user = User {
        user_id: row.user_id.into(),
        email: row.email,
        display_name: row.display_name,
        roles: parse_roles(&row.roles)?,
        create_time: Timestamp::from_micros(row.create_time),
        email_verify_time: row.email_verify_time.map(Timestamp::from_micros),
        version: row.version,
    };
    Ok((user, row.password_hash))
}

impl Tx {
    /// Inserts an account; `false` if there is one with this e-mail.
    pub(crate) async fn insert_user(&mut self, user: &User, password_hash: &str) -> Result<bool> {
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
    pub(crate) async fn user(&mut self, user_id: UserId) -> Result<Option<User>> {
        Ok(self.user_by_id(user_id, "").await?.map(|(user, _)| user))
    }

    /// Reads an account and the hash of its password.
    pub(crate) async fn user_with_hash(
        &mut self,
        user_id: UserId,
    ) -> Result<Option<(User, String)>> {
        self.user_by_id(user_id, "").await
    }

    /// Reads an account that is about to be changed, and the hash of its password: both stay as
    /// they were read.
    pub(crate) async fn lock_user(&mut self, user_id: UserId) -> Result<Option<(User, String)>> {
        self.user_by_id(user_id, self.for_update()).await
    }

    async fn user_by_id(&mut self, user_id: UserId, lock: &str) -> Result<Option<(User, String)>> {
        let text = AssertSqlSafe(format!("{USERS}user_id = $1{lock}"));
        let row: Option<UserRow> =
            sql!(self, fetch_optional sqlx::query_as(text).bind(user_id.uuid()))?;
        row.map(user).transpose()
    }

    /// Reads the account of an e-mail address and the hash of its password.
    pub(crate) async fn user_by_email(&mut self, email: &str) -> Result<Option<(User, String)>> {
        let key = email_key(email);
        // Nobody's address has a NUL in it, and PostgreSQL takes the question for a fault.
        if key.contains('\0') {
            return Ok(None);
        }
        let text = AssertSqlSafe(format!("{USERS}email_key = $1"));
        let row: Option<UserRow> = sql!(self, fetch_optional sqlx::query_as(text).bind(key))?;
        row.map(user).transpose()
    }

    /// Writes what changes of an account; `false` if it is not at the version before.
    pub(crate) async fn update_user(&mut self, user: &User) -> Result<bool> {
        const SQL: &str = "update identity_user set roles = $1, email_verify_time = $2,
                version = $3
            where user_id = $4 and version = $3 - 1";
        let changed = sql!(self, execute sqlx::query(SQL)
            .bind(role_names(user.roles))
            .bind(user.email_verify_time.map(Timestamp::micros))
            .bind(user.version)
            .bind(user.user_id.uuid()))?;
        Ok(changed == 1)
    }

    /// Replaces the hash of a password by another, unless it has changed meanwhile.
    pub(crate) async fn replace_password_hash(
        &mut self,
        user_id: UserId,
        old: &str,
        new: &str,
    ) -> Result<bool> {
        const SQL: &str = "update identity_user set password_hash = $1
            where user_id = $2 and password_hash = $3";
        let changed =
            sql!(self, execute sqlx::query(SQL).bind(new).bind(user_id.uuid()).bind(old))?;
        Ok(changed == 1)
    }

    /// Locks the accounts that have the role, in the order of their ids. Looks at every account;
    /// for what is rare.
    pub(crate) async fn lock_users_with(&mut self, role: Role) -> Result<Vec<UserId>> {
        const SQL: &str = "select user_id from identity_user
            where ' ' || roles || ' ' like '% ' || $1 || ' %' order by user_id";
        let text = AssertSqlSafe(format!("{SQL}{}", self.for_update()));
        let ids: Vec<Uuid> = sql!(self, fetch_all sqlx::query_scalar(text).bind(role.name()))?;
        Ok(ids.into_iter().map(UserId::from).collect())
    }

    /// Whether any account has the role. Looks at every account; for the start of the server.
    pub(crate) async fn has_user_with(&mut self, role: Role) -> Result<bool> {
        const SQL: &str = "select count(*) from identity_user
            where ' ' || roles || ' ' like '% ' || $1 || ' %'";
        let count: i64 = sql!(self, fetch_one sqlx::query_scalar(SQL).bind(role.name()))?;
        Ok(count > 0)
    }
}
