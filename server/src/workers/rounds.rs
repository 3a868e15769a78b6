//! Work that is done again and again.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::Result;

/// Does rounds of work until `stop`, with a pause of that length in between. A round that fails is
/// logged and tried again.
pub async fn repeat<F, W>(name: &'static str, pause: Duration, stop: CancellationToken, mut work: F)
where
    F: FnMut() -> W + Send,
    W: Future<Output = Result<usize>> + Send,
{
    loop {
        match work().await {
            Ok(0) => {}
            Ok(count) => tracing::debug!(name, count, "a round of work"),
            Err(error) => tracing::warn!(name, %error, "a round of work failed"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
