//! Settings of the sandbox: as a process of its own, and of a server that uses one.

use clap::Args;

use crate::adapters::sandbox::{SandboxConfig, WebhookPlan, WebhookSecret};
use crate::config::{Complaint, Payments};

/// Characters that a webhook secret has at the least.
const WEBHOOK_SECRET_LENGTH_MIN: usize = 16;

/// Settings of a sandbox that is a process of its own.
#[derive(Args, Clone)]
pub struct SandboxSettings {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50052")]
    pub listen: String,
    /// Its ledger: a SQLite file
    #[arg(long, value_name = "FILE", default_value = "sandbox.db")]
    pub ledger: String,
    /// Where to post webhooks, e.g. http://127.0.0.1:50051/webhooks/sandbox [default: nowhere]
    #[arg(long, value_name = "URL")]
    pub webhook_url: Option<String>,
    /// What to sign webhooks with; the server has to know the same
    #[arg(long, env = "BOXOFFICE_WEBHOOK_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub webhook_secret: Option<String>,
    /// Faults of webhooks in percent, such as `late=20,doubled=20,reordered=20,seed=7` [default:
    /// on, without faults]
    #[arg(long, value_name = "PLAN")]
    pub webhooks: Option<String>,
    /// What is logged, as a tracing filter
    #[arg(long, env = "BOXOFFICE_LOG", value_name = "FILTER", default_value = "info")]
    pub log: String,
}

impl SandboxSettings {
    /// Completes the settings.
    pub fn complete(self) -> Result<SandboxConfig, Complaint> {
        let plan = webhook_plan("--webhooks", self.webhooks.as_deref())?;
        let webhooks = match (self.webhook_url, plan) {
            (Some(url), Some(plan)) => {
                if !url.starts_with("http://") {
                    return Err(format!("--webhook-url {url} must be http://…"));
                }
                Some((url, webhook_secret(self.webhook_secret.as_deref())?, plan))
            }
            (None, Some(_)) if self.webhooks.is_some() => {
                return Err("--webhooks needs --webhook-url, where they are posted".into());
            }
            _ => None,
        };
        let ledger = self.ledger.strip_prefix("sqlite://").unwrap_or(&self.ledger);
        let ledger = format!("sqlite://{ledger}");
        Ok(SandboxConfig { listen: self.listen, ledger, webhooks })
    }
}

fn webhook_secret(given: Option<&str>) -> Result<WebhookSecret, Complaint> {
    let text = given.ok_or("BOXOFFICE_WEBHOOK_SECRET is not set; webhooks are signed with it")?;
    if text.chars().count() < WEBHOOK_SECRET_LENGTH_MIN {
        return Err(format!(
            "BOXOFFICE_WEBHOOK_SECRET must be at least {WEBHOOK_SECRET_LENGTH_MIN} characters"
        ));
    }
    Ok(WebhookSecret::new(text))
}

/// Reads the faults of webhooks; `None` when none are posted.
pub fn webhook_plan(flag: &str, given: Option<&str>) -> Result<Option<WebhookPlan>, Complaint> {
    match given {
        None => Ok(Some(WebhookPlan::default())),
        Some("off") => Ok(None),
        Some(text) => WebhookPlan::parse(text).map(Some).ok_or_else(|| {
            format!("{flag} {text} must be on, off, or such as late=20,doubled=20,seed=7")
        }),
    }
}

/// What was set of who takes the money.
pub struct PaymentSettings<'s> {
    /// `--payments`.
    pub payments: Option<&'s str>,
    /// `--sandbox-ledger`.
    pub ledger: Option<&'s str>,
    /// `--sandbox-webhooks`.
    pub webhooks: Option<&'s str>,
    /// `--webhook-secret`.
    pub secret: Option<&'s str>,
}

/// Reads who takes the money. A setting that would have no effect is a mistake.
pub fn payments(
    settings: &PaymentSettings<'_>,
    ledger_default: String,
) -> Result<Payments, Complaint> {
    match settings.payments {
        None | Some("sandbox") if settings.secret.is_some() => {
            Err("BOXOFFICE_WEBHOOK_SECRET is for a sandbox in another process; not for the one in \
                 this, which signs with a key of the server's own"
                .into())
        }
        None | Some("sandbox") => {
            let ledger = settings.ledger.map_or(ledger_default, str::to_owned);
            Ok(Payments::Sandbox { ledger })
        }
        Some(other) => match other.strip_prefix("sandbox+") {
            Some(url) if url.starts_with("http://") && url.len() > "http://".len() => {
                let own = [
                    ("--sandbox-ledger", settings.ledger),
                    ("--sandbox-webhooks", settings.webhooks),
                ];
                if let Some((flag, _)) = own.iter().find(|(_, given)| given.is_some()) {
                    return Err(format!(
                        "{flag} is for the sandbox in this process; one in another has its own"
                    ));
                }
                let webhook_secret = webhook_secret(settings.secret)?;
                Ok(Payments::RemoteSandbox { url: url.to_owned(), webhook_secret })
            }
            _ => Err(format!(
                "--payments {other} is not possible in this version; it knows sandbox and \
                 sandbox+http://HOST:PORT"
            )),
        },
    }
}
