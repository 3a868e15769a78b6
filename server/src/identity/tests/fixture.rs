//! What the tests of identity, and of whoever needs callers, begin with.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::Result;
use crate::identity::domain::password::NewPassword;
use crate::identity::service::{Arrival, IdentityService, SignedIn};
use crate::identity::tokens::AccessTokens;
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::secret::{Secret, Secrets};
use crate::store::Store;

/// The e-mail of the user that tests register.
pub(crate) const EMAIL: &str = "ada@example.com";
/// The password of that user.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A clock that tests turn by hand.
pub(crate) struct HandClock(AtomicI64);

impl HandClock {
    pub(crate) fn new() -> Self {
        Self(AtomicI64::new(1_800_000_000_000_000))
    }

    pub(crate) fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).expect("a short span");
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::parse(&text.repeat(4)).expect("a strong secret")
}

pub(crate) fn secrets() -> Secrets {
    Secrets { current: secret("0123456789abcdef"), previous: Vec::new() }
}

pub(crate) fn tokens() -> AccessTokens {
    AccessTokens::new(&secrets(), "https://boxoffice.test", "boxoffice")
}

pub(crate) fn password(text: &str) -> NewPassword {
    NewPassword::parse(text).expect("an allowed password")
}

/// Identity on a database of its own, which goes when this is dropped.
pub(crate) struct Fixture {
    pub(crate) service: IdentityService,
    pub(crate) store: Store,
    pub(crate) clock: Arc<HandClock>,
    pub(crate) tokens: Arc<AccessTokens>,
    _folder: TempDir,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}/identity.db", folder.path().display());
        let store = Store::open(&url).await.expect("a database");
        let clock = Arc::new(HandClock::new());
        let tokens = Arc::new(tokens());
        let shared: Arc<dyn Clock> = clock.clone();
        let service = IdentityService::new(store.clone(), shared, Arc::clone(&tokens), &secrets())
            .expect("the service");
        Self { service, store, clock, tokens, _folder: folder }
    }

    /// Registers somebody with the password of all tests.
    pub(crate) async fn register(&self, email: &str) -> Result<SignedIn> {
        let arrival = Arrival::default();
        self.service.register(email.into(), password(PASSWORD), "Ada".into(), &arrival).await
    }

    /// Signs somebody in.
    pub(crate) async fn login(&self, email: &str, password: &str) -> Result<SignedIn> {
        self.service.login(email, password.into(), &Arrival::default()).await
    }

    /// The service as another replica with other secrets has it.
    pub(crate) fn replica(&self, secrets: &Secrets) -> IdentityService {
        let shared: Arc<dyn Clock> = self.clock.clone();
        IdentityService::new(self.store.clone(), shared, Arc::clone(&self.tokens), secrets)
            .expect("the service")
    }
}
