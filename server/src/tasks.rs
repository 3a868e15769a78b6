//! Work that outlives the call that began it, tracked so that a stopping server waits for it.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::error::Result;

/// The tracked tasks of a server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    calls: TaskTracker,
    tracker: TaskTracker,
    lanes: TaskTracker,
    closing: CancellationToken,
    stop: CancellationToken,
    stop_lanes: CancellationToken,
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
        self.tracker.spawn(watched(self.failed.clone(), work));
    }

    /// Begins a lane: vital, and needed until every other work has ended.
    pub fn spawn_lane(&self, lane: impl Future<Output = ()> + Send + 'static) {
        self.lanes.spawn(watched(self.failed.clone(), lane));
    }

    /// Begins the port. If it ends before it is told to, the server has failed.
    pub fn spawn_port(
        &self,
        port: impl Future<Output = Result<()>> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        let failed = self.failed.clone();
        tokio::spawn(async move {
            if let Err(error) = port.await {
                tracing::error!(%error, "the port has failed");
                failed.cancel();
            }
        })
    }

    /// What tells that the server takes no more calls. Streams end, and a call that waits for
    /// something answers soon with what there is.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// The calls under way, each until its answer has been given: of a stream, until it is open.
    pub fn calls(&self) -> &TaskTracker {
        &self.calls
    }

    /// Waits until no call is under way. There should be no new ones.
    pub async fn calls_answered(&self) {
        self.calls.close();
        self.calls.wait().await;
    }

    /// What tells workers to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// What tells lanes to stop.
    pub fn stop_lanes(&self) -> &CancellationToken {
        &self.stop_lanes
    }

    /// Waits until something vital has failed.
    pub async fn failure(&self) {
        self.failed.cancelled().await;
    }

    /// Tells workers to stop and waits for everything that is tracked; the lanes end last, so that
    /// what the others bring is still done.
    pub async fn finish(&self) {
        self.closing.cancel();
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        self.stop_lanes.cancel();
        self.lanes.close();
        self.lanes.wait().await;
    }
}

/// Lets work run and tells if it has panicked.
fn watched<W: Future<Output = ()> + Send + 'static>(
    failed: CancellationToken,
    work: W,
) -> impl Future<Output = ()> {
    let work = tokio::spawn(work);
    async move {
        if let Err(error) = work.await {
            tracing::error!(%error, "a worker has failed");
            failed.cancel();
        }
    }
}
