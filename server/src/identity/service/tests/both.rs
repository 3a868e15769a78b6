//! Identity on every database there is.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::error::{Error, Reason, Result};
use crate::identity::domain::account::{GuestOpening, User};
use crate::identity::service::{Arrival, IdentityService, SignedIn};
use crate::identity::tests::fixture::{HandClock, PASSWORD, password, secrets, tokens};
use crate::kernel::caller::{Caller, SessionId};
use crate::ports::clock::Clock;
use crate::store::testing::TestDatabase;
use crate::store::{Event, Lease, Store, claim_events};

/// Identity on one database.
pub(super) struct Case {
    pub(super) service: IdentityService,
    pub(super) store: Store,
    pub(super) clock: Arc<HandClock>,
}

/// A network address.
pub(super) fn address(last: u8) -> Option<IpAddr> {
    Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
}

/// Why something was refused.
pub(super) fn reason<T>(outcome: Result<T>) -> Option<Reason> {
    outcome.err().and_then(|error| error.reason())
}

/// The fields that were wrong.
pub(super) fn faults<T>(outcome: Result<T>) -> Vec<String> {
    match outcome {
        Err(Error::Rejected(rejection)) => {
            rejection.violations.into_iter().map(|violation| violation.field).collect()
        }
        Err(_) | Ok(_) => Vec::new(),
    }
}

/// Runs a test on every database there is.
pub(super) async fn on_both(test: impl AsyncFn(&Case)) {
    for database in TestDatabase::each().await.expect("databases") {
        let clock = Arc::new(HandClock::new());
        let shared: Arc<dyn Clock> = clock.clone();
        let store = database.store.clone();
        let service = IdentityService::new(store.clone(), shared, Arc::new(tokens()), &secrets());
        let case = Case { service: service.expect("the service"), store, clock };
        test(&case).await;
        drop(case);
        database.discard().await.expect("discarded");
    }
}

impl Case {
    /// Registers somebody with the password of all tests.
    pub(super) async fn register(&self, email: &str) -> SignedIn {
        let arrival = Arrival::default();
        let made = self.service.register(email.into(), password(PASSWORD), "Ada".into(), &arrival);
        made.await.expect("an account")
    }

    /// Signs in from an address.
    pub(super) async fn login(&self, email: &str, password: &str, from: u8) -> Result<SignedIn> {
        let arrival = Arrival { address: address(from), guest_refresh_token: None };
        self.service.login(email, password.into(), &arrival).await
    }

    /// Opens a guest session and answers with its refresh token.
    pub(super) async fn guest(&self) -> (SessionId, String) {
        let made = self.service.create_guest_session(GuestOpening::default()).await;
        let made = made.expect("a session");
        (SessionId::Guest(made.guest.guest_id), made.tokens.refresh_token)
    }

    /// The caller that a user's token makes.
    pub(super) fn caller(&self, signed_in: &SignedIn) -> Caller {
        let token = &signed_in.tokens.access_token;
        tokens().verify(token, self.clock.now()).expect("a caller")
    }

    /// The user as it is now.
    pub(super) async fn user(&self, user: &User) -> User {
        let mut tx = self.store.read().await.expect("a transaction");
        tx.user(user.user_id).await.expect("read").expect("a user")
    }

    /// The events that wait, in order. The clock is turned on past an earlier look at them.
    pub(super) async fn events(&self) -> Vec<Event> {
        self.clock.advance(Duration::from_secs(11));
        let mut tx = self.store.begin().await.expect("a transaction");
        let lease = Lease(Uuid::from_bytes([1; 16]));
        claim_events(&mut tx, lease, self.clock.now(), 100).await.expect("events")
    }

    /// The kinds of the events that wait, and their versions.
    pub(super) async fn kinds(&self) -> Vec<(String, i64)> {
        let events = self.events().await;
        events.into_iter().map(|event| (event.kind, event.aggregate_version)).collect()
    }
}
