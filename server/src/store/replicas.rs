//! What replicas on one PostgreSQL tell each other.

use std::time::Duration;

use sqlx::postgres::PgListener;

use super::driver::{Engine, Store};
use super::postgres_pool::one_of_its_own;
use super::postgres_unit::within;
use super::signal::Signal;
use crate::error::Result;

/// Where replicas tell each other what changed.
pub(super) const CHANNEL: &str = "boxoffice";
/// After so much silence of the other replicas, the server is asked whether it is there.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long the answer to that may take, and to the wish to hear them. Neither waits for a lock,
/// and whoever waited for ever on a network that has fallen silent would be deaf for as long.
const ANSWER_MAX: Duration = Duration::from_secs(5);

impl Store {
    /// Passes on the signals of other replicas for as long as the connection lasts. Returns at once
    /// on SQLite, where there are no other replicas.
    pub async fn hear_replicas(&self) -> Result<()> {
        if self.engine() == Engine::Sqlite {
            return Ok(());
        }
        // To wait for a connection has a limit by itself.
        let mut listener = PgListener::connect_with(&one_of_its_own(&self.url)?).await?;
        within(ANSWER_MAX, listener.listen(CHANNEL)).await?;
        loop {
            match tokio::time::timeout(SILENCE_MAX, listener.recv()).await {
                Ok(heard) => {
                    if let Some(signal) = Signal::parse(heard?.payload()) {
                        self.signals().send(signal);
                    }
                }
                // Nothing happens, or nobody is there any more.
                Err(_) => {
                    within(ANSWER_MAX, sqlx::query("select 1").execute(&mut listener)).await?;
                }
            }
        }
    }
}
