//! Many people at once.

use std::time::Duration;

use boxoffice_sdk::identity::v1::CreateGuestSessionRequest;
use futures::StreamExt;

use crate::people::Person;
use crate::world::World;

/// A connection carries this many callers; a server takes 200 calls at a time on each.
const CALLERS_PER_CONNECTION: usize = 100;
/// Sessions that are opened at the same time.
const OPENED_AT_ONCE: usize = 16;
/// A crowd may have to queue for longer than one caller would wait.
const DEADLINE: Duration = Duration::from_secs(60);

impl World {
    /// That many guests, each with a session of their own, over a handful of connections.
    pub async fn crowd(&self, count: usize) -> Vec<Person> {
        let mut people = Vec::with_capacity(count);
        while people.len() < count {
            let connection = self.anonymous().await;
            let callers = CALLERS_PER_CONNECTION.min(count - people.len());
            people.extend(
                (0..callers).map(|_| Person {
                    client: connection.another_session().with_deadline(DEADLINE),
                }),
            );
        }
        let opened = futures::stream::iter(&people).for_each_concurrent(OPENED_AT_ONCE, open);
        opened.await;
        people
    }
}

async fn open(person: &Person) {
    let request = CreateGuestSessionRequest {
        contact_email: "guest@example.com".into(),
        ..Default::default()
    };
    person.create_guest_session(request).await.expect("a guest session");
}
