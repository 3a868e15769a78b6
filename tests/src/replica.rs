//! A second server on the same database.

use std::sync::Arc;

use boxoffice_sdk::Client;
use boxoffice_server::app::App;
use boxoffice_server::parts::Parts;

use crate::clock::HandClock;
use crate::database::Backend;
use crate::people::Person;
use crate::world::World;

/// Another server on a world's database, with a clock of its own.
pub struct Replica {
    app: App,
    /// Its clock.
    pub clock: Arc<HandClock>,
}

impl World {
    /// Starts a second server on the same database, which must be PostgreSQL.
    pub async fn replica(&self) -> Replica {
        assert_eq!(self.database.backend, Backend::Postgres, "SQLite is for one server");
        let clock = Arc::new(HandClock::default());
        let parts = Parts::of(&self.config, clock.clone()).expect("parts");
        let app = App::start_on(&self.config, parts).await.expect("the server starts");
        Replica { app, clock }
    }
}

impl Replica {
    /// The same person, as a caller of this server. The two share no sign-in: neither learns when
    /// the other's tokens are renewed.
    pub async fn same(&self, person: &Person) -> Person {
        let url = format!("http://{}", self.app.address());
        let client = Client::connect(url).await.expect("a client");
        client.set_tokens(person.tokens());
        Person { client }
    }

    /// Stops it; the database stays.
    pub async fn finish(self) {
        self.app.stop().await.expect("it stops");
    }
}
