//! The door of a running server, in this process or another: people come in by it.

use std::time::{Duration, Instant};

use boxoffice_sdk::Client;
use boxoffice_sdk::identity::v1::{
    CreateGuestSessionRequest, LoginRequest, RegisterRequest, SetUserRolesRequest,
};
use boxoffice_sdk::operations::v1::{InvariantResult, VerifyInvariantsRequest};
use boxoffice_sdk::r#type::v1::Role;
use uuid::Uuid;

use crate::patience::{PATIENCE, eventually, eventually_within};
use crate::people::{Person, request_id};
use crate::stage::{Stage, StagePlan};

/// The password of everybody in tests.
pub const PASSWORD: &str = "correct horse battery";
/// The first admin of every server in tests.
pub const ADMIN: &str = "admin@example.com";

/// Where a server is.
#[derive(Clone, Debug)]
pub struct Door {
    /// Its address, e.g. `http://127.0.0.1:50051`.
    pub url: String,
}

impl Door {
    /// Where the server is.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Somebody who is not signed in.
    pub async fn anonymous(&self) -> Person {
        Person { client: Client::connect(self.url()).await.expect("a client") }
    }

    /// A guest.
    pub async fn guest(&self) -> Person {
        let person = self.anonymous().await;
        let request = CreateGuestSessionRequest {
            contact_email: "guest@example.com".into(),
            ..Default::default()
        };
        person.create_guest_session(request).await.expect("a guest session");
        person
    }

    /// A new customer.
    pub async fn customer(&self) -> Person {
        let person = self.anonymous().await;
        let request = RegisterRequest {
            email: format!("{}@example.com", Uuid::new_v4().simple()),
            password: PASSWORD.into(),
            display_name: "A Customer".into(),
            ..Default::default()
        };
        person.register(request).await.expect("an account");
        person
    }

    /// The admin.
    pub async fn admin(&self) -> Person {
        let person = self.anonymous().await;
        person.login(login(ADMIN)).await.expect("the admin signs in");
        person
    }

    /// A new organizer.
    pub async fn organizer(&self) -> Person {
        let person = self.anonymous().await;
        let email = format!("{}@example.com", Uuid::new_v4().simple());
        let request = RegisterRequest {
            email: email.clone(),
            password: PASSWORD.into(),
            display_name: "An Organizer".into(),
            ..Default::default()
        };
        let user = person.register(request).await.expect("an account").user.expect("a user");
        let request = SetUserRolesRequest {
            request_id: request_id(),
            user_id: user.user_id,
            roles: vec![Role::Organizer.into()],
        };
        self.admin().await.set_user_roles(request).await.expect("the role is given");
        person.login(login(&email)).await.expect("the organizer signs in");
        person
    }

    /// The same person as before, after the server came back elsewhere.
    pub async fn again(&self, person: &Person) -> Person {
        let back = self.anonymous().await;
        back.set_tokens(person.tokens());
        back
    }

    /// An event on sale.
    pub async fn stage(&self, plan: StagePlan) -> Stage {
        Stage::publish(&self.organizer().await, &plan).await
    }

    /// What `ops verify` says, with unfinished work counting as wrong from the first instant.
    pub async fn verify(&self) -> Vec<InvariantResult> {
        verify(&self.admin().await).await
    }

    /// Waits until nothing is unfinished, then asserts that every invariant holds. An invariant
    /// that must hold always is asserted at once.
    pub async fn assert_sound(&self) {
        let admin = self.admin().await;
        eventually(async || {
            let broken = broken(&admin).await;
            assert!(broken.iter().all(may_wait), "broken: {broken:#?}");
            if broken.is_empty() { Ok(()) } else { Err(format!("broken: {broken:#?}")) }
        })
        .await;
    }

    /// Waits until nothing is unfinished, or for so long, and tells which invariants are broken.
    pub async fn broken_after(&self, patience: Duration) -> Vec<InvariantResult> {
        let admin = self.admin().await;
        let give_up = Instant::now() + patience;
        // Whoever gives up has an answer as well.
        eventually_within(patience + PATIENCE, async || {
            let broken = broken(&admin).await;
            let is_known = !broken.iter().all(may_wait) || broken.is_empty();
            if is_known || Instant::now() > give_up { Ok(broken) } else { Err("unfinished") }
        })
        .await
    }
}

/// The invariants about unfinished work.
const UNFINISHED: [&str; 10] = [
    "no_hold_past_its_time",
    "no_booking_past_its_time",
    "no_payment_forgotten",
    "no_refund_overdue",
    "payment_owner_is_its_bookings",
    "no_notification_forgotten",
    "captured_money_has_a_home",
    "no_work_of_events_left",
    "committed_events_are_published",
    "published_events_are_consumed",
];

/// The invariants that do not hold now.
async fn broken(admin: &Person) -> Vec<InvariantResult> {
    let results = verify(admin).await;
    let names = results.iter().map(|result| result.name.as_str());
    assert!(names.eq(boxoffice_server::operations::invariants::names()), "all of them");
    results.into_iter().filter(|result| result.violation_count > 0).collect()
}

/// Whether it is about work that may be done yet.
fn may_wait(result: &InvariantResult) -> bool {
    UNFINISHED.contains(&result.name.as_str())
}

async fn verify(admin: &Person) -> Vec<InvariantResult> {
    let settle = Some(boxoffice_sdk::Duration { seconds: 0, nanos: 0 });
    let request = VerifyInvariantsRequest { settle };
    admin.verify_invariants(request).await.expect("it is verified").results
}

fn login(email: &str) -> LoginRequest {
    LoginRequest { email: email.into(), password: PASSWORD.into(), ..Default::default() }
}
