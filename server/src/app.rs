//! The composition root: settings become adapters, adapters become services, services a port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::adapters::database_bus::DatabaseBus;
use crate::adapters::database_holds::DatabaseHolds;
use crate::adapters::sandbox::SandboxGateway;
use crate::adapters::system_clock::SystemClock;
use crate::booking::feed::SeatFeeds;
use crate::booking::grpc::BookingGrpc;
use crate::booking::service::BookingService;
use crate::catalog::grpc::CatalogGrpc;
use crate::catalog::service::CatalogService;
use crate::config::Config;
use crate::demo;
use crate::error::{Error, Result};
use crate::identity::grpc::IdentityGrpc;
use crate::identity::service::IdentityService;
use crate::identity::tokens::AccessTokens;
use crate::kernel::limits::{
    CLOSE_DURATION_MAX, DRAIN_DURATION_MAX, FINISH_DURATION_MAX, REQUEST_ID_KEPT,
};
use crate::operations::grpc::OperationsGrpc;
use crate::payment::consumer::CancelOpenPayments;
use crate::payment::grpc::PaymentGrpc;
use crate::payment::service::PaymentService;
use crate::ports::clock::Clock;
use crate::reporting::grpc::ReportingGrpc;
use crate::reporting::service::{ReportingService, TimelineProjection};
use crate::secret::Secrets;
use crate::store::{Lanes, Store, sweep_requests, void_leases};
use crate::tasks::Tasks;
use crate::ticket::code::TicketCodes;
use crate::ticket::grpc::TicketGrpc;
use crate::ticket::service::TicketService;
use crate::transport::access::AccessRules;
use crate::transport::auth::AuthLayer;
use crate::transport::request_key::RequestKeys;
use crate::transport::server::{Contexts, Port, serve};
use crate::workers::{listen, relay_events, repeat};

/// Who issues access tokens and whom they are meant for.
const TOKEN_PARTY: &str = "boxoffice";
/// How often what is over is ended and the gateway is asked again.
const SWEEP_PAUSE: Duration = Duration::from_millis(500);
/// How often what is no longer needed is forgotten.
const TIDY_PAUSE: Duration = Duration::from_secs(60);
/// How often the database server's time is asked for.
const CLOCK_PAUSE: Duration = Duration::from_secs(30);

/// A running server.
pub struct App {
    address: SocketAddr,
    gateway: SandboxGateway,
    port: JoinHandle<()>,
    stop_port: CancellationToken,
    tasks: Tasks,
    store: Store,
    /// How to sign in as the admin that this start has made: e-mail and password.
    pub new_admin: Option<(String, Option<String>)>,
}

/// The services of a server and what they share.
struct Services {
    store: Store,
    clock: Arc<dyn Clock>,
    secrets: Secrets,
    tokens: Arc<AccessTokens>,
    identity: IdentityService,
    catalog: CatalogService,
    booking: BookingService,
    payment: PaymentService,
}

impl App {
    /// Starts a server: migrates the database, makes the first admin, listens.
    pub async fn start(config: &Config) -> Result<Self> {
        let clock = Arc::new(SystemClock::default());
        let store = open_database(config).await?;
        clock.follow(&store).await?;
        let followed = (Arc::clone(&clock), store.clone());
        let tasks = Tasks::default();
        tasks.spawn_vital(repeat("clock", CLOCK_PAUSE, tasks.stop().clone(), move || {
            let (clock, store) = followed.clone();
            async move { clock.follow(&store).await.map(|()| false) }
        }));
        Self::start_with(config, store, clock, tasks).await
    }

    /// Starts a server on a clock of one's own, for tests that turn it by hand.
    pub async fn start_on(config: &Config, clock: Arc<dyn Clock>) -> Result<Self> {
        let store = open_database(config).await?;
        Self::start_with(config, store, clock, Tasks::default()).await
    }

