//! Work that is done again and again.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::Result;

/// Does rounds of work until `stop`: at once again while a round says that there is more, else
/// after `pause`. A round that fails is logged and tried again after the pause.
pub async fn repeat<F, W>(name: &'static str, pause: Duration, stop: CancellationToken, mut work: F)
where
    F: FnMut() -> W + Send,
    W: Future<Output = Result<bool>> + Send,
{
    loop {
        match work().await {
            Ok(false) => {}
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(true) => return,
            Err(error) => tracing::warn!(name, %error, "a round of work failed"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}
