//! Who may do what, cell by cell: the table stands in `matrix_rows.rs`, and every cell of it is
//! called on the real server, about real things.

use std::collections::BTreeSet;
use std::time::Duration;

use boxoffice_proto::r#type::v1::{Access, Role as WireRole};
use boxoffice_sdk::identity::v1::RegisterRequest;
use boxoffice_server::identity::tokens::AccessTokens;
use boxoffice_server::kernel::caller::{Role, SessionId};
use boxoffice_server::kernel::time::Timestamp;
use boxoffice_server::ports::clock::Clock;
use boxoffice_server::secret::Secrets;
use boxoffice_tests::{PASSWORD, Person, World, scenarios};
use tonic::Status;

use super::matrix_rows::{CALLERS, TABLE, WORDS};
use super::scene::{Buyer, Scene, Whose, authorization, id_of};
use super::verdict::{told, unclear};
use crate::access_rules::SCOPES;
use crate::service_accounts::service;
use crate::wire::{Rpc, bearer, call, rpcs};

/// A row of the table.
struct Row {
    rpc: &'static str,
    about: &'static str,
    cells: Vec<&'static str>,
}

fn rows() -> Vec<Row> {
    let lines = TABLE.lines().filter(|line| !line.trim().is_empty());
    let row = |line: &'static str| {
        let mut words = line.split_whitespace();
        let (rpc, about) = (words.next().expect("an RPC"), words.next().expect("a thing"));
        Row { rpc, about, cells: words.collect() }
    };
    lines.map(row).collect()
}

fn assert_known(word: &str) {
    assert!(WORDS.iter().any(|(name, ..)| *name == word), "{word} is no word of the table");
}

/// The word for an outcome.
fn word(outcome: &Result<Vec<u8>, Status>) -> String {
    let (code, reason) = told(outcome);
    let found = WORDS.iter().find(|(_, c, r)| (*c, *r) == (code, reason));
    found.map_or_else(|| format!("{code:?}/{reason:?}"), |(name, ..)| (*name).to_owned())
}

/// Everybody who calls, in the order of the columns.
struct Cast {
    /// Those who buy, each with something bought: the columns from the guest to the admin, and the
    /// guest that was taken over.
    buyers: Vec<Buyer>,
    /// A service of each scope.
    services: Vec<(&'static str, String)>,
    expired: String,
    forged: String,
}

/// Columns whose callers are services or whose tokens do not work: whatever they ask for is the
/// customer's.
const CUSTOMER: usize = 1;

/// A token that this server would have made at that time, or one with another secret.
async fn signed(person: &Person, secrets: &Secrets, time: Timestamp) -> String {
    let session = SessionId::parse(&id_of(person).await).expect("a session");
    let tokens = AccessTokens::new(secrets, "boxoffice", "boxoffice");
    let roles = [Role::Customer, Role::Organizer, Role::Admin].into_iter().collect();
    bearer(&tokens.issue(session, roles, time, [5; 16]).expect("a token").text)
}

/// A guest whose things are a user's now, and whose token still works for a while.
async fn taken_over(world: &World) -> Person {
    let guest = world.guest().await;
    let request = RegisterRequest {
        email: "taker@example.com".into(),
        password: PASSWORD.into(),
        display_name: "A Taker".into(),
        guest_refresh_token: guest.tokens().expect("a session").refresh_token,
    };
    world.anonymous().await.register(request).await.expect("an account");
    // Everybody has heard of it, and nothing that he buys from now on is moved.
    world.assert_sound().await;
    world.database.wait_by_hand("select count(*) from booking_takeover", |open| open == 0).await;
    guest
}

/// A scope of which a service is not admitted.
fn other_scope(rpc: &Rpc) -> &'static str {
    let scopes = ["users:read", "payments:refund"];
    let other = scopes.into_iter().find(|scope| !rpc.access.scopes.iter().any(|s| s == scope));
    other.expect("no RPC is for both")
}