    async fn start_with(
        config: &Config,
        store: Store,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Result<Self> {
        let rules = AccessRules::of_contract()?;
        let gateway = SandboxGateway::open(&config.sandbox_ledger).await?;
        let services = Services::new(config, &store, &clock, &gateway, &tasks)?;
        let new_admin = services.ensure_admin(config).await?;
        if config.demo {
            demo::fill(&services.identity, &services.catalog, &*clock).await?;
        }
        let listener = TcpListener::bind(&config.listen)
            .await
            .map_err(|error| Error::Unavailable(format!("--listen {}: {error}", config.listen)))?;
        let address = listener.local_addr().map_err(Error::internal)?;
        services.void_leases().await?;
        let feeds = SeatFeeds::new(store.clone());
        services.start_workers(&feeds, &tasks);
        let stop_port = CancellationToken::new();
        let port = Port {
            listener,
            auth: AuthLayer::new(rules, Arc::clone(&services.tokens), clock),
            jwks: services.tokens.jwks(),
            store: store.clone(),
            cors_origins: cors_origins(config)?,
            stop: stop_port.clone(),
        };
        let served = serve(services.contexts(feeds, &stop_port), port);
        let port = tasks.spawn_port(served);
        Ok(Self { address, gateway, port, stop_port, tasks, store, new_admin })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sandbox gateway, for comparing its ledger with the payments.
    pub fn gateway(&self) -> &SandboxGateway {
        &self.gateway
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Waits until the server can no longer do its work: the port or a worker has failed.
    pub async fn failure(&self) {
        self.tasks.failure().await;
    }

    /// Stops: no new work, calls in flight finish, streams end with their cursor, workers stop.
    /// What takes longer than a few seconds is cut off; whatever was acknowledged is safe.
    pub async fn stop(self) -> Result<()> {
        let Self { port, stop_port, tasks, store, .. } = self;
        stop_port.cancel();
        let abort = port.abort_handle();
        if tokio::time::timeout(DRAIN_DURATION_MAX, port).await.is_err() {
            abort.abort();
        }
        if tokio::time::timeout(FINISH_DURATION_MAX, tasks.finish()).await.is_err() {
            tracing::warn!("some work had to be cut off; it goes on after the next start");
        }
        if tokio::time::timeout(CLOSE_DURATION_MAX, store.close()).await.is_err() {
            tracing::warn!("some connections of the database were cut off");
        }
        Ok(())
    }
}

/// Opens the database. Its URL may hold a password, so that a complaint names only the setting.
async fn open_database(config: &Config) -> Result<Store> {
    let opened = Store::open(&config.database).await;
    opened.map_err(|error| Error::Unavailable(format!("--database cannot be opened: {error}")))
}

/// Why the first admin cannot be made, for whoever chose the settings.
fn admin_refused(error: Error) -> Error {
    let Error::Rejected(refusal) = error else { return error };
    let complaint = match refusal.violations.first() {
        Some(fault) => format!("BOXOFFICE_ADMIN_PASSWORD {}", fault.description),
        None => format!("BOXOFFICE_ADMIN_EMAIL cannot be made an admin: {}", refusal.message),
    };
    Error::Unavailable(complaint)
}

fn cors_origins(config: &Config) -> Result<Vec<http::HeaderValue>> {
    let origin = |text: &String| {
        text.parse().map_err(|_| Error::internal(format!("--cors-origins {text} is no origin")))
    };
    config.cors_origins.iter().map(origin).collect()
}

impl Services {
    fn new(
        config: &Config,
        store: &Store,
        clock: &Arc<dyn Clock>,
        gateway: &SandboxGateway,
        tasks: &Tasks,
    ) -> Result<Self> {
        let secrets =
            Secrets { current: config.secret.clone(), previous: config.previous_secrets.clone() };
        let tokens = Arc::new(AccessTokens::new(&secrets, TOKEN_PARTY, TOKEN_PARTY));
        let lanes = Lanes::start(store, clock, tasks);
        let holds = DatabaseHolds::new(store.clone(), lanes.clone(), Arc::clone(clock));
        let booking =
            BookingService::new(store.clone(), lanes.clone(), Arc::new(holds), Arc::clone(clock));
        let payment = PaymentService::new(
            store.clone(),
            lanes,
            booking.clone(),
            Arc::new(gateway.clone()),
            Arc::clone(clock),
            tasks.clone(),
        );
        let identity =
            IdentityService::new(store.clone(), Arc::clone(clock), Arc::clone(&tokens), &secrets)?;
        let catalog = CatalogService::new(store.clone(), Arc::clone(clock));
        let (store, clock) = (store.clone(), Arc::clone(clock));
        Ok(Self { store, clock, secrets, tokens, identity, catalog, booking, payment })
    }

    /// Makes the first admin. Answers with the e-mail, and the password if it was made up here.
    async fn ensure_admin(&self, config: &Config) -> Result<Option<(String, Option<String>)>> {
        if config.demo || self.identity.has_admin().await? {
            return Ok(None);
        }
        let made_up = match &config.admin_password {
            Some(_) => None,
            None if config.production => {
                let what = "BOXOFFICE_ADMIN_PASSWORD is not set; the first start in production \
                    needs it to make the first admin";
                return Err(Error::Unavailable(what.into()));
            }
            None => Some(uuid::Uuid::from_bytes(rand::random()).simple().to_string()),
        };
        let password = config.admin_password.as_ref().or(made_up.as_ref());
        let password = password.map(String::as_str).unwrap_or_default();
        let made = self.identity.ensure_admin(&config.admin_email, password, "Admin").await;
        let made = made.map_err(admin_refused)?;
        Ok(made.then(|| (config.admin_email.clone(), made_up)))
    }

    /// What a process that is gone was doing goes on at once.
    async fn void_leases(&self) -> Result<()> {
        self.payment.void_leases().await?;
        let mut tx = self.store.begin().await?;
        void_leases(&mut tx).await?;
        tx.commit().await
    }

    fn start_workers(&self, feeds: &SeatFeeds, tasks: &Tasks) {
        let stop = tasks.stop();
        let consumers: Vec<Box<dyn crate::ports::bus::Consumer>> =
            vec![Box::new(TimelineProjection), Box::new(CancelOpenPayments)];
        let bus = Arc::new(DatabaseBus::new(self.store.clone(), consumers));
        let clock = Arc::clone(&self.clock);
        tasks.spawn_vital(relay_events(self.store.clone(), bus, clock, stop.clone()));
        tasks.spawn_vital(listen(self.store.clone(), stop.clone()));
        let feeds = feeds.clone();
        let followed = stop.clone();
        tasks.spawn_vital(async move { feeds.follow(followed).await });
        let booking = self.booking.clone();
        tasks.spawn_vital(repeat("sweeper of holds", SWEEP_PAUSE, stop.clone(), move || {
            let booking = booking.clone();
            async move { booking.sweep_holds().await }
        }));
        let booking = self.booking.clone();
        tasks.spawn_vital(repeat("sweeper of bookings", SWEEP_PAUSE, stop.clone(), move || {
            let booking = booking.clone();
            async move { booking.sweep_bookings().await }
        }));
        let payment = self.payment.clone();
        tasks.spawn_vital(repeat("reconciler", SWEEP_PAUSE, stop.clone(), move || {
            let payment = payment.clone();
            async move { payment.reconcile().await }
        }));
        let identity = self.identity.clone();
        let tidied = (self.booking.clone(), identity, self.store.clone(), Arc::clone(&self.clock));
        tasks.spawn_vital(repeat("tidying", TIDY_PAUSE, stop.clone(), move || {
            let (booking, identity, store, clock) = tidied.clone();
            async move {
                let changes = booking.sweep_changes().await?;
                identity.sweep().await?;
                let mut tx = store.begin().await?;
                let requests = sweep_requests(&mut tx, clock.now() - REQUEST_ID_KEPT).await?;
                tx.commit().await?;
                Ok(changes || requests)
            }
        }));
    }

    fn contexts(self, feeds: SeatFeeds, stop: &CancellationToken) -> Contexts {
        let keys = RequestKeys::new(self.secrets.current.key("request-id"));
        let codes = TicketCodes::new(&self.secrets.current, &self.secrets.previous);
        let store = self.store;
        Contexts {
            catalog: CatalogGrpc::new(self.catalog, keys.clone()),
            identity: IdentityGrpc::new(self.identity, keys.clone()),
            booking: BookingGrpc {
                bookings: self.booking,
                feeds,
                signals: store.signals().clone(),
                keys: keys.clone(),
                clock: Arc::clone(&self.clock),
                stop: stop.clone(),
            },
            payment: PaymentGrpc::new(self.payment, keys),
            ticket: TicketGrpc::new(TicketService::new(store.clone(), codes)),
            reporting: ReportingGrpc::new(ReportingService::new(store.clone())),
            operations: OperationsGrpc::new(store, self.clock),
        }
    }
}
