//! A sale that goes on while everything that can fail does, round after round. Every round sells an
//! event of its own, at the end of which all faults are healed and the round is judged.
//!
//! `script/test soak --minutes N --seed S` is the long form. The short form is a round a database.

use std::time::{Duration, Instant};

use boxoffice_tests::pressure::{PressurePlan, Siege, Verdict};
use boxoffice_tests::streams::linger;
use boxoffice_tests::{
    Backend, Chance, Database, PostgresServer, Process, Proxy, SandboxChild, StagePlan, Toxics,
    free_port, length,
};

/// How long a round's sale takes.
const ROUND: Duration = Duration::from_secs(15);
/// How long a server may take to be ready again.
const READY_MAX: Duration = Duration::from_secs(2);
/// How long a hold lasts, so that many end by themselves.
const HOLD_TTL: Duration = Duration::from_secs(10);
const BUYERS: usize = 16;
/// Rounds at the most until everything has happened that has to.
const ROUNDS_UNTIL_LIVELY: u64 = 4;

/// What has to happen besides, in a soak that counts.
const LIVELY: [&str; 11] = [
    "Hold done",
    "Hold SeatsTaken",
    "Hold unanswered",
    "Change done",
    "Release done",
    "Book done",
    "Pay done",
    "Cancel done",
    "booking Confirmed",
    "booking Cancelled",
    "streams outlived",
];

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// The server is killed and starts again.
    Kill,
    /// The server is asked to stop and starts again.
    Stop,
    /// The server stands still for a while.
    Pause,
    /// The database crashes and comes back.
    Crash,
    /// Every connection to the database is reset.
    CutDatabase,
    /// Nothing comes from the database for a while, and nobody is told.
    SilenceDatabase,
    /// The database is far away for a while.
    SlowDatabase,
    /// Every connection to the gateway is reset.
    CutGateway,
    /// The gateway is silent for a while.
    SilenceGateway,
}

const EVERYWHERE: [Fault; 5] =
    [Fault::Kill, Fault::Stop, Fault::Pause, Fault::CutGateway, Fault::SilenceGateway];
const POSTGRES: [Fault; 4] =
    [Fault::Crash, Fault::CutDatabase, Fault::SilenceDatabase, Fault::SlowDatabase];

/// A server and everything around it that can fail.
struct Ground {
    process: Process,
    sandbox: SandboxChild,
    to_gateway: Proxy,
    postgres: Option<(PostgresServer, Proxy)>,
    /// The database, by a way that does not fail.
    database: Database,
}

impl Ground {
    async fn prepare(backend: Backend) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let port = free_port();
        let sandbox = SandboxChild::start(folder.path(), port).await;
        let (to_gateway, gateway) = Proxy::before_url(sandbox.url()).await;
        let (database, postgres) = match backend {
            Backend::Sqlite => (Database::create(backend, folder.path()).await, None),
            Backend::Postgres => {
                let server = PostgresServer::start().await;
                let url = server.url();
                let database = Database::create_on(&url, backend, folder.path()).await;
                let (proxy, _) = Proxy::before_url(&url).await;
                (database, Some((server, proxy)))
            }
        };
        let mut seen = database.clone();
        if let Some((server, proxy)) = &postgres {
            seen.url = seen.url.replace(&server.address(), &proxy.address().to_string());
        }
        let flags = SandboxChild::flags_of(&gateway);
        let listen = format!("127.0.0.1:{port}");
        let more: Vec<&str> =
            flags.iter().map(String::as_str).chain(["--listen", &listen]).collect();
        let mut process = Process::prepare(seen, folder, &more);
        process.start_again().await;
        Self { process, sandbox, to_gateway, postgres, database }
    }

    fn faults(&self) -> Vec<Fault> {
        let more = if self.postgres.is_some() { POSTGRES.as_slice() } else { &[] };
        [EVERYWHERE.as_slice(), more].concat()
    }

    /// Makes something wrong and right again. Says whether it hit anything: somebody waited for an
    /// answer as it began, or the network lost or kept something.
    async fn fail(&mut self, fault: Fault, siege: &Siege, chance: &mut Chance) -> bool {
        let span = chance.between(Duration::from_millis(300), Duration::from_millis(2_500));
        let is_hit = siege.is_hit();
        match fault {
            Fault::Kill => {
                self.process.kill();
                self.start_again().await;
            }
            Fault::Stop => {
                self.process.stop().await;
                self.start_again().await;
            }
            Fault::Pause => {
                self.process.signal("STOP");
                linger(span).await;
                self.process.signal("CONT");
            }
            Fault::CutGateway => return self.to_gateway.reset() > 0,
            Fault::SilenceGateway => {
                return spoil(&self.to_gateway, span, |toxics| toxics.is_mute = true).await;
            }
            of_database => {
                let Some((server, proxy)) = &mut self.postgres else { return false };
                match of_database {
                    Fault::Crash => {
                        server.crash();
                        server.start_again().await;
                    }
                    Fault::CutDatabase => return proxy.reset() > 0,
                    Fault::SilenceDatabase => {
                        return spoil(proxy, span, |toxics| toxics.is_mute = true).await;
                    }
                    _ => {
                        let latency = Duration::from_millis(20);
                        return spoil(proxy, span, |toxics| toxics.latency = latency).await;
                    }
                }
            }
        }
        is_hit
    }

    async fn start_again(&mut self) {
        let ready = self.process.start_again().await;
        assert!(ready < READY_MAX, "ready only after {ready:?}");
    }
}

