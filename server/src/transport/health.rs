//! Whether the server can do its work, for those who decide where calls go: it can while its
//! database answers.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as Contract, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::{HealthReporter, HealthService};

use crate::error::Error;
use crate::store::Probe;

/// For how long the database may be away before the server says that it cannot serve. What is
/// shorter, such as a restart, calls get over by being repeated.
const AWAY_MAX: Duration = Duration::from_secs(3);
/// How often the database is asked while it answers.
const ASK_PAUSE: Duration = Duration::from_secs(1);
/// How often it is asked while it does not.
const RETRY_PAUSE: Duration = Duration::from_millis(250);
/// How long a stopping server says that it is not serving before it ends who watches its health.
const HEALTH_TOLD: Duration = Duration::from_millis(500);

/// What the server says about itself. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    reporter: HealthReporter,
    is_ready: watch::Sender<bool>,
    /// Whoever watches has been told that the server stops.
    told: CancellationToken,
}

impl Health {
    /// Of a server whose database has just been opened.
    pub async fn new() -> Self {
        let (reporter, is_ready) = (HealthReporter::new(), watch::Sender::new(true));
        let health = Self { reporter, is_ready, told: CancellationToken::new() };
        health.report(true).await;
        health
    }

    /// What serves `grpc.health.v1.Health`.
    pub fn service(&self) -> HealthServer<HealthCalls> {
        let statuses = HealthService::from_health_reporter(self.reporter.clone());
        HealthServer::new(HealthCalls { statuses, told: self.told.clone() })
    }

    /// What readiness probes are answered.
    pub fn page(&self) -> (StatusCode, &'static str) {
        match *self.is_ready.borrow() {
            true => (StatusCode::OK, "ready\n"),
            false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
        }
    }

    /// Says that the server is about to stop.
    pub async fn stopping(&self) {
        if self.is_ready.send_replace(false) {
            self.report(false).await;
        }
    }

    /// Follows the database until `stop`. Then it ends the streams of those who watch, once they
    /// have been told: by themselves they would go on, and keep their connections open. Returns
    /// never.
    pub async fn follow(&self, mut probe: Probe, stop: CancellationToken) -> Infallible {
        let mut answered = Instant::now();
        loop {
            let give_up = (answered + AWAY_MAX).max(Instant::now() + ASK_PAUSE);
            let answer = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                answer = timeout_at(give_up, probe.ask()) => answer.unwrap_or_else(|_| {
                    Err(Error::Unavailable("the database is silent".into()))
                }),
            };
            let pause = match answer {
                Ok(()) => {
                    answered = Instant::now();
                    self.tell(true).await;
                    ASK_PAUSE
                }
                Err(error) => {
                    tracing::warn!(%error, "the database does not answer");
                    if answered.elapsed() >= AWAY_MAX {
                        self.tell(false).await;
                    }
                    RETRY_PAUSE
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(pause) => {}
            }
        }
        // Whatever was told at the same time as the end of it does not count.
        self.is_ready.send_replace(false);
        self.report(false).await;
        probe.close().await;
        sleep(HEALTH_TOLD).await;
        self.told.cancel();
        std::future::pending().await
    }

    /// Tells a change; whoever watches would hear of anything else as well.
    async fn tell(&self, is_ready: bool) {
        if self.is_ready.send_replace(is_ready) != is_ready {
            tracing::warn!(is_ready, "whether this server can serve has changed");
            self.report(is_ready).await;
        }
    }

    async fn report(&self, is_ready: bool) {
        let status = if is_ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in service_names() {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// The calls of health. Whoever asks is answered for as long as the port is there; who watches is
/// told that the server stops, and then his stream ends.
pub struct HealthCalls {
    statuses: HealthService,
    told: CancellationToken,
}

#[tonic::async_trait]
impl Contract for HealthCalls {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        self.statuses.check(request).await
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let told = self.told.clone().cancelled_owned();
        let watched = self.statuses.watch(request).await?;
        Ok(watched.map(|statuses| statuses.take_until(told).boxed()))
    }
}

/// Every service of ours, and the empty name, which stands for the server as a whole.
fn service_names() -> impl Iterator<Item = String> {
    let services = boxoffice_proto::POOL.services().map(|service| service.full_name().to_owned());
    services.filter(|name| name.starts_with("boxoffice.")).chain([String::new()])
}
