//! A network that is slow, loses connections or falls silent, in front of the server, of its
//! database and of its gateway.

use std::time::{Duration, Instant};

use boxoffice_sdk::Code;
use boxoffice_sdk::catalog::v1::GetSeatMapRequest;
use boxoffice_server::kernel::id::EventId;
use boxoffice_tests::pressure::{Siege, Verdict};
use boxoffice_tests::{
    Backend, Chance, Database, Door, Person, Process, Proxy, SandboxChild, Stage, StagePlan,
    free_port, length, look_until, portions,
};
use futures::future::join_all;

const BUYERS: usize = 8;
/// Resets of one test, unless `BOXOFFICE_TEST_RESETS` says how many.
const RESETS: usize = 8;
/// Resets of one event's sale; then the next event goes on sale.
const RESETS_A_SALE: usize = 20;
/// How soon a sale goes on once the network is whole again.
const RECOVERY_MAX: Duration = Duration::from_secs(5);
/// How soon it goes on when every connection of the database is silent for ever.
const FORGOTTEN_MAX: Duration = Duration::from_secs(30);
/// Connections to its database that a server has.
const POOL: usize = 16;
/// Answers of the gateway that are cut off before it can be reached again.
const ANSWERS_CUT: usize = 5;
/// What a call may take beyond its deadline on a machine that is busy.
const LATE_MAX: Duration = Duration::from_millis(1_500);
/// How long a buyer waits for an answer where the network falls silent for longer.
const HASTE: Duration = Duration::from_secs(1);

/// A server whose database and whose own port are behind networks of their own.
struct Far {
    process: Process,
    /// Before the database; `None` on SQLite, which is a file.
    database: Option<Proxy>,
    /// Before the server.
    port: Proxy,
    door: Door,
}

impl Far {
    async fn start(backend: Backend, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let database = Database::create(backend, folder.path()).await;
        let (proxy, url) = match backend {
            Backend::Sqlite => (None, database.url.clone()),
            Backend::Postgres => {
                let (proxy, url) = Proxy::before_url(&database.url).await;
                (Some(proxy), url)
            }
        };
        let flags = [&["--database", &url], more].concat();
        let mut process = Process::prepare(database, folder, &flags);
        process.start_again().await;
        let (port, url) = Proxy::before_url(&process.url()).await;
        Self { process, database: proxy, port, door: Door { url } }
    }

    fn database(&self) -> &Proxy {
        self.database.as_ref().expect("a database behind a network")
    }

    /// A sale by way of the networks.
    async fn siege(&self, seed: u64) -> Siege {
        let siege = Siege::begin(&self.door, Siege::plan(BUYERS), seed).await;
        siege.watched(&self.process.database).await
    }

    /// Another event, for those whom the judge does not hear of.
    async fn aside(&self) -> Stage {
        self.process.stage(StagePlan::default()).await
    }

    async fn end(&self, mut siege: Siege) -> Verdict {
        siege.end(&self.process.database, &self.process.ledger_file()).await
    }
}

/// Resets connections at random. Says how many.
async fn reset_at_random(far: &Far, mut chance: Chance, times: usize) -> usize {
    let mut hit = 0;
    for number in 0..times {
        let pause = chance.between(Duration::from_millis(50), Duration::from_millis(400));
        // It chooses the moment of a reset, at random.
        tokio::time::sleep(pause).await;
        hit += match &far.database {
            Some(database) if number % 2 == 0 => database.reset(),
            _ => far.port.reset(),
        };
    }
    // It chooses the moment of closing: some of the sale is to come after the last reset.
    tokio::time::sleep(Duration::from_millis(200)).await;
    hit
}

