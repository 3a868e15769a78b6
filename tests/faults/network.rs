//! A network that is slow, loses connections or falls silent, in front of the server, of its
//! database and of its gateway.

use std::time::{Duration, Instant};

use boxoffice_sdk::Code;
use boxoffice_sdk::booking::v1::HoldSeatsRequest;
use boxoffice_sdk::catalog::v1::GetSeatMapRequest;
use boxoffice_sdk::identity::v1::CreateGuestSessionRequest;
use boxoffice_tests::{
    Backend, Chance, Database, Door, Person, Process, Proxy, Sale, SandboxChild, Stage,
    eventually_within, length, look_until, request_id,
};
use futures::future::join_all;

use crate::rush;

/// Resets of one test, unless `BOXOFFICE_TEST_RESETS` says how many.
const RESETS: usize = 8;
/// How soon a sale goes on once the network is whole again.
const RECOVERY_MAX: Duration = Duration::from_secs(5);
/// How soon it goes on when every connection of the database is silent for ever.
const FORGOTTEN_MAX: Duration = Duration::from_secs(30);
/// Connections to its database that a server has.
const POOL: usize = 16;
/// What a call may take beyond its deadline on a machine that is busy.
const LATE_MAX: Duration = Duration::from_millis(700);

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
        process.start_again();
        let (port, url) = Proxy::before_url(&process.url()).await;
        Self { process, database: proxy, port, door: Door { url } }
    }

    fn database(&self) -> &Proxy {
        self.database.as_ref().expect("a database behind a network")
    }

    async fn finish(self, bought: &rush::Bought) {
        rush::assert_kept(&self.process, bought).await;
        rush::assert_charged_once(bought, &self.process.ledger().await);
        rush::assert_finished(&self.process.database).await;
        self.process.finish().await;
    }
}

/// Waits until a seat can be held again, and says how long that took.
async fn recovery(door: &Door, stage: &Stage, seat: usize, patience: Duration) -> Duration {
    let begun = Instant::now();
    let person = hasty(&door.anonymous().await, Duration::from_secs(2));
    let request = HoldSeatsRequest {
        request_id: request_id(),
        event_id: stage.event_id.clone(),
        seat_ids: vec![stage.seat(seat).to_owned()],
        general_admission: Vec::new(),
    };
    eventually_within(patience, async || {
        if person.tokens().is_none() {
            person.create_guest_session(CreateGuestSessionRequest::default()).await?;
        }
        person.hold_seats(request.clone()).await
    })
    .await;
    begun.elapsed()
}

async fn reset_at_random(far: &Far, sale: &Sale) {
    let (mut chance, mut hit) = (Chance::of_test(), 0);
    for number in 0..length("BOXOFFICE_TEST_RESETS", RESETS) {
        let pause = chance.between(Duration::from_millis(50), Duration::from_millis(400));
        // It chooses the moment of a reset, at random.
        tokio::time::sleep(pause).await;
        hit += match &far.database {
            Some(database) if number % 2 == 0 => database.reset(),
            _ => far.port.reset(),
        };
    }
    boxoffice_tests::tell!("{hit} connections were reset");
    assert!(hit > 0, "no connection was reset");
    // It chooses the moment of closing: some of the sale is to come after the last reset.
    tokio::time::sleep(Duration::from_millis(200)).await;
    sale.close();
}

