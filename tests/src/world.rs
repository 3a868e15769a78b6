//! A server and everything around it, for one test.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use boxoffice_sdk::payment::v1::Payment;
use boxoffice_server::adapters::sandbox::{LedgerEntry, SandboxGateway};
use boxoffice_server::app::App;
use boxoffice_server::config::{Config, Payments};
use boxoffice_server::parts::Parts;
use boxoffice_server::secret::Secret;
use tempfile::TempDir;

use crate::clock::HandClock;
use crate::database::{Backend, Database};
use crate::door::{ADMIN, Door, PASSWORD};
use crate::sandbox::{LedgerLine, read_ledger};

/// A server on a fresh database, with a clock to turn.
pub struct World {
    /// The server.
    pub app: App,
    /// Its clock.
    pub clock: Arc<HandClock>,
    /// Its database.
    pub database: Database,
    /// Where its files are.
    pub folder: TempDir,
    /// What it was started with.
    pub config: Config,
    door: Door,
    has_own_parts: bool,
}

pub(crate) fn config(database: &Database, folder: &TempDir) -> Config {
    let ledger = folder.path().join("sandbox.db");
    Config {
        listen: "127.0.0.1:0".into(),
        database: database.url.clone(),
        payments: Payments::Sandbox { ledger: format!("sqlite://{}", ledger.display()) },
        // Most tests look at what comes of asking the gateway; those of webhooks turn them on.
        sandbox_webhooks: None,
        mail_folder: folder.path().join("mails"),
        mail_from: "Boxoffice <tickets@shop.example>".into(),
        public_url: Some("https://shop.example".into()),
        production: false,
        secret: Secret::parse("a secret of the tests, 0123456789").expect("it is strong enough"),
        previous_secrets: Vec::new(),
        admin_email: ADMIN.into(),
        admin_password: Some(PASSWORD.into()),
        cors_origins: vec!["https://shop.example".into()],
        log: "warn".into(),
        demo: false,
    }
}

impl World {
    /// Starts a server in this process.
    pub async fn start(backend: Backend) -> Self {
        Self::start_configured(backend, |_| {}).await
    }

    /// Starts a server in this process, with some settings changed.
    pub async fn start_configured(backend: Backend, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_whole(backend, change, |_, _| {}, false).await
    }

    /// Starts a server in this process, of parts of one's own. `change` also gets the folder that
    /// the server's files are in.
    pub async fn start_with(backend: Backend, change: impl FnOnce(&mut Parts, &Path)) -> Self {
        Self::start_whole(backend, |_| {}, change, true).await
    }

    async fn start_whole(
        backend: Backend,
        change_config: impl FnOnce(&mut Config),
        change_parts: impl FnOnce(&mut Parts, &Path),
        has_own_parts: bool,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let database = Database::create(backend, folder.path()).await;
        let mut config = config(&database, &folder);
        change_config(&mut config);
        let clock = Arc::new(HandClock::default());
        let mut parts = Parts::of(&config, clock.clone()).expect("parts");
        change_parts(&mut parts, folder.path());
        let app = App::start_on(&config, parts).await.expect("the server starts");
        let door = door(&app);
        Self { app, clock, database, folder, config, door, has_own_parts }
    }

    /// Stops the server and starts it again on the same database.
    pub async fn restart(self) -> Self {
        self.while_stopped(async |_, _| {}).await
    }

    /// Stops the server, lets something be done to its database, and starts it again. One that was
    /// made of parts of one's own would come back without them.
    pub async fn while_stopped(self, work: impl AsyncFnOnce(&Database, &HandClock)) -> Self {
        let Self { app, clock, database, folder, config, has_own_parts, .. } = self;
        assert!(!has_own_parts, "a server of parts of one's own cannot be started again");
        app.stop().await.expect("it stops");
        work(&database, &clock).await;
        let parts = Parts::of(&config, clock.clone()).expect("parts");
        let app = App::start_on(&config, parts).await.expect("it starts again");
        let door = door(&app);
        Self { app, clock, database, folder, config, door, has_own_parts }
    }

    /// The sandbox in the server.
    pub fn sandbox(&self) -> &SandboxGateway {
        self.app.sandbox().expect("the sandbox is in this process")
    }

    /// The file of the sandbox's ledger.
    pub fn ledger_file(&self) -> &Path {
        let Payments::Sandbox { ledger } = &self.config.payments else { panic!("a sandbox") };
        Path::new(ledger.strip_prefix("sqlite://").expect("a file"))
    }

    /// The sandbox's ledger, read from its file.
    pub async fn ledger(&self) -> Vec<LedgerLine> {
        read_ledger(self.ledger_file()).await
    }

    /// What the sandbox's ledger says of a payment; `None` if it never heard of it.
    pub async fn ledger_of(&self, payment: &Payment) -> Option<LedgerEntry> {
        let entries = self.sandbox().entries().await.expect("the ledger's entries");
        entries.into_iter().find(|entry| entry.payment_id.to_string() == payment.payment_id)
    }

    /// Ends the test: every invariant holds, the server stops, the database goes.
    pub async fn finish(self) {
        self.assert_sound().await;
        self.app.stop().await.expect("it stops");
        self.database.discard().await;
    }
}

impl Deref for World {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

fn door(app: &App) -> Door {
    Door { url: format!("http://{}", app.address()) }
}
