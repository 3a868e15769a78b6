//! A gateway that tells of payments by itself: late, twice, and what is not so.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use boxoffice_sdk::payment::v1::Payment;
use boxoffice_sdk::r#type::v1::Money;
use boxoffice_server::adapters::sandbox::{SandboxGateway, WebhookSecret};
use boxoffice_server::kernel::id::PaymentId;
use boxoffice_server::kernel::money::{Currency, Money as Amount};
use boxoffice_server::ports::clock::Clock;
use boxoffice_server::ports::gateway::{Charge, PaymentGateway};

use crate::chance::Chance;
use crate::clock::HandClock;
use crate::history::PaymentSeen;
use crate::notice::{notice, post};
use crate::world::World;

/// The token of a card whose gateway cannot be asked; what becomes of it, only notices tell.
pub(super) const UNREACHABLE: &str = "tok_unreachable";

/// How a notice is answered that was signed too long ago.
const STALE: u16 = 401;
/// How often it is posted at the most.
const POSTS_MAX: usize = 5;

/// What the sandbox of a world can do besides what it is asked for.
pub struct Gateway {
    sandbox: SandboxGateway,
    secret: WebhookSecret,
    url: String,
    clock: Arc<HandClock>,
    /// Payments that nothing was taken for yet.
    open: Mutex<Vec<PaymentSeen>>,
    notices: AtomicUsize,
}

impl Gateway {
    /// The gateway of a world.
    pub fn of(world: &World) -> Self {
        Self {
            sandbox: world.sandbox().clone(),
            secret: world.webhook_secret(),
            url: world.url(),
            clock: Arc::clone(&world.clock),
            open: Mutex::default(),
            notices: AtomicUsize::new(0),
        }
    }

    /// Remembers a payment that it may take the money for some time.
    pub(super) fn keep(&self, payment: &PaymentSeen) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(payment.clone());
    }

    /// Takes the money of one of the payments that it remembers, if there is any, and tells of it.
    pub(super) async fn take_one(&self, chance: &mut Chance) {
        let payment = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            if open.is_empty() {
                return;
            }
            let index = chance.index(open.len());
            open.swap_remove(index)
        };
        let payment_id = format!("pay_{}", payment.id.simple());
        let charge = Charge {
            payment_id: PaymentId::parse(&payment_id).expect("the id of a payment"),
            amount: Amount {
                currency: Currency::parse("EUR").expect("a currency"),
                minor: payment.amount,
            },
            payment_token: "tok_success".into(),
        };
        self.sandbox.charge(&charge).await;
        self.tell(&payment, "succeeded", payment.amount).await;
    }

    /// Takes the money of every other payment that it remembers, and tells that nothing was taken
    /// for the rest.
    pub async fn finish(&self, chance: &mut Chance) {
        loop {
            self.take_one(chance).await;
            let Some(payment) = self.open.lock().unwrap_or_else(PoisonError::into_inner).pop()
            else {
                return;
            };
            self.tell(&payment, "failed", payment.amount).await;
        }
    }

    /// Tells that something has become of a payment of so much, and again if the clock was turned
    /// so far meanwhile that the signature is too old. Any other answer says nothing to it.
    pub(super) async fn tell(&self, payment: &PaymentSeen, state: &str, amount: i64) {
        let number = self.notices.fetch_add(1, Ordering::SeqCst);
        let about = Payment {
            payment_id: format!("pay_{}", payment.id.simple()),
            amount: Some(Money { currency_code: "EUR".into(), minor_units: amount }),
            ..Default::default()
        };
        let body = notice(&format!("whe_told_{number}_{}", payment.id), &about, state).to_string();
        for _ in 0..POSTS_MAX {
            let signature = self.secret.sign(body.as_bytes(), self.clock.now());
            if post(&self.url, "/webhooks/sandbox", &signature, &body).await != STALE {
                return;
            }
        }
    }
}
