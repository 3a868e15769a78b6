//! The harness: a real server on a real database, for one test, and the people who use it.

mod clock;
mod database;
mod people;
mod process;
mod stage;
mod world;

pub use clock::HandClock;
pub use database::{Backend, Database};
pub use people::{Person, request_id};
pub use process::{Process, program};
pub use stage::{Stage, StagePlan};
pub use world::{PASSWORD, World};

/// Writes a test once and runs it on both databases. Each begins with a fresh world and ends with
/// every invariant holding: `scenarios! { async fn name(world: &World) { … } }`.
#[macro_export]
macro_rules! scenarios {
    ($($(#[$meta:meta])* async fn $name:ident($world:ident: &World) $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn scenario($world: &World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let world = $crate::World::start($crate::Backend::Sqlite).await;
                scenario(&world).await;
                world.finish().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                let world = $crate::World::start($crate::Backend::Postgres).await;
                scenario(&world).await;
                world.finish().await;
            }
        }
    )*};
}
