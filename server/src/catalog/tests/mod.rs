//! The use cases on real databases.

mod called_off;
mod lists;
mod ownership;
mod repeats;
mod scale;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use crate::adapters::database_holds::DatabaseHolds;
use crate::booking::service::BookingService;
use crate::catalog::domain::event::Event;
use crate::catalog::domain::event_draft::{EventDraft, EventPlan};
use crate::catalog::domain::offer::OfferPlan;
use crate::catalog::domain::venue::Venue;
use crate::catalog::domain::venue_draft::{RowPlan, SectionPlan, VenueDraft, VenuePlan};
use crate::catalog::service::CatalogService;
use crate::error::{Reason, Result};
use crate::kernel::caller::{Caller, Role, Scopes, SessionId};
use crate::kernel::id::UserId;
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::store::testing::TestDatabase;
use crate::store::{Lanes, RequestKey};
use crate::tasks::Tasks;

const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const HOUR: Duration = Duration::from_secs(3_600);

/// A clock that stands until it is turned.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A catalog over an empty database.
struct Fixture {
    database: TestDatabase,
    clock: Arc<HandClock>,
    booking: BookingService,
    catalog: CatalogService,
}

impl Fixture {
    /// One on every engine.
    async fn each() -> Result<Vec<Self>> {
        let databases = TestDatabase::each().await?;
        let fixtures = databases.into_iter().map(|database| {
            let clock = Arc::new(HandClock(AtomicI64::new(START.micros())));
            let booking = sale_of(&database, clock.clone());
            let catalog =
                CatalogService::new(database.store.clone(), clock.clone(), booking.clone());
            Self { database, clock, booking, catalog }
        });
        Ok(fixtures.collect())
    }

    fn turn_clock(&self, span: Duration) {
        self.clock.0.store((self.clock.now() + span).micros(), Ordering::SeqCst);
    }

    async fn venue(&self, caller: &Caller, plan: &VenuePlan) -> Result<Venue> {
        self.catalog.create_venue(caller, &key(caller), &VenueDraft::parse(plan)?).await
    }

    async fn draft(&self, caller: &Caller, plan: &EventPlan) -> Result<Event> {
        self.catalog.create_event(caller, &key(caller), &EventDraft::parse(plan)?).await
    }

    async fn publish(&self, caller: &Caller, event: &Event) -> Result<Event> {
        self.catalog.publish_event(caller, &key(caller), event.event_id).await
    }

    async fn published(&self, caller: &Caller, plan: &EventPlan) -> Result<Event> {
        let event = self.draft(caller, plan).await?;
        self.publish(caller, &event).await
    }
}

/// The use cases over a database, beside a sale with lanes of its own.
pub(super) fn catalog_of(database: &TestDatabase, clock: Arc<dyn Clock>) -> CatalogService {
    let booking = sale_of(database, Arc::clone(&clock));
    CatalogService::new(database.store.clone(), clock, booking)
}

fn sale_of(database: &TestDatabase, clock: Arc<dyn Clock>) -> BookingService {
    let store = database.store.clone();
    let lanes = Lanes::start(&store, &clock, &Tasks::default());
    let holds = DatabaseHolds::new(store.clone(), lanes.clone(), Arc::clone(&clock));
    BookingService::new(store, lanes, Arc::new(holds), clock)
}

fn caller(name: &str, role: Role) -> Caller {
    Caller {
        session: SessionId::User(UserId::derived(&[name.as_bytes()])),
        roles: [Role::Customer, role].into_iter().collect(),
        scopes: Scopes::default(),
        token_expire_time: START + HOUR,
    }
}

fn organizer() -> Caller {
    caller("organizer", Role::Organizer)
}

fn key(caller: &Caller) -> RequestKey {
    let request_id = Uuid::from_u128(rand::random());
    RequestKey { session: caller.session, method: "Test", request_id, body_hash: vec![1].into() }
}

/// A venue of sections of rows of `seats` seats each.
fn venue_plan(sections: usize, rows: usize, seats: i32) -> VenuePlan {
    let row = |number: usize| RowPlan {
        label: format!("R{number}"),
        seat_count: seats,
        seat_labels: vec![],
    };
    let section = |number: usize| SectionPlan {
        name: format!("Section {number}"),
        rows: (0..rows).map(row).collect(),
        ..SectionPlan::default()
    };
    VenuePlan {
        name: "Großes Haus".to_owned(),
        city: "Zürich".to_owned(),
        country_code: "CH".to_owned(),
        time_zone: "Europe/Zurich".to_owned(),
        sections: (0..sections).map(section).collect(),
    }
}

/// An event that sells every section of the venue, an hour from the start of the test.
fn event_plan(venue: &Venue) -> EventPlan {
    let offers = venue.sections.iter().zip(1..).map(|(section, number)| OfferPlan {
        section_id: section.section_id.to_string(),
        name: section.name.clone(),
        price_minor: number * 1_000,
        ..OfferPlan::default()
    });
    EventPlan {
        venue_id: venue.venue_id.to_string(),
        title: "Figaro".to_owned(),
        start_time: Some(START + HOUR),
        end_time: Some(START + HOUR * 3),
        currency_code: "CHF".to_owned(),
        offers: offers.collect(),
        ..EventPlan::default()
    }
}

fn reason<T>(outcome: Result<T>) -> Option<Reason> {
    outcome.err().and_then(|error| error.reason())
}
