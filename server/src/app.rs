//! The composition root: settings become adapters, adapters become services, services a port.

mod workers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::adapters::database_holds::DatabaseHolds;
use crate::adapters::sandbox::SandboxGateway;
use crate::adapters::system_clock::SystemClock;
use crate::booking::consumer::TakeOverGuests;
use crate::booking::feed::SeatFeeds;
use crate::booking::grpc::BookingGrpc;
use crate::booking::service::BookingService;
use crate::catalog::grpc::CatalogGrpc;
use crate::catalog::service::CatalogService;
use crate::config::Config;
use crate::cores::Cores;
use crate::delivery::Deliveries;
use crate::demo;
use crate::error::{Error, Result};
use crate::gateways::{local_url, open_gateway};
use crate::identity::grpc::IdentityGrpc;
use crate::identity::service::IdentityService;
use crate::identity::tokens::AccessTokens;
use crate::kernel::limits::{
    CLOSE_DURATION_MAX, DRAIN_DURATION_MAX, DRAWING_QUEUE_MAX, FINISH_DURATION_MAX,
    STREAMS_END_DURATION_MAX,
};
use crate::notification::consumer::CauseMails;
use crate::notification::service::NotificationService;
use crate::operations::dead_letters::DeadLetters;
use crate::operations::grpc::OperationsGrpc;
use crate::operations::status::StatusReader;
use crate::parts::Parts;
use crate::payment::consumer::FollowBookings;
use crate::payment::grpc::PaymentGrpc;
use crate::payment::service::PaymentService;
use crate::ports::bus::Consumer;
use crate::ports::clock::Clock;
use crate::ports::gateway::PaymentGateway;
use crate::ports::mailer::Mailer;
use crate::reporting::grpc::ReportingGrpc;
use crate::reporting::service::{ReportingService, TimelineProjection};
use crate::secret::Secrets;
use crate::store::{Lanes, Store, void_leases};
use crate::tasks::Tasks;
use crate::ticket::code::TicketCodes;
use crate::ticket::grpc::TicketGrpc;
use crate::ticket::service::TicketService;
use crate::transport::access::AccessRules;
use crate::transport::auth::AuthLayer;
use crate::transport::connections::Taken;
use crate::transport::request_key::RequestKeys;
use crate::transport::server::{Contexts, Port, serve};
use crate::workers::repeat;

/// Who issues access tokens and whom they are meant for.
const TOKEN_PARTY: &str = "boxoffice";
/// How often what is over is ended and the gateway is asked again.
const SWEEP_PAUSE: Duration = Duration::from_millis(500);
/// How often what is no longer needed is forgotten.
const TIDY_PAUSE: Duration = Duration::from_secs(60);
/// How often the gateway's books are compared with ours.
const COMPARE_PAUSE: Duration = Duration::from_secs(5 * 60);
/// How often the database server's time is asked for.
const CLOCK_PAUSE: Duration = Duration::from_secs(30);

