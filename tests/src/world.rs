//! A server and everything around it, for one test.

use std::sync::Arc;
use std::time::Duration;

use boxoffice_sdk::Client;
use boxoffice_sdk::identity::v1::{
    CreateGuestSessionRequest, LoginRequest, RegisterRequest, SetUserRolesRequest,
};
use boxoffice_sdk::operations::v1::{InvariantResult, VerifyInvariantsRequest};
use boxoffice_sdk::r#type::v1::Role;
use boxoffice_server::app::App;
use boxoffice_server::config::Config;
use boxoffice_server::secret::Secret;
use tempfile::TempDir;
use uuid::Uuid;

use crate::clock::HandClock;
use crate::database::{Backend, Database};
use crate::people::{Person, request_id};
use crate::stage::{Stage, StagePlan};

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery";
const ADMIN: &str = "admin@example.com";
/// How long unfinished work may take to finish once a test is over.
const CALM_MAX: Duration = Duration::from_secs(20);

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
}

pub(crate) fn config(database: &Database, folder: &TempDir) -> Config {
    let ledger = folder.path().join("sandbox.db");
    Config {
        listen: "127.0.0.1:0".into(),
        database: database.url.clone(),
        sandbox_ledger: format!("sqlite://{}", ledger.display()),
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
        let folder = tempfile::tempdir().expect("a scratch folder");
        let database = Database::create(backend, folder.path()).await;
        let config = config(&database, &folder);
        let clock = Arc::new(HandClock::default());
        let app = App::start_on(&config, clock.clone()).await.expect("the server starts");
        Self { app, clock, database, folder, config }
    }

    /// Stops the server and starts it again on the same database.
    pub async fn restart(self) -> Self {
        let Self { app, clock, database, folder, config } = self;
        app.stop().await.expect("it stops");
        let app = App::start_on(&config, clock.clone()).await.expect("it starts again");
        Self { app, clock, database, folder, config }
    }

    /// Where the server is.
    pub fn url(&self) -> String {
        format!("http://{}", self.app.address())
    }

    /// Somebody who is not signed in.
    pub async fn anonymous(&self) -> Person {
        Person { client: Client::connect(self.url()).await.expect("a client") }
    }

    /// A guest.
    pub async fn guest(&self) -> Person {
        let person = self.anonymous().await;
        let request = CreateGuestSessionRequest { contact_email: "guest@example.com".into() };
        person.create_guest_session(request).await.expect("a guest session");
        person
    }

    /// A new customer.
    pub async fn customer(&self) -> Person {
        let person = self.anonymous().await;
        let request = RegisterRequest {
            email: format!("{}@example.com", Uuid::new_v4().simple()),
            password: PASSWORD.into(),
            display_name: "A Customer".into(),
        };
        person.register(request).await.expect("an account");
        person
    }

    /// The admin.
    pub async fn admin(&self) -> Person {
        let person = self.anonymous().await;
        person.login(login(ADMIN)).await.expect("the admin signs in");
        person
    }

    /// A new organizer.
    pub async fn organizer(&self) -> Person {
        let person = self.anonymous().await;
        let email = format!("{}@example.com", Uuid::new_v4().simple());
        let request = RegisterRequest {
            email: email.clone(),
            password: PASSWORD.into(),
            display_name: "An Organizer".into(),
        };
        let user = person.register(request).await.expect("an account").user.expect("a user");
        let request = SetUserRolesRequest {
            request_id: request_id(),
            user_id: user.user_id,
            roles: vec![Role::Organizer.into()],
        };
        self.admin().await.set_user_roles(request).await.expect("the role is given");
        person.login(login(&email)).await.expect("the organizer signs in");
        person
    }

    /// An event on sale.
    pub async fn stage(&self, plan: StagePlan) -> Stage {
        Stage::publish(&self.organizer().await, &plan).await
    }

    /// What `ops verify` says, with unfinished work counting as wrong from the first instant.
    pub async fn verify(&self) -> Vec<InvariantResult> {
        let settle = Some(boxoffice_sdk::Duration { seconds: 0, nanos: 0 });
        let request = VerifyInvariantsRequest { settle };
        self.admin().await.verify_invariants(request).await.expect("it is verified").results
    }

    /// Waits until nothing is unfinished, then asserts that every invariant holds. An invariant
    /// that must hold always is asserted at once.
    pub async fn assert_sound(&self) {
        let give_up = tokio::time::Instant::now() + CALM_MAX;
        let admin = self.admin().await;
        loop {
            let settle = Some(boxoffice_sdk::Duration { seconds: 0, nanos: 0 });
            let request = VerifyInvariantsRequest { settle };
            let results = admin.verify_invariants(request).await.expect("it is verified").results;
            assert!(results.len() >= 20, "only {} invariants", results.len());
            let broken: Vec<_> = results.iter().filter(|r| r.violation_count > 0).collect();
            if broken.is_empty() {
                return;
            }
            let at_once = broken.iter().any(|result| !UNFINISHED.contains(&result.name.as_str()));
            let late = tokio::time::Instant::now() >= give_up;
            assert!(!at_once && !late, "broken: {broken:#?}");
            // It polls: workers are finishing.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends the test: every invariant holds, the server stops, the database goes.
    pub async fn finish(self) {
        self.assert_sound().await;
        self.app.stop().await.expect("it stops");
        self.database.discard().await;
    }
}

/// The invariants about unfinished work.
const UNFINISHED: [&str; 6] = [
    "no_hold_past_its_time",
    "no_booking_past_its_time",
    "no_payment_forgotten",
    "captured_money_has_a_home",
    "committed_events_are_published",
    "published_events_are_consumed",
];

fn login(email: &str) -> LoginRequest {
    LoginRequest { email: email.into(), password: PASSWORD.into() }
}
