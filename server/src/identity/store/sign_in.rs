//! Sign-ins and their refresh tokens.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::Result;
use crate::identity::domain::refresh::{Family, Successor, TokenState};
use crate::kernel::caller::SessionId;
use crate::kernel::time::Timestamp;
use crate::store::{Tx, bulk_write, column, sql};

impl Tx {
    /// Inserts a sign-in.
    pub(crate) async fn insert_family(
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
    pub(crate) async fn insert_refresh_token(
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
    pub(crate) async fn family_of_token(&mut self, hash: &[u8]) -> Result<Option<Uuid>> {
        const SQL: &str = "select family_id from identity_refresh_token where token_hash = $1";
        sql!(self, fetch_optional sqlx::query_scalar(SQL).bind(hash))
    }

    /// Reads a sign-in, which stays as it was read: whoever changes a chain holds its family.
    pub(crate) async fn lock_family(&mut self, family_id: Uuid) -> Result<Option<Family>> {
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
    pub(crate) async fn refresh_token(&mut self, hash: &[u8]) -> Result<Option<TokenState>> {
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
    pub(crate) async fn use_refresh_token(&mut self, hash: &[u8], now: Timestamp) -> Result<bool> {
        const SQL: &str = "update identity_refresh_token set use_time = $1
            where token_hash = $2 and use_time is null";
        let used = sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(hash))?;
        Ok(used == 1)
    }

    /// Ends a sign-in.
    pub(crate) async fn revoke_family(&mut self, family_id: Uuid, now: Timestamp) -> Result<()> {
        const SQL: &str = "update identity_token_family set revoke_time = $1
            where family_id = $2 and revoke_time is null";
        sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(family_id))?;
        Ok(())
    }

    /// Ends every sign-in of a session.
    pub(crate) async fn revoke_families_of(
        &mut self,
        session: SessionId,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "update identity_token_family set revoke_time = $1
            where session_id = $2 and revoke_time is null";
        sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(session.to_string()))?;
        Ok(())
    }

    /// Forgets up to `limit` sign-ins whose time is over; answers with how many.
    pub(crate) async fn delete_expired_families(
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
