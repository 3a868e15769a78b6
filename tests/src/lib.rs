//! The harness: a real server on a real database, for one test, and the people who use it.

mod chance;
mod clock;
mod command;
mod crowd;
mod database;
mod door;
pub mod history;
pub mod judge;
mod notice;
mod patience;
mod people;
mod port;
mod postgres;
pub mod pressure;
mod process;
mod proxy;
mod replica;
mod sandbox;
mod secrecy;
mod stage;
pub mod streams;
mod summary;
mod world;

pub use chance::{Chance, length, portions};
pub use clock::HandClock;
pub use command::Shell;
pub use database::{Backend, Database};
pub use door::{ADMIN, Door, PASSWORD};
pub use notice::notice;
pub use patience::{eventually, eventually_within, look_until};
pub use people::{Person, request_id};
pub use port::free_port;
pub use postgres::PostgresServer;
pub use process::{Process, SECRET, program};
pub use proxy::{Proxy, Toxics};
pub use replica::Replica;
pub use sandbox::{LedgerLine, SandboxChild, read_ledger};
pub use secrecy::{Leak, leaks, search_logs};
pub use stage::{Stage, StagePlan};
pub use summary::tell;
pub use world::World;

/// Writes a test once and runs it on both databases. Each begins with a fresh world and ends with
/// every invariant holding: `scenarios! { async fn name(world: &World) { … } }`. Settings may be
/// changed first: `scenarios! { with |config: &mut Config| …; async fn … }`.
#[macro_export]
macro_rules! scenarios {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: &World) $body:block)*) => {
        $crate::scenarios! { with |_| {}; $($(#[$meta])* async fn $name($world: &World) $body)* }
    };
    (
        with $change:expr;
        $($(#[$meta:meta])* async fn $name:ident($world:ident: &World) $body:block)*
    ) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn scenario($world: &World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let backend = $crate::Backend::Sqlite;
                let world = $crate::World::start_configured(backend, $change).await;
                scenario(&world).await;
                world.finish().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let backend = $crate::Backend::Postgres;
                let world = $crate::World::start_configured(backend, $change).await;
                scenario(&world).await;
                world.finish().await;
            }
        }
    )*};
}

/// Writes a test of a server that is killed once and runs it on both databases. Each begins with a
/// server as a process of its own and ends with every invariant holding:
/// `kills! { async fn name(process: &mut Process) { … } }`.
#[macro_export]
macro_rules! kills {
    ($($(#[$meta:meta])* async fn $name:ident($process:ident: &mut Process) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn scenario($process: &mut Process) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let mut process = $crate::Process::start($crate::Backend::Sqlite).await;
                scenario(&mut process).await;
                process.finish().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let mut process = $crate::Process::start($crate::Backend::Postgres).await;
                scenario(&mut process).await;
                process.finish().await;
            }
        }
    )*};
}
