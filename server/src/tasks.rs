//! Work that outlives the call that began it, tracked so that a stopping server waits for it.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tracked tasks of a server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
    failed: CancellationToken,
}

impl Tasks {
    /// Begins work that must not stop half-way.
    pub fn spawn<F>(&self, work: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(work)
    }

    /// Begins work without which the server is of no use: if it panics, the server has failed.
    pub fn spawn_vital(&self, work: impl Future<Output = ()> + Send + 'static) {
        let work = tokio::spawn(work);
        let failed = self.failed.clone();
        self.tracker.spawn(async move {
            if let Err(error) = work.await {
                tracing::error!(%error, "a worker has failed");
                failed.cancel();
            }
        });
    }

    /// What tells workers to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Waits until something vital has failed.
    pub async fn failure(&self) {
        self.failed.cancelled().await;
    }

    /// Tells workers to stop and waits for everything that is tracked.
    pub async fn finish(&self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}