impl Cast {
    async fn gather(scene: &Scene<'_>) -> Self {
        let world = scene.world;
        let people = [
            world.guest().await,
            world.customer().await,
            world.customer().await,
            scene.hosts[0].person.clone(),
            scene.hosts[1].person.clone(),
            scene.admin.clone(),
            taken_over(world).await,
        ];
        let mut buyers = Vec::new();
        for person in people {
            buyers.push(Buyer::of(person, &scene.hosts[0]).await);
        }
        let mut services = Vec::new();
        for scope in SCOPES {
            let (person, ..) = service(world, &[scope]).await;
            services.push((scope, authorization(&person)));
        }
        let customer = &buyers[CUSTOMER].person;
        let ours = Secrets { current: world.config.secret.clone(), previous: Vec::new() };
        let current = boxoffice_server::secret::Secret::parse("a secret of nobody, 0123456789ab");
        let theirs = Secrets { current: current.expect("strong enough"), previous: Vec::new() };
        let earlier = world.clock.now() - Duration::from_secs(16 * 60);
        let expired = signed(customer, &ours, earlier).await;
        let forged = signed(customer, &theirs, world.clock.now()).await;
        Self { buyers, services, expired, forged }
    }

    fn service(&self, scope: &str) -> String {
        let found = self.services.iter().find(|(name, _)| *name == scope);
        found.expect("every scope has a service").1.clone()
    }

    /// The header of a column, and which buyer stands in it.
    fn caller(&self, column: &str, rpc: &Rpc) -> (Option<String>, usize) {
        let buyer = |index: usize| (Some(authorization(&self.buyers[index].person)), index);
        match column {
            "nobody" => (None, CUSTOMER),
            "guest" => buyer(0),
            "customer" => buyer(CUSTOMER),
            "customer2" => buyer(2),
            "organizer" => buyer(3),
            "organizer2" => buyer(4),
            "admin" => buyer(5),
            "taken" => buyer(6),
            "service" => {
                let scope = rpc.access.scopes.first().map_or("bookings:read", String::as_str);
                (Some(self.service(scope)), CUSTOMER)
            }
            "service2" => (Some(self.service(other_scope(rpc))), CUSTOMER),
            "expired" => (Some(self.expired.clone()), CUSTOMER),
            "forged" => (Some(self.forged.clone()), CUSTOMER),
            other => panic!("nobody is called {other}"),
        }
    }

    /// Whose the thing of a row is, for the caller of a column.
    fn whose<'a>(&'a self, scene: &'a Scene<'_>, about: &str, buyer: usize) -> Whose<'a> {
        match about {
            "-" => Whose::Nothing,
            "own" => Whose::Buyer(&self.buyers[buyer]),
            "guest's" => Whose::Buyer(&self.buyers[0]),
            "customer's" => Whose::Buyer(&self.buyers[CUSTOMER]),
            "organizer's" => Whose::Host(&scene.hosts[0]),
            "other's" => Whose::Host(&scene.hosts[1]),
            "absent" => Whose::Absent,
            other => panic!("nothing is {other}"),
        }
    }
}

/// Calls every cell of a row. What was done once is not done again: a thing that somebody could do
/// something to is made anew for the next.
async fn call_row(scene: &Scene<'_>, cast: &Cast, row: &Row, rpc: &Rpc) -> (Vec<String>, usize) {
    let mut words = Vec::new();
    let mut good: Option<(usize, Vec<u8>)> = None;
    for column in CALLERS {
        let (authorization, buyer) = cast.caller(column, rpc);
        let of = if row.about == "own" { buyer } else { 0 };
        let body = match good.take() {
            Some((owner, body)) if owner == of => body,
            _ => scene.good(row.rpc, cast.whose(scene, row.about, of)).await,
        };
        let metadata: Vec<_> = authorization.iter().map(|v| ("authorization", &**v)).collect();
        let outcome = call(&scene.channel, &rpc.path, body.clone(), &metadata).await;
        let fault = unclear(&rpc.method.output(), &outcome);
        assert!(fault.is_none(), "{} of {} by {column}: {fault:?}", row.rpc, row.about);
        words.push(word(&outcome));
        if outcome.is_err() {
            good = Some((of, body));
        }
    }
    let count = words.len();
    (words, count)
}

/// A row as it stands in the table.
fn line(row: &Row, cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<5}")).collect();
    format!("{:<22}{:<12}{}", row.rpc, row.about, cells.join("").trim_end())
}