async fn loses_nothing_by_resets(backend: Backend) {
    let far = Far::start(backend, &[]).await;
    let (seed, times) = (Chance::seed(), length("BOXOFFICE_TEST_RESETS", RESETS));
    let (mut verdict, mut hit) = (Verdict::default(), 0);
    for (seed, times) in (seed..).zip(portions(times, RESETS_A_SALE)) {
        let siege = far.siege(seed).await;
        hit += siege.sell_during(reset_at_random(&far, siege.chance(), times)).await;
        verdict.add(far.end(siege).await);
    }
    boxoffice_tests::tell!("{hit} connections were reset");
    assert!(hit > 0, "no connection was reset");
    verdict.assert_noticed(1);
    far.process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_09_a_sale_whose_connections_are_reset_loses_nothing() {
    tokio::join!(
        loses_nothing_by_resets(Backend::Sqlite),
        loses_nothing_by_resets(Backend::Postgres)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sale_goes_on_over_a_slow_and_unsteady_network() {
    let far = Far::start(Backend::Postgres, &[]).await;
    let siege = far.siege(Chance::seed()).await;
    let trouble = async {
        for proxy in [far.database(), &far.port] {
            proxy.set(|toxics| {
                (toxics.latency, toxics.jitter) =
                    (Duration::from_millis(5), Duration::from_millis(15));
            });
        }
        // It chooses the moment of closing.
        tokio::time::sleep(Duration::from_secs(4)).await;
    };
    siege.sell_during(trouble).await;
    far.database().heal();
    far.port.heal();
    let struck = [far.database(), &far.port].map(Proxy::struck_count);
    boxoffice_tests::tell!("{struck:?} messages came late");
    assert!(struck.iter().all(|count| *count > 0), "the network was quick");
    far.end(siege).await.assert_noticed(0);
    far.process.finish().await;
}

/// Calls with a deadline of a second end by it, whatever they are.
async fn assert_deadlines_hold(person: &Person, stage: &Stage) {
    let deadline = Duration::from_secs(1);
    let person = hasty(person, deadline);
    let request = GetSeatMapRequest { event_id: stage.event_id.clone() };
    let seats = [stage.seat(0)];
    for _ in 0..2 {
        let begun = Instant::now();
        let read = person.get_seat_map(request.clone());
        let (read, held) = tokio::join!(read, person.hold(&stage.event_id, &seats));
        for code in [read.map(drop), held.map(drop)].map(|answer| answer.expect_err("none").code())
        {
            assert!(matches!(code, Code::DeadlineExceeded | Code::Unavailable), "{code:?}");
        }
        assert!(begun.elapsed() < deadline + LATE_MAX, "it took {:?}", begun.elapsed());
    }
}

/// The same person, who waits for no call any longer.
fn hasty(person: &Person, deadline: Duration) -> Person {
    Person::from(boxoffice_sdk::Client::clone(person).with_deadline(deadline))
}

/// Every connection that the server has can be used at the same time.
async fn assert_no_connection_is_leaked(far: &Far, stage: &Stage) {
    let busy = "select count(*) from pg_stat_activity where application_name = 'boxoffice'
        and datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()";
    far.process.database.wait_by_hand(busy, |count| count == 0).await;
    let person = far.process.anonymous().await;
    let request = GetSeatMapRequest { event_id: stage.event_id.clone() };
    let reads = (0..3 * POOL).map(|_| person.get_seat_map(request.clone()));
    for map in join_all(reads).await {
        map.expect("there are connections for everybody");
    }
    // One more is health's own. Those that were given up are about to close.
    look_until(async || far.database().open_count(), |open| *open <= POOL + 1).await;
}

/// Lets the holds of the event aside, of which nobody knows whether they were made, be over.
async fn let_go(far: &Far, aside: &Stage) {
    let event = EventId::parse(&aside.event_id).expect("an event id").uuid();
    let event = far.process.database.literal(event);
    let over = format!(
        "update booking_hold set expire_time = 1 where state = 'ACTIVE' and event_id = {event}"
    );
    far.process.database.by_hand(&over).await;
}

/// A database that is silent for two seconds, twice, with buyers who wait for one at the most.
async fn hangs_nobody() {
    let far = Far::start(Backend::Postgres, &[]).await;
    let siege = far.siege(Chance::seed()).await.with_clients(|client| client.with_deadline(HASTE));
    let aside = far.aside().await;
    let watching = far.process.guest().await;
    let trouble = async {
        // It chooses the moment of the silence: the sale is under way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        far.database().set(|toxics| (toxics.is_deaf, toxics.is_mute) = (true, true));
        assert_deadlines_hold(&watching, &aside).await;
        far.database().heal();
        let took = siege.goes_on(RECOVERY_MAX).await;
        far.database().set(|toxics| toxics.is_mute = true);
        assert_deadlines_hold(&watching, &aside).await;
        far.database().heal();
        let again = siege.goes_on(RECOVERY_MAX).await;
        boxoffice_tests::tell!("the sale went on after {took:?} and {again:?}");
    };
    siege.sell_during(trouble).await;
    assert_no_connection_is_leaked(&far, &aside).await;
    let_go(&far, &aside).await;
    far.end(siege).await.assert_noticed(2);
    far.process.finish().await;
}

/// A database every connection to which is silent for ever: the server gives up a statement that
/// has had no answer for 22 seconds.
async fn gives_up_the_silent() {
    let far = Far::start(Backend::Postgres, &[]).await;
    let siege = far.siege(Chance::seed()).await;
    let trouble = async {
        // It chooses the moment of the silence: the sale is under way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        far.database().forget();
        let took = siege.goes_on(FORGOTTEN_MAX).await;
        boxoffice_tests::tell!("the sale went on after {took:?}");
    };
    siege.sell_during(trouble).await;
    look_until(async || far.database().made_count(), |made| *made > POOL / 2).await;
    far.end(siege).await.assert_noticed(1);
    far.process.finish().await;
}

/// Both at the same time, since most of it is waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_for_seconds_or_for_ever_hangs_nobody() {
    tokio::join!(hangs_nobody(), gives_up_the_silent());
}

/// A gateway whose every answer is lost for a while, whose connections are reset, and whose own
/// words do not arrive either until all is well again.
async fn charges_once_over_a_bad_network(backend: Backend) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let address = format!("127.0.0.1:{}", free_port());
    let webhooks = Proxy::before(&address).await;
    let sandbox = SandboxChild::start(folder.path(), webhooks.address().port()).await;
    let (proxy, url) = Proxy::before_url(sandbox.url()).await;
    let flags = SandboxChild::flags_of(&url);
    let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    flags.extend(["--listen", &address]);
    let far = Far::start(backend, &flags).await;
    let mut siege = far.siege(Chance::seed()).await;
    let trouble = async {
        webhooks.set(|toxics| toxics.is_down = true);
        webhooks.reset();
        proxy.set(|toxics| toxics.cut_after = Some(10));
        // Charges are made, and no answer comes back.
        look_until(async || proxy.struck_count(), |cut| *cut >= ANSWERS_CUT).await;
        let mut hit = proxy.reset();
        proxy.heal();
        for _ in 0..4 {
            // It chooses the moment of a reset.
            tokio::time::sleep(Duration::from_millis(200)).await;
            hit += proxy.reset();
        }
        webhooks.heal();
        hit
    };
    let hit = siege.sell_during(trouble).await;
    let cut = proxy.struck_count();
    boxoffice_tests::tell!("{cut} answers were cut off, {hit} connections reset");
    let verdict = siege.end(&far.process.database, &sandbox.ledger).await;
    verdict.assert_noticed(0);
    far.process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_31_a_gateway_behind_a_bad_network_charges_once() {
    tokio::join!(
        charges_once_over_a_bad_network(Backend::Sqlite),
        charges_once_over_a_bad_network(Backend::Postgres)
    );
}