/// A running server.
pub struct App {
    address: SocketAddr,
    sandbox: Option<SandboxGateway>,
    port: JoinHandle<()>,
    taken: Taken,
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
    deliveries: Deliveries,
    ticket: TicketService,
    mailer: Arc<dyn Mailer>,
    /// What draws tickets, and the codes of mails.
    drawers: Cores,
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
        Self::start_with(config, store, Parts::of(config, clock)?, tasks).await
    }

    /// Starts a server of parts of one's own.
    pub async fn start_on(config: &Config, parts: Parts) -> Result<Self> {
        let store = open_database(config).await?;
        Self::start_with(config, store, parts, Tasks::default()).await
    }

    async fn start_with(config: &Config, store: Store, parts: Parts, tasks: Tasks) -> Result<Self> {
        let (clock, limits) = (Arc::clone(&parts.clock), parts.connections);
        let taken = Taken::default();
        let rules = AccessRules::of_contract()?;
        let (gateway, sandbox) = open_gateway(config, &clock).await?;
        let services = Services::new(config, &store, parts, gateway, &tasks)?;
        let new_admin = services.ensure_admin(config).await?;
        if config.demo {
            demo::fill(&services.identity, &services.catalog, &*clock).await?;
        }
        let listener = TcpListener::bind(&config.listen)
            .await
            .map_err(|error| Error::Unavailable(format!("--listen {}: {error}", config.listen)))?;
        let address = listener.local_addr().map_err(Error::internal)?;
        if let (Some(sandbox), Some(plan)) = (&sandbox, config.sandbox_webhooks) {
            sandbox.post_webhooks(
                format!("{}/webhooks/sandbox", local_url(address)),
                plan,
                &tasks,
            )?;
        }
        let public_url = config.public_url.clone().unwrap_or_else(|| local_url(address));
        let notifications = services.notifications(&public_url);
        services.void_leases().await?;
        notifications.void_leases().await?;
        let feeds = SeatFeeds::new(store.clone());
        services.start_workers(&feeds, &notifications, &tasks);
        let port = Port {
            listener,
            auth: AuthLayer::new(rules, Arc::clone(&services.tokens), clock),
            jwks: services.tokens.jwks(),
            probe: store.probe()?,
            payments: services.payment.clone(),
            cors_origins: cors_origins(config)?,
            limits,
            taken: taken.clone(),
            stop: tasks.closing().clone(),
            calls: tasks.calls().clone(),
        };
        let served = serve(services.contexts(feeds, notifications, &tasks), port);
        let port = tasks.spawn_port(served);
        Ok(Self { address, sandbox, port, taken, tasks, store, new_admin })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The sandbox gateway, for comparing its ledger with the payments; `None` unless it is in
    /// this process.
    pub fn sandbox(&self) -> Option<&SandboxGateway> {
        self.sandbox.as_ref()
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
        let Self { port, taken, tasks, store, .. } = self;
        tasks.closing().cancel();
        let abort = port.abort_handle();
        let streams_cut_off = async {
            tasks.calls_answered().await;
            let answered = Instant::now();
            // Whoever takes what he is sent, be it slowly, is left to it.
            loop {
                let until = answered.max(taken.last()) + STREAMS_END_DURATION_MAX;
                if until <= Instant::now() {
                    break;
                }
                tokio::time::sleep_until(until).await;
            }
            // One may have come before its client heard that there is to be none.
            tasks.calls_answered().await;
        };
        tokio::select! {
            _ = port => {}
            // Whoever does not read to the end of a stream goes on from where he was.
            () = streams_cut_off => abort.abort(),
            () = tokio::time::sleep(DRAIN_DURATION_MAX) => abort.abort(),
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
        parts: Parts,
        gateway: Arc<dyn PaymentGateway>,
        tasks: &Tasks,
    ) -> Result<Self> {
        let Parts { clock, consumers: more_consumers, delivery_failures_max, mailer, .. } = parts;
        let clock = &clock;
        let secrets =
            Secrets { current: config.secret.clone(), previous: config.previous_secrets.clone() };
        let tokens = Arc::new(AccessTokens::new(&secrets, TOKEN_PARTY, TOKEN_PARTY));
        let lanes = Lanes::start(store, clock, tasks);
        let holds = DatabaseHolds::new(store.clone(), lanes.clone(), Arc::clone(clock));
        let booking =
            BookingService::new(store.clone(), lanes.clone(), Arc::new(holds), Arc::clone(clock));
        let payment = PaymentService::new(
            store.clone(),
            lanes.clone(),
            booking.clone(),
            gateway,
            Arc::clone(clock),
            tasks.clone(),
        );
        let identity =
            IdentityService::new(store.clone(), Arc::clone(clock), Arc::clone(&tokens), &secrets)?;
        let catalog = CatalogService::new(store.clone(), Arc::clone(clock), booking.clone());
        let codes = TicketCodes::new(&secrets.current, &secrets.previous);
        let drawers = Cores::of_machine(DRAWING_QUEUE_MAX);
        let ticket =
            TicketService::new(store.clone(), lanes, Arc::clone(clock), codes, drawers.clone());
        let (store, clock) = (store.clone(), Arc::clone(clock));
        let mut consumers: Vec<Arc<dyn Consumer>> = vec![Arc::new(TimelineProjection)];
        consumers.push(Arc::new(FollowBookings::new(Arc::clone(&clock))));
        consumers.push(Arc::new(TakeOverGuests));
        consumers.push(Arc::new(CauseMails::new(Arc::clone(&clock))));
        consumers.extend(more_consumers);
        let failures_max = delivery_failures_max;
        let deliveries =
            Deliveries::new(store.clone(), Arc::clone(&clock), consumers, failures_max);
        Ok(Self {
            store,
            clock,
            secrets,
            tokens,
            identity,
            catalog,
            booking,
            payment,
            ticket,
            deliveries,
            mailer,
            drawers,
        })
    }

    /// What sends mails, with links that begin with that URL.
    fn notifications(&self, public_url: &str) -> NotificationService {
        NotificationService::new(
            self.store.clone(),
            Arc::clone(&self.clock),
            self.identity.clone(),
            TicketCodes::new(&self.secrets.current, &self.secrets.previous),
            Arc::clone(&self.mailer),
            self.drawers.clone(),
            public_url,
        )
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

    fn contexts(
        self,
        feeds: SeatFeeds,
        notifications: NotificationService,
        tasks: &Tasks,
    ) -> Contexts {
        let keys = RequestKeys::new(&self.secrets);
        let (store, clock) = (self.store, self.clock);
        let dead_letters =
            DeadLetters::new(store.clone(), Arc::clone(&clock), self.deliveries, tasks.clone());
        Contexts {
            catalog: CatalogGrpc::new(self.catalog, keys.clone()),
            identity: IdentityGrpc::new(self.identity, keys.clone()),
            booking: BookingGrpc {
                bookings: self.booking,
                feeds,
                signals: store.signals().clone(),
                keys: keys.clone(),
                clock: Arc::clone(&clock),
                stop: tasks.closing().clone(),
            },
            payment: PaymentGrpc::new(self.payment.clone(), keys.clone()),
            ticket: TicketGrpc::new(self.ticket),
            reporting: ReportingGrpc::new(ReportingService::new(store.clone())),
            operations: OperationsGrpc {
                status: StatusReader::new(store.clone(), Arc::clone(&clock), dead_letters.clone()),
                dead_letters,
                payments: self.payment,
                notifications,
                store,
                clock,
                keys,
            },
        }
    }
}
