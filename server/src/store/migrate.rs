//! The tables. One text a migration runs on both databases; `.sqlite` or `.postgres` in the name
//! marks the few that cannot.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::driver::Pool;
use crate::error::{Error, Result};

macro_rules! migrations {
    ($($version:literal $name:literal,)*) => {
        [$((
            $version,
            $name,
            include_str!(concat!("../../../migrations/", $version, "_", $name, ".sql")),
        ),)*]
    };
}

/// Every migration, in order. An applied one never changes.
const MIGRATIONS: &[(&str, &str, &str)] = &migrations! {
    "0001" "store",
    "0002" "identity",
    "0003" "catalog",
    "0004" "booking",
    "0005" "payment",
    "0006" "ticket",
    "0007" "reporting",
    "0008" "places",
    "0009" "identity_accounts",
    "0010" "catalog_whole",
    "0011" "payment_whole",
    "0012" "ticket_whole",
    "0013" "notification",
    "0014" "dead_letter",
    "0015" "reporting_owner",
    "0016" "sale_mended",
    "0017" "captured_cursor",
    "0018" "notification_places",
};

/// Runs the migrations that have not run on this database.
pub(super) async fn migrate(pool: &Pool) -> Result<()> {
    let migrations = MIGRATIONS
        .iter()
        .map(|(version, name, text)| {
            let number = version.parse().map_err(Error::internal)?;
            let text = sqlx::AssertSqlSafe(*text).into_sql_str();
            let name = Cow::Borrowed(*name);
            Ok(Migration::new(number, name, MigrationType::Simple, text, false))
        })
        .collect::<Result<Vec<_>>>()?;
    let migrator = Migrator::with_migrations(migrations);
    #[cfg(feature = "faults")]
    one_by_one(&migrator, pool).await?;
    match pool {
        Pool::Sqlite { writer, .. } => migrator.run(writer).await,
        Pool::Postgres(pool) => migrator.run(pool).await,
    }
    .map_err(failed)
}

fn failed(error: MigrateError) -> Error {
    Error::internal(format!("the database could not be migrated: {error}"))
}

/// Runs each by itself, so that a server can be told to die in between.
#[cfg(feature = "faults")]
async fn one_by_one(migrator: &Migrator, pool: &Pool) -> Result<()> {
    for migration in migrator.iter() {
        match pool {
            Pool::Sqlite { writer, .. } => migrator.run_to(migration.version, writer).await,
            Pool::Postgres(pool) => migrator.run_to(migration.version, pool).await,
        }
        .map_err(failed)?;
        crash_point!(AfterMigration);
    }
    Ok(())
}
