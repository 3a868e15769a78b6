//! Posting webhooks, each until it is taken.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::engine::Sandbox;
use super::signature::{SIGNATURE_HEADER, WebhookSecret};
use super::store::DueWebhook;
use crate::error::{Error, Result};
use crate::kernel::limits::WEBHOOK_POST_MAX;

/// How often webhooks whose turn has come are looked for.
const LOOK_SPAN: Duration = Duration::from_millis(100);

/// Where webhooks are posted, and what they are signed with.
pub struct Destination {
    url: String,
    secret: WebhookSecret,
    http: reqwest::Client,
}

impl Destination {
    /// An address and a secret.
    pub fn new(url: String, secret: WebhookSecret) -> Result<Self> {
        Ok(Self { url, secret, http: http_client(WEBHOOK_POST_MAX)? })
    }
}

/// A client of plain HTTP that follows nobody elsewhere and gives up in time.
pub(super) fn http_client(deadline: Duration) -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(deadline)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        .build()
        .map_err(Error::internal)
}

/// Posts webhooks until `stop`.
pub async fn post_webhooks(sandbox: Sandbox, destination: Destination, stop: CancellationToken) {
    let mut changes = sandbox.changes_heard();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            posted = post_due(&sandbox, &destination) => match posted {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => tracing::warn!(%error, "the sandbox's webhooks pause"),
            },
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // Whether it was heard or the time is over, they are looked for.
            _ = changes.changed() => {}
            () = tokio::time::sleep(LOOK_SPAN) => {}
        }
    }
}

/// Posts the webhooks whose turn it is, all at the same time. Says how many were.
async fn post_due(sandbox: &Sandbox, destination: &Destination) -> Result<usize> {
    let due = sandbox.due_webhooks().await?;
    if due.is_empty() {
        return Ok(0);
    }
    let posts = due.into_iter().map(|webhook| async {
        let copies = 0..webhook.copies;
        let posts = copies.map(|_| post(sandbox, destination, &webhook));
        let taken = futures::future::join_all(posts).await.into_iter().all(|taken| taken);
        (webhook, taken)
    });
    let outcomes = futures::future::join_all(posts).await;
    sandbox.note_webhooks(&outcomes).await?;
    Ok(outcomes.len())
}

async fn post(sandbox: &Sandbox, destination: &Destination, webhook: &DueWebhook) -> bool {
    let Destination { url, secret, http } = destination;
    let signature = secret.sign(webhook.body.as_bytes(), sandbox.clock().now());
    let post = http
        .post(url)
        .header(SIGNATURE_HEADER, signature)
        .header("content-type", "application/json")
        .body(webhook.body.clone());
    match post.send().await {
        Ok(answer) if answer.status().is_success() => true,
        Ok(answer) => {
            let (status, id) = (answer.status().as_u16(), &webhook.notice_id);
            tracing::info!(status, id, "a webhook was not taken");
            false
        }
        Err(error) => {
            tracing::info!(%error, id = webhook.notice_id, "a webhook did not arrive");
            false
        }
    }
}
