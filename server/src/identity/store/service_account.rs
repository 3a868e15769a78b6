//! Other backends.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::error::Result;
use crate::identity::domain::service_account::ServiceAccount;
use crate::kernel::caller::{Scope, Scopes};
use crate::kernel::id::ServiceAccountId;
use crate::kernel::page::{Cursor, Page, PageRequest};
use crate::kernel::time::Timestamp;
use crate::store::{Tx, column, row, sql};

row! {
    struct ServiceAccountRow {
        service_account_id: Uuid,
        name: String,
        secret_hash: Vec<u8>,
        scopes: String,
        calls_per_minute: Option<i64>,
        create_time: i64,
        disable_time: Option<i64>,
    }
}

/// The columns of [`ServiceAccountRow`]; every look-up ends with its own condition.
const ACCOUNTS: &str = "select service_account_id, name, secret_hash, scopes, calls_per_minute,
        create_time, disable_time
    from identity_service_account where ";

fn parse_scopes(names: &str) -> Result<Scopes> {
    let scopes = names.split(' ').filter(|name| !name.is_empty()).map(Scope::parse);
    column(scopes.collect(), "scopes")
}

/// The account and the hash of its secret.
fn service_account(row: ServiceAccountRow) -> Result<(ServiceAccount, Vec<u8>)> {
    let calls = row.calls_per_minute.map(|calls| column(i32::try_from(calls).ok(), "calls"));
    let account = ServiceAccount {
        service_account_id: row.service_account_id.into(),
        name: row.name,
        scopes: parse_scopes(&row.scopes)?,
        calls_per_minute: calls.transpose()?,
        create_time: Timestamp::from_micros(row.create_time),
        disable_time: row.disable_time.map(Timestamp::from_micros),
    };
    Ok((account, row.secret_hash))
}

impl Tx {
    /// Inserts a service account.
    pub(crate) async fn insert_service_account(
        &mut self,
        account: &ServiceAccount,
        secret_hash: &[u8],
    ) -> Result<()> {
        const SQL: &str = "insert into identity_service_account (service_account_id, name,
                secret_hash, scopes, calls_per_minute, create_time)
            values ($1, $2, $3, $4, $5, $6)";
        sql!(self, execute sqlx::query(SQL)
            .bind(account.service_account_id.uuid())
            .bind(account.name.as_str())
            .bind(secret_hash)
            .bind(account.scopes.to_string())
            .bind(account.calls_per_minute.map(i64::from))
            .bind(account.create_time.micros()))?;
        Ok(())
    }

    /// Reads a service account and the hash of its secret.
    pub(crate) async fn service_account(
        &mut self,
        id: ServiceAccountId,
    ) -> Result<Option<(ServiceAccount, Vec<u8>)>> {
        self.select_service_account(id, "").await
    }

    /// Reads a service account that is about to be changed: it stays as it was read.
    pub(crate) async fn lock_service_account(
        &mut self,
        id: ServiceAccountId,
    ) -> Result<Option<ServiceAccount>> {
        let found = self.select_service_account(id, self.for_update()).await?;
        Ok(found.map(|(account, _)| account))
    }

    async fn select_service_account(
        &mut self,
        id: ServiceAccountId,
        lock: &str,
    ) -> Result<Option<(ServiceAccount, Vec<u8>)>> {
        let text = AssertSqlSafe(format!("{ACCOUNTS}service_account_id = $1{lock}"));
        let row: Option<ServiceAccountRow> =
            sql!(self, fetch_optional sqlx::query_as(text).bind(id.uuid()))?;
        row.map(service_account).transpose()
    }

    /// Disables a service account that is not.
    pub(crate) async fn disable_service_account(
        &mut self,
        id: ServiceAccountId,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "update identity_service_account set disable_time = $1
            where service_account_id = $2 and disable_time is null";
        sql!(self, execute sqlx::query(SQL).bind(now.micros()).bind(id.uuid()))?;
        Ok(())
    }

    /// Lists all service accounts, the newest first.
    pub(crate) async fn service_accounts(
        &mut self,
        page: &PageRequest,
    ) -> Result<Page<ServiceAccount>> {
        let text = AssertSqlSafe(format!(
            "{ACCOUNTS}(create_time, service_account_id) < ($1, $2)
            order by create_time desc, service_account_id desc limit $3"
        ));
        let after = page.after.unwrap_or(Cursor::LAST);
        let rows: Vec<ServiceAccountRow> = sql!(self, fetch_all sqlx::query_as(text)
            .bind(after.position).bind(after.id).bind(page.limit()))?;
        let accounts = rows.into_iter().map(|row| Ok(service_account(row)?.0));
        Ok(Page::new(accounts.collect::<Result<Vec<_>>>()?, page, |account| Cursor {
            position: account.create_time.micros(),
            id: account.service_account_id.uuid(),
        }))
    }
}
