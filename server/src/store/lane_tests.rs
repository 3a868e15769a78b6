use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::adapters::system_clock::SystemClock;
use crate::error::Reason;
use crate::store::sql;

/// Notes itself in the inbox, which any test can read back.
struct Note {
    name: &'static str,
    spoils_its_group: bool,
}

static GROUPS: AtomicUsize = AtomicUsize::new(0);

#[async_trait]
impl UseCase for Note {
    type Answer = usize;

    async fn run(tx: &mut Tx, notes: &[Self], now: Timestamp) -> Result<Vec<Result<usize>>> {
        const SQL: &str =
            "insert into store_inbox (consumer, message_id, occur_time) values ($1, $2, $3)";
        GROUPS.fetch_add(1, Ordering::SeqCst);
        for note in notes {
            let id = uuid::Uuid::from_u128(1);
            sql!(tx, execute sqlx::query(SQL).bind(note.name).bind(id).bind(now.micros()))?;
        }
        if notes.iter().any(|note| note.spoils_its_group) {
            return Err(Error::internal("spoilt"));
        }
        Ok(notes.iter().map(|_| Ok(notes.len())).collect())
    }
}

/// Refuses, which is an answer like any other.
struct Refuse;

#[async_trait]
impl UseCase for Refuse {
    type Answer = ();

    async fn run(_: &mut Tx, commands: &[Self], _: Timestamp) -> Result<Vec<Result<()>>> {
        Ok(commands.iter().map(|_| Err(Reason::SeatsTaken.into())).collect())
    }
}

#[tokio::test]
async fn what_waits_shares_a_commit_and_a_bad_command_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("lane.db").display());
    let store = Store::open(&url).await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let lanes = Lanes::start(&store, &clock, &Tasks::default());
    let event_id = EventId::from(uuid::Uuid::from_u128(7));

    // While somebody else writes, the lane's first group waits and the rest gathers behind it.
    let busy = store.begin().await.unwrap();
    let good = |name| lanes.run(event_id, Note { name, spoils_its_group: false });
    let bad = lanes.run(event_id, Note { name: "bad", spoils_its_group: true });
    let refused = lanes.run(event_id, Refuse);
    let all = async { tokio::join!(good("a"), bad, good("b"), refused, good("c")) };
    let (all, ()) = tokio::join!(all, async {
        tokio::task::yield_now().await;
        drop(busy);
    });
    let (a, bad, b, refused, c) = all;
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert!(matches!(bad, Err(Error::Internal(_))));
    assert_eq!(refused.unwrap_err().reason(), Some(Reason::SeatsTaken));

    let mut tx = store.read().await.unwrap();
    let names: Vec<(String,)> = {
        const SQL: &str = "select consumer from store_inbox order by consumer";
        sql!(tx, fetch_all sqlx::query_as(SQL)).unwrap()
    };
    let names: Vec<&str> = names.iter().map(|(name,)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"], "nothing of the bad command is left");
    drop(tx);

    // Without anything bad, what gathers is one group.
    let before = GROUPS.load(Ordering::SeqCst);
    let busy = store.begin().await.unwrap();
    let good = |name| lanes.run(event_id, Note { name, spoils_its_group: false });
    let all = async { tokio::join!(good("d"), good("e"), good("f"), good("g")) };
    let (sizes, ()) = tokio::join!(all, async {
        tokio::task::yield_now().await;
        drop(busy);
    });
    let sizes = [sizes.0, sizes.1, sizes.2, sizes.3].map(Result::unwrap);
    let groups = GROUPS.load(Ordering::SeqCst) - before;
    assert!(groups <= 2, "{groups} groups");
    assert!(sizes.iter().any(|size| *size >= 3), "{sizes:?}");
}