#[test]
fn s_63_every_rpc_stands_in_the_table_and_every_cell_has_a_word() {
    let known: BTreeSet<String> = rpcs().iter().map(|rpc| rpc.method.name().to_owned()).collect();
    assert_eq!(known.len(), rpcs().len(), "names of RPCs are said without their services");
    let rows = rows();
    let told: BTreeSet<String> = rows.iter().map(|row| row.rpc.to_owned()).collect();
    let missing: Vec<_> = known.difference(&told).collect();
    assert!(missing.is_empty(), "add rows to TABLE in matrix_rows.rs for {missing:?}");
    let gone: Vec<_> = told.difference(&known).collect();
    assert!(gone.is_empty(), "there are no such RPCs any more: {gone:?}");
    let mut cells = 0;
    for row in &rows {
        assert_eq!(row.cells.len(), CALLERS.len(), "{} of {}", row.rpc, row.about);
        for cell in &row.cells {
            assert_known(cell);
            cells += 1;
        }
    }
    assert!(cells >= 600, "only {cells} cells");
    // What is somebody's has rows for whose it may be.
    for rpc in rpcs().iter().filter(|rpc| rpc.access.owner) {
        let about: Vec<_> = rows.iter().filter(|row| row.rpc == rpc.method.name()).collect();
        assert!(about.iter().any(|row| row.about == "absent"), "{}", rpc.path);
        assert!(about.len() >= 3, "{}: {} rows", rpc.path, about.len());
    }
}

/// Whether an option lets the caller of a column come as far as the services, and by which word it
/// is refused if not.
fn admitted(rpc: &Rpc, column: &str) -> (bool, &'static str) {
    let Access { public, credential, ref scopes, .. } = rpc.access;
    let has = |roles: &[WireRole]| public || rpc.access.roles().any(|role| roles.contains(&role));
    match column {
        "nobody" => (public, "none"),
        "guest" | "taken" => (has(&[WireRole::Guest]), "role"),
        "customer" | "customer2" => (has(&[WireRole::Customer]), "role"),
        "organizer" | "organizer2" => (has(&[WireRole::Customer, WireRole::Organizer]), "role"),
        "admin" => (has(&[WireRole::Customer, WireRole::Admin]), "role"),
        "service" => (public || !scopes.is_empty(), "deny"),
        "service2" => (public && scopes.is_empty(), "deny"),
        // These get their callers a new token, so that an old one is not in the way.
        "expired" => (credential, "old"),
        "forged" => (credential, "bad"),
        other => panic!("nobody is called {other}"),
    }
}

#[test]
fn s_63_the_table_says_of_each_caller_what_the_option_of_the_rpc_says() {
    let rpcs = rpcs();
    for row in rows() {
        let rpc = rpcs.iter().find(|rpc| rpc.method.name() == row.rpc).expect("an RPC");
        for (column, cell) in CALLERS.iter().zip(&row.cells) {
            let (may, refusal) = admitted(rpc, column);
            let what = format!("{} of {} by {column}: {cell}", row.rpc, row.about);
            assert_eq!(!may, *cell == refusal, "{what}");
            let doors = ["none", "role", "deny", "old", "bad"];
            assert_eq!(!may, doors.contains(cell), "{what}");
        }
    }
}

scenarios! {
    async fn s_63_every_cell_of_the_table_of_callers_comes_out_as_it_says(world: &World) {
        let scene = Scene::open(world).await;
        let cast = Cast::gather(&scene).await;
        let (rpcs, mut cells, mut wrong) = (rpcs(), 0, Vec::new());
        for row in rows() {
            let rpc = rpcs.iter().find(|rpc| rpc.method.name() == row.rpc).expect("an RPC");
            let (now, count) = call_row(&scene, &cast, &row, rpc).await;
            cells += count;
            if now.iter().ne(row.cells.iter()) {
                wrong.push(line(&row, &now));
            }
        }
        boxoffice_tests::tell!("{cells} cells were called");
        assert!(cells >= 600, "only {cells}");
        assert!(wrong.is_empty(), "these rows came out else:\n{}", wrong.join("\n"));
    }
}