/// Spoils a network for a while. Says whether anything came by it meanwhile.
async fn spoil(proxy: &Proxy, span: Duration, how: impl FnOnce(&mut Toxics)) -> bool {
    let before = proxy.struck_count();
    proxy.set(how);
    linger(span).await;
    proxy.heal();
    proxy.struck_count() > before
}

impl Ground {
    /// Sells an event while things go wrong, and judges that. Says how often what happened.
    async fn round(&mut self, seed: u64) -> Verdict {
        let siege = Siege::begin(&self.process, plan(), seed).await;
        let mut siege = siege.watched(&self.database).await;
        let faults = siege.sell_during(self.fail_at_random(&siege)).await;
        let mut verdict = siege.end(&self.database, &self.sandbox.ledger).await;
        for fault in faults {
            *verdict.counts.entry(name(fault)).or_default() += 1;
        }
        verdict
    }

    /// One fault after the other until the round is over and each has hit something.
    async fn fail_at_random(&mut self, siege: &Siege) -> Vec<Fault> {
        let (give_up, mut chance) = (Instant::now() + ROUND, siege.chance());
        let last_try = give_up + ROUND;
        let mut faults = Vec::new();
        // Each comes about before any comes again.
        let mut left = self.faults();
        while Instant::now() < give_up || (!left.is_empty() && Instant::now() < last_try) {
            linger(chance.between(Duration::from_millis(200), Duration::from_millis(1_500))).await;
            if left.is_empty() {
                left = self.faults();
            }
            let fault = left.swap_remove(chance.index(left.len()));
            match self.fail(fault, siege, &mut chance).await {
                true => faults.push(fault),
                false => left.push(fault),
            }
        }
        faults
    }

    /// Ends everything.
    async fn finish(self) {
        self.process.finish().await;
    }
}

/// What a fault is called where it is counted.
fn name(fault: Fault) -> String {
    format!("fault {fault:?}")
}

fn plan() -> PressurePlan {
    let stage = StagePlan {
        rows: 10,
        standing: 60,
        hold_ttl: Some(HOLD_TTL),
        places_per_buyer_max: 40,
        ..StagePlan::default()
    };
    PressurePlan { buyers: BUYERS, walks: usize::MAX, turns: 0, stage }
}

/// Goes on, round after round, for so many minutes; one round at the least.
async fn soak(backend: Backend) {
    let minutes = length("BOXOFFICE_TEST_SOAK_MINUTES", 0);
    let give_up = Instant::now() + Duration::from_secs(60 * minutes as u64);
    let seed = Chance::seed();
    let mut ground = Ground::prepare(backend).await;
    let faults: Vec<String> = ground.faults().into_iter().map(name).collect();
    let wanted = faults.iter().map(String::as_str).chain(LIVELY).map(|what| (what, 1));
    let wanted: Vec<_> = wanted.collect();
    let (mut verdict, mut rounds) = (Verdict::default(), 0);
    let is_lively = |verdict: &Verdict| verdict.rare(&wanted).is_empty();
    while rounds == 0
        || Instant::now() < give_up
        || (!is_lively(&verdict) && rounds < ROUNDS_UNTIL_LIVELY)
    {
        verdict.add(ground.round(seed.wrapping_add(rounds)).await);
        rounds += 1;
        if minutes > 0 {
            println!("round {rounds}: clean; {} kinds of happenings so far", verdict.counts.len());
        }
    }
    boxoffice_tests::tell!("{rounds} rounds, seed {seed}: {}", verdict.shown());
    verdict.assert_lively(seed, &wanted);
    ground.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_a_sale_in_which_everything_fails_breaks_no_promise_on_sqlite() {
    soak(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_a_sale_in_which_everything_fails_breaks_no_promise_on_postgres() {
    soak(Backend::Postgres).await;
}
