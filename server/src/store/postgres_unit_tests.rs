use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::store::postgres_pool::open_postgres;

/// How long a beginning may take here.
const BEGIN_MAX: Duration = Duration::from_millis(300);
/// How soon the server has noticed that a connection is gone, with time to spare.
const NOTICED_MAX: Duration = Duration::from_secs(4);
/// The pause between two looks at whether it has.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

fn server() -> PgConnectOptions {
    let url = std::env::var("BOXOFFICE_TEST_POSTGRES").expect("a PostgreSQL");
    PgConnectOptions::from_str(&url).unwrap()
}

/// A way to the server on which nothing arrives while it is closed.
async fn way_to(server: &PgConnectOptions) -> (PgConnectOptions, watch::Sender<bool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let by_way = server.clone().host("127.0.0.1").port(listener.local_addr().unwrap().port());
    let target = (server.get_host().to_owned(), server.get_port());
    let (open, is_open) = watch::channel(true);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect((target.0.as_str(), target.1)).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
            let mut is_open = is_open.clone();
            tokio::spawn(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut buffer = [0; 4_096];
                while let Ok(count @ 1..) = from_client.read(&mut buffer).await {
                    let arrives = is_open.wait_for(|is_open| *is_open).await.is_ok();
                    if !arrives || to_server.write_all(&buffer[..count]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (by_way, open)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_began_too_late_is_nobodys() {
    let (by_way, open) = way_to(&server()).await;
    // Nobody asks the connection beforehand whether it is there: it falls silent just then.
    let pool = PgPoolOptions::new().max_connections(1).test_before_acquire(false);
    let pool = pool.connect_with(by_way).await.unwrap();
    open.send_replace(false);
    let reading = Some("begin isolation level repeatable read read only");
    let begun = PostgresUnit::begin_within(BEGIN_MAX, &pool, reading).await;
    assert!(matches!(begun, Err(sqlx::Error::Io(_))), "it has no answer");
    // Only now the server hears of it, and begins.
    open.send_replace(true);
    let mut unit = PostgresUnit::begin(&pool, None).await.unwrap();
    let read_only = sqlx::query_scalar("show transaction_read_only").fetch_one(&mut *unit);
    let read_only: String = read_only.await.unwrap();
    assert_eq!(read_only, "off", "it is in a transaction that somebody else began");
    unit.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_connection_that_is_given_up_does_not_keep_the_server_busy() {
    const BUSY: &str = "select count(*) from pg_stat_activity
        where application_name = 'boxoffice' and pid = $1 and state = 'active'";
    let server = server();
    let pool = open_postgres(server.to_url_lossy().as_str()).await.unwrap();
    let mut unit = PostgresUnit::begin(&pool, None).await.unwrap();
    let id: i32 =
        sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut *unit).await.unwrap();
    let slow = sqlx::query("select pg_sleep(19)").execute(&mut *unit);
    // Whoever waits for it leaves, which chooses the moment at which it is given up.
    tokio::time::timeout(BEGIN_MAX, slow).await.expect_err("it takes longer");
    let mut watcher = PgConnection::connect_with(&server).await.unwrap();
    let mut busy = async || -> i64 {
        sqlx::query_scalar(BUSY).bind(id).fetch_one(&mut watcher).await.unwrap()
    };
    assert_eq!(busy().await, 1);
    drop(unit);
    let give_up = tokio::time::Instant::now() + RETURN_DURATION_MAX + NOTICED_MAX;
    while busy().await > 0 {
        assert!(tokio::time::Instant::now() < give_up, "the server is busy for nobody");
        // It chooses the moment of the next look.
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    pool.close().await;
}
