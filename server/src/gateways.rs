//! Which payment gateway the settings choose.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use crate::adapters::sandbox::{RemoteSandbox, SandboxGateway, WebhookSecret};
use crate::config::{Config, Payments};
use crate::error::Result;
use crate::kernel::limits::GATEWAY_CALL_MAX;
use crate::ports::clock::Clock;
use crate::ports::gateway::PaymentGateway;

/// The payment gateway, and the sandbox if it is in this process.
pub async fn open_gateway(
    config: &Config,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<dyn PaymentGateway>, Option<SandboxGateway>)> {
    match &config.payments {
        Payments::Sandbox { ledger } => {
            let all = std::iter::once(&config.secret).chain(&config.previous_secrets);
            let secrets = all.map(|secret| {
                let key = secret.key("sandbox-webhook");
                WebhookSecret::new(&key.map(|byte| format!("{byte:02x}")).concat())
            });
            let secrets = secrets.collect();
            let sandbox = SandboxGateway::open(ledger, Arc::clone(clock), secrets).await?;
            Ok((Arc::new(sandbox.clone()), Some(sandbox)))
        }
        Payments::RemoteSandbox { url, webhook_secret } => {
            let secrets = vec![webhook_secret.clone()];
            Ok((Arc::new(RemoteSandbox::new(url, GATEWAY_CALL_MAX, secrets)?), None))
        }
    }
}

/// How this machine reaches a server that listens there: an address that means all of its networks
/// is that of none.
pub fn local_url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        let here: IpAddr = match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(here);
    }
    format!("http://{address}")
}
