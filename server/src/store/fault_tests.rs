use super::*;
use crate::kernel::time::Timestamp;
use crate::store::testing::TestDatabase;
use crate::store::{Engine, Event, Store, first_time, sql};

async fn fault(store: &Store, statement: &str) -> Error {
    let mut tx = store.begin().await.unwrap();
    sql!(tx, execute sqlx::query(sqlx::AssertSqlSafe(statement))).unwrap_err()
}

/// A fault of PostgreSQL's with this code, as the server itself raises it.
async fn raised(store: &Store, code: &str) -> Error {
    let statement = format!("do $$ begin raise exception using errcode = '{code}'; end $$");
    fault(store, &statement).await
}

#[tokio::test]
async fn a_key_that_is_there_already_is_no_race() {
    const TWICE: &str = "insert into store_inbox (consumer, message_id, occur_time)
        select 'c', message_id, 1 from store_inbox";
    for database in TestDatabase::each().await.unwrap() {
        let store = &database.store;
        let mut tx = store.begin().await.unwrap();
        let event = (uuid::Uuid::from_u128(1), 1);
        let event = Event::new("tests", "Taken", event, Vec::new(), Timestamp::from_micros(1));
        assert!(first_time(&mut tx, "c", &event).await.unwrap());
        tx.commit().await.unwrap();
        let error = fault(store, TWICE).await;
        assert!(matches!(error, Error::Duplicate(_)), "{error:?}");
        assert_eq!(error.reason(), Some(Reason::ChangedMeanwhile));
        database.discard().await.unwrap();
    }
}

#[tokio::test]
async fn races_pass_and_a_statement_that_took_too_long_does_not() {
    for database in TestDatabase::each().await.unwrap() {
        let store = &database.store;
        if store.engine() == Engine::Postgres {
            for code in ["40001", "40P01", "55P03"] {
                let error = raised(store, code).await;
                let raced = matches!(&error, Error::Rejected(refusal)
                    if refusal.reason == Reason::ChangedMeanwhile);
                assert!(raced, "{code}: {error:?}");
            }
            for code in ["53300", "53100", "58030", "25006"] {
                let error = raised(store, code).await;
                assert!(matches!(error, Error::Unavailable(_)), "{code}: {error:?}");
            }
            let error = raised(store, "57014").await;
            assert!(matches!(error, Error::Internal(_)), "{error:?}");
        }
        database.discard().await.unwrap();
    }
}