async fn loses_nothing_by_resets(backend: Backend) {
    let far = Far::start(backend, &[]).await;
    let stage = rush::stage(&far.process).await;
    let sale = Sale::open(&far.door);
    let buyers = rush::admit(&sale, &far.door).await;
    let bought = rush::sell(&stage, buyers, reset_at_random(&far, &sale)).await;
    far.finish(&bought).await;
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
    let stage = rush::stage(&far.process).await;
    let sale = Sale::open(&far.door);
    let buyers = rush::admit(&sale, &far.door).await;
    for proxy in [far.database(), &far.port] {
        proxy.set(|toxics| {
            (toxics.latency, toxics.jitter) =
                (Duration::from_millis(35), Duration::from_millis(30));
        });
    }
    let trouble = async {
        // It chooses the moment of closing.
        tokio::time::sleep(Duration::from_secs(6)).await;
        sale.close();
    };
    let bought = rush::sell(&stage, buyers, trouble).await;
    far.database().heal();
    far.port.heal();
    far.finish(&bought).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_for_seconds_hangs_nobody() {
    let far = Far::start(Backend::Postgres, &[]).await;
    let stage = rush::stage(&far.process).await;
    let sale = Sale::open(&far.door);
    let buyers = rush::admit(&sale, &far.door).await;
    let watching = far.process.guest().await;
    let trouble = async {
        // It chooses the moment of the silence: the sale is under way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        far.database().set(|toxics| (toxics.is_deaf, toxics.is_mute) = (true, true));
        assert_deadlines_hold(&watching, &stage).await;
        far.database().heal();
        let took = recovery(&far.process, &stage, 189, RECOVERY_MAX).await;
        far.database().set(|toxics| toxics.is_mute = true);
        assert_deadlines_hold(&watching, &stage).await;
        far.database().heal();
        let again = recovery(&far.process, &stage, 188, RECOVERY_MAX).await;
        boxoffice_tests::tell!("the sale went on after {took:?} and {again:?}");
        sale.close();
    };
    let bought = rush::sell(&stage, buyers, trouble).await;
    assert_no_connection_is_leaked(&far, &stage).await;
    let held = "update booking_hold set expire_time = 1 where state = 'ACTIVE'";
    far.process.database.by_hand(held).await;
    far.finish(&bought).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_silent_for_ever_are_given_up() {
    let far = Far::start(Backend::Postgres, &[]).await;
    let stage = rush::stage(&far.process).await;
    let sale = Sale::open(&far.door);
    let buyers = rush::admit(&sale, &far.door).await;
    let trouble = async {
        // It chooses the moment of the silence: the sale is under way.
        tokio::time::sleep(Duration::from_millis(300)).await;
        far.database().forget();
        let took = recovery(&far.process, &stage, 189, FORGOTTEN_MAX).await;
        boxoffice_tests::tell!("the sale went on after {took:?}");
        sale.close();
    };
    let bought = rush::sell(&stage, buyers, trouble).await;
    let held = "update booking_hold set expire_time = 1 where state = 'ACTIVE'";
    far.process.database.by_hand(held).await;
    look_until(async || far.database().made_count(), |made| *made > POOL / 2).await;
    far.finish(&bought).await;
}

/// A gateway whose every answer is lost for a while, and whose connections are reset.
async fn charges_once_over_a_bad_network(backend: Backend) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    // Nobody listens at that port: what the gateway tells by itself is lost as well.
    let sandbox = SandboxChild::start(folder.path(), 9);
    let (proxy, url) = Proxy::before_url(sandbox.url()).await;
    let flags = SandboxChild::flags_of(&url);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let far = Far::start(backend, &flags).await;
    let stage = rush::stage(&far.process).await;
    let sale = Sale::open(&far.door);
    let buyers = rush::admit(&sale, &far.door).await;
    let trouble = async {
        proxy.set(|toxics| toxics.cut_after = Some(10));
        // It chooses the moments: charges are made, and no answer comes back.
        tokio::time::sleep(Duration::from_millis(700)).await;
        proxy.reset();
        proxy.heal();
        for _ in 0..4 {
            // It chooses the moment of a reset.
            tokio::time::sleep(Duration::from_millis(150)).await;
            proxy.reset();
        }
        sale.close();
    };
    let bought = rush::sell(&stage, buyers, trouble).await;
    rush::assert_kept(&far.process, &bought).await;
    rush::assert_paid(&bought, &sandbox, &far.process.database).await;
    rush::assert_finished(&far.process.database).await;
    far.process.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_31_a_gateway_behind_a_bad_network_charges_once() {
    tokio::join!(
        charges_once_over_a_bad_network(Backend::Sqlite),
        charges_once_over_a_bad_network(Backend::Postgres)
    );
}
