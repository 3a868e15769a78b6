//! Webhooks of the sandbox's, written by hand: what the gateway may tell by itself.

use boxoffice_sdk::payment::v1::Payment;
use boxoffice_server::adapters::sandbox::{SIGNATURE_HEADER, WebhookSecret};
use boxoffice_server::ports::clock::Clock;
use serde_json::{Value, json};

use crate::world::World;

/// The body of a webhook of the sandbox's about a payment.
pub fn notice(id: &str, payment: &Payment, state: &str) -> Value {
    let amount = payment.amount.as_ref().expect("an amount");
    json!({
        "id": id,
        "kind": format!("charge.{state}"),
        "charge": {
            "id": payment.payment_id,
            "reference": "sandbox_1",
            "state": state,
            "currency": amount.currency_code,
            "amount_minor": amount.minor_units,
            "failure_code": if state == "failed" { "card_declined" } else { "" },
            "redirect_url": "",
            "refunds": [],
            "position": 1,
            "change_time": 1,
        },
    })
}

/// Posts a webhook with this signature to a server; answers with the status.
pub(crate) async fn post(url: &str, path: &str, signature: &str, body: &str) -> u16 {
    let posted = reqwest::Client::new()
        .post(format!("{url}{path}"))
        .header(SIGNATURE_HEADER, signature)
        .body(body.to_owned())
        .send()
        .await;
    posted.expect("an answer").status().as_u16()
}

impl World {
    /// What the sandbox of this world signs with.
    pub fn webhook_secret(&self) -> WebhookSecret {
        let key = self.config.secret.key("sandbox-webhook");
        WebhookSecret::new(&key.map(|byte| format!("{byte:02x}")).concat())
    }

    /// Posts a webhook with this signature; answers with the status.
    pub async fn post_webhook(&self, path: &str, signature: &str, body: &str) -> u16 {
        post(&self.url(), path, signature, body).await
    }

    /// Posts a webhook as the sandbox would; answers with the status.
    pub async fn post_signed(&self, body: &Value) -> u16 {
        let body = body.to_string();
        let signature = self.webhook_secret().sign(body.as_bytes(), self.clock.now());
        self.post_webhook("/webhooks/sandbox", &signature, &body).await
    }
}
