use super::*;

#[tokio::test]
async fn a_second_server_on_one_sqlite_file_is_refused_until_the_first_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("one.db").display());
    let first = Store::open(&url).await.unwrap();
    let refused = Store::open(&url).await.err().unwrap().to_string();
    assert!(refused.contains("--database"), "{refused}");
    first.close().await;
    Store::open(&url).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_while_a_transaction_begins_leaves_nothing_open() {
    for database in crate::store::testing::TestDatabase::each().await.unwrap() {
        let store = database.store.clone();
        for round in 0..600_usize {
            // Cut off at ever other points, before, in and after the beginning.
            leave_after(round % 200, store.read()).await;
            leave_after(round % 200, store.begin()).await;
            leave_after(round % 200, store.read()).await;
            const SQL: &str = "insert into store_inbox (consumer, message_id, occur_time)
                values ('nobody', $1, 1)";
            let mut tx = store.begin().await.unwrap();
            let id = uuid::Uuid::from_u128(rand::random());
            sql!(tx, execute sqlx::query(SQL).bind(id)).unwrap();
            tx.commit().await.unwrap();
        }
        database.discard().await.unwrap();
    }
}

/// Polls so often, and then leaves.
async fn leave_after<T>(polls: usize, work: impl Future<Output = T>) {
    let mut work = std::pin::pin!(work);
    for _ in 0..polls {
        if futures::poll!(&mut work).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}
