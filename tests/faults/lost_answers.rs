//! A commit whose answer is lost: the server cannot know whether it happened and says so, and the
//! same request again settles it.

use boxoffice_sdk::Code;
use boxoffice_sdk::booking::v1::booking;
use boxoffice_tests::history::{Answer, BookingSeen, Call, HoldSeen};
use boxoffice_tests::pressure::Siege;
use boxoffice_tests::{Backend, Chance, Database, Process, Proxy, eventually};

/// Somebody whose calls are made once and recorded, and the way to his database.
struct Caller<'a> {
    siege: &'a Siege,
    proxy: &'a Proxy,
    chance: Chance,
}

impl Caller<'_> {
    async fn ask(&mut self, call: Call) -> Answer {
        let request = self.chance.uuid();
        self.siege.ask(&call, request).await.expect("it is answered")
    }

    /// Asks with the answer lost to the commit that has this in it, and then once more.
    async fn ask_twice(&mut self, marker: String, call: Call) -> Answer {
        let (before, request) = (self.proxy.lost_commits(), self.chance.uuid());
        self.proxy.lose_commit_of(&marker);
        let unknown = self.siege.ask(&call, request).await.expect_err("nobody can know");
        assert_eq!(self.proxy.lost_commits(), before + 1, "{unknown:?}");
        assert_eq!(unknown.code(), Code::Unavailable, "{unknown:?}");
        assert!(unknown.retry_after().is_some(), "when to repeat it: {unknown:?}");
        self.siege.ask(&call, request).await.expect("the same request is answered")
    }

    async fn until_confirmed(&mut self, booking: &BookingSeen) {
        eventually(async || match booking_of(self.ask(Call::LookAtBooking(booking.id)).await) {
            seen if seen.state == booking::State::Confirmed => Ok(()),
            seen => Err(format!("still {seen:?}")),
        })
        .await;
    }
}

fn hold_of(answer: Answer) -> HoldSeen {
    let Answer::Hold(hold) = answer else { panic!("{answer:?}") };
    hold
}

fn booking_of(answer: Answer) -> BookingSeen {
    let Answer::Booking(booking) = answer else { panic!("{answer:?}") };
    booking
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_a_commit_whose_answer_is_lost_is_settled_by_the_same_request() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let database = Database::create(Backend::Postgres, folder.path()).await;
    let (proxy, url) = Proxy::before_url(&database.url).await;
    let mut process = Process::prepare(database, folder, &["--database", &url]);
    process.start_again().await;
    let siege = Siege::begin(&process, Siege::plan(1), Chance::seed()).await;
    let mut siege = siege.watched(&process.database).await;
    let mut caller = Caller { siege: &siege, proxy: &proxy, chance: siege.chance() };
    let event = siege.sale().event();
    let hold = |seat: usize| {
        let seats = vec![siege.sale().seat(seat)];
        Call::Hold { event, seats, standing: 0 }
    };
    let of_event = || format!("seats {event}");
    let of_booking = |booking: &BookingSeen| format!("booking {}", booking.id);

    let first = hold_of(caller.ask_twice(of_event(), hold(0)).await);
    let second = hold_of(caller.ask(hold(1)).await);
    let first = booking_of(caller.ask_twice(of_event(), Call::Book(first.id)).await);
    let second = booking_of(caller.ask(Call::Book(second.id)).await);

    // Nobody has asked the gateway when the answer was lost, so this is made good by itself.
    caller.ask_twice(of_booking(&first), Call::Pay(first.id, "tok_success")).await;
    caller.ask(Call::Pay(second.id, "tok_success")).await;
    caller.until_confirmed(&second).await;
    let cancelled = caller.ask_twice(of_booking(&second), Call::Cancel(second.id)).await;
    assert_eq!(booking_of(cancelled).state, booking::State::Cancelled);
    caller.until_confirmed(&first).await;

    let verdict = siege.end(&process.database, &process.ledger_file()).await;
    let ends = ["booking Confirmed", "booking Cancelled"].map(|what| verdict.count(what));
    assert_eq!((ends, verdict.unanswered()), ([1, 1], 4), "{}", verdict.shown());
    for (table, count) in [("hold", 2), ("booking", 2)] {
        let rows = format!("select count(*) from booking_{table}");
        assert_eq!(process.database.count_by_hand(&rows).await, count, "{table}");
    }
    let ledger = process.ledger().await;
    let mut sums: Vec<_> = ledger.iter().map(|e| (e.amount_minor, e.refunded_minor)).collect();
    sums.sort_unstable();
    assert_eq!(sums, [(2_500, 0), (2_500, 2_500)], "one charge each");
    assert_eq!(proxy.lost_commits(), 4);
    process.finish().await;
}
