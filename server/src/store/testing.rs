//! Real databases for tests: made empty, thrown away afterwards.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tempfile::TempDir;
use uuid::Uuid;

use super::Store;
use crate::error::{Error, Result};

/// Names a PostgreSQL server by its URL; its user may create databases.
const POSTGRES_VARIABLE: &str = "BOXOFFICE_TEST_POSTGRES";

/// A database of one test.
pub(crate) struct TestDatabase {
    pub(crate) store: Store,
    /// The directory of an SQLite file.
    _directory: Option<TempDir>,
    /// The server and the name of a PostgreSQL database.
    server: Option<(PgConnectOptions, String)>,
}

impl TestDatabase {
    /// A new database on every engine there is.
    pub(crate) async fn each() -> Result<Vec<Self>> {
        let url = std::env::var(POSTGRES_VARIABLE).map_err(|_| {
            let how = "run `script/test`, or `script/services run -- cargo test --workspace`";
            Error::internal(format!("{POSTGRES_VARIABLE} is not set; {how}"))
        })?;
        Ok(vec![Self::sqlite().await?, Self::postgres(&url).await?])
    }

    /// A new one of SQLite.
    pub(crate) async fn sqlite() -> Result<Self> {
        let directory = tempfile::tempdir().map_err(Error::internal)?;
        let url = format!("sqlite://{}", directory.path().join("test.db").display());
        let store = Store::open(&url).await?;
        Ok(Self { store, _directory: Some(directory), server: None })
    }

    async fn postgres(url: &str) -> Result<Self> {
        let server = PgConnectOptions::from_str(url)?;
        let name = format!("boxoffice_test_{}", Uuid::from_u128(rand::random()).simple());
        run(&server, format!("create database {name}")).await?;
        let url = server.clone().database(&name).to_url_lossy();
        let store = Store::open(url.as_str()).await?;
        Ok(Self { store, _directory: None, server: Some((server, name)) })
    }

    /// Throws it away.
    pub(crate) async fn discard(self) -> Result<()> {
        self.store.close().await;
        match &self.server {
            None => Ok(()),
            Some((server, name)) => run(server, format!("drop database {name} with (force)")).await,
        }
    }
}

async fn run(server: &PgConnectOptions, statement: String) -> Result<()> {
    let mut connection = PgConnection::connect_with(server).await?;
    sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
