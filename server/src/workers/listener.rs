//! Hearing the other replicas.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// How long to wait before the connection is made again.
const PAUSE: Duration = Duration::from_secs(1);

/// Passes on what other replicas tell through the database, until `stop`. On SQLite there are none.
pub async fn listen(store: Store, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            heard = store.hear_replicas() => match heard {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "the other replicas cannot be heard"),
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}
