//! The sandbox as a process of its own.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::api::routes;
use super::engine::Sandbox;
use super::signature::WebhookSecret;
use super::store::{Ledger, WebhookPlan};
use super::webhooks::{Destination, post_webhooks};
use crate::adapters::system_clock::SystemClock;
use crate::error::{Error, Result};
use crate::tasks::Tasks;

/// What a sandbox of its own needs.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where to listen.
    pub listen: String,
    /// The ledger's URL.
    pub ledger: String,
    /// Where webhooks are posted, what they are signed with, and their faults.
    pub webhooks: Option<(String, WebhookSecret, WebhookPlan)>,
}

/// A sandbox that listens.
pub struct SandboxProcess {
    address: std::net::SocketAddr,
    tasks: Tasks,
    stop_port: CancellationToken,
}

impl SandboxProcess {
    /// Opens the ledger and listens.
    pub async fn start(config: SandboxConfig) -> Result<Self> {
        let ledger = Ledger::open(&config.ledger).await?;
        let sandbox = Sandbox::new(ledger, Arc::new(SystemClock::default()));
        let listener = TcpListener::bind(&config.listen)
            .await
            .map_err(|error| Error::Unavailable(format!("--listen {}: {error}", config.listen)))?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let tasks = Tasks::default();
        let action_url = format!("http://{address}/actions/");
        sandbox.change_posting(|posting| posting.action_url = action_url);
        if let Some((url, secret, plan)) = config.webhooks {
            sandbox.change_posting(|posting| posting.plan = Some(plan));
            let destination = Destination::new(url, secret)?;
            let stop = tasks.stop().clone();
            tasks.spawn_vital(post_webhooks(sandbox.clone(), destination, stop));
        }
        let stop_port = CancellationToken::new();
        let stopped = stop_port.clone();
        let served = axum::serve(listener, routes(sandbox));
        tasks.spawn_port(async move {
            tokio::select! {
                // Calls that hang need no answer, and whatever was decided is in the ledger.
                () = stopped.cancelled() => Ok(()),
                served = served => served.map_err(Error::internal),
            }
        });
        Ok(Self { address, tasks, stop_port })
    }

    /// Where it listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    /// Waits until it can no longer do its work.
    pub async fn failure(&self) {
        self.tasks.failure().await;
    }

    /// Stops.
    pub async fn stop(self) {
        self.stop_port.cancel();
        self.tasks.finish().await;
    }
}
