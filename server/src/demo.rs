//! Demo data: an arena and a theatre with events on sale, and a user of each role.

use std::time::Duration;

use uuid::Uuid;

use crate::catalog::domain::event_draft::{EventDraft, EventPlan};
use crate::catalog::domain::offer::OfferPlan;
use crate::catalog::domain::search::{EventFilter, FilterPlan, Scope};
use crate::catalog::domain::venue::Venue;
use crate::catalog::domain::venue_draft::{RowPlan, SectionPlan, VenueDraft, VenuePlan};
use crate::catalog::service::CatalogService;
use crate::error::{Error, Result};
use crate::identity::service::IdentityService;
use crate::kernel::caller::{Caller, Role, Scopes, SessionId};
use crate::kernel::id::UserId;
use crate::kernel::page::PageRequest;
use crate::ports::clock::Clock;
use crate::store::RequestKey;

/// The password of every demo user.
pub const DEMO_PASSWORD: &str = "boxoffice-demo";
/// The demo users: role, e-mail, name.
pub const DEMO_USERS: [(Role, &str, &str); 3] = [
    (Role::Admin, "admin@demo.example", "Ada Admin"),
    (Role::Organizer, "organizer@demo.example", "Olga Organizer"),
    (Role::Customer, "customer@demo.example", "Carl Customer"),
];

/// A section: name, rows, seats a row, price in cents.
type Section = (&'static str, usize, i32, i64);

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ARENA: [Section; 4] = [
    ("Floor", 40, 100, 12_900),
    ("Lower Bowl", 50, 160, 9_900),
    ("Upper Bowl", 40, 180, 5_900),
    ("Terrace", 8, 100, 3_900),
];
const THEATRE: [Section; 3] =
    [("Stalls", 24, 30, 7_500), ("Circle", 12, 25, 5_500), ("Gallery", 9, 20, 2_500)];

/// Makes the demo data unless it is there.
pub async fn fill(
    identity: &IdentityService,
    catalog: &CatalogService,
    clock: &dyn Clock,
) -> Result<()> {
    let mut organizer = None;
    for (role, email, name) in DEMO_USERS {
        let roles = [Role::Customer, role].into_iter().collect();
        let user = identity.ensure_user(email, DEMO_PASSWORD, name, roles).await?;
        if role == Role::Organizer {
            organizer = Some(user.user_id);
        }
    }
    let organizer = organizer.ok_or_else(|| Error::internal("there is no demo organizer"))?;
    let everything = EventFilter::parse(&FilterPlan::default())?;
    let one = PageRequest::new(1, None);
    let own = catalog.events(Scope::Of(organizer), &everything, &one).await?;
    if !own.items.is_empty() {
        return Ok(());
    }
    let demo = Demo { catalog, clock, organizer };
    let arena = demo.venue("Harbour Arena", "Hamburg", "DE", "Europe/Berlin", &ARENA).await?;
    demo.event(&arena, "The Night Trains: Farewell Tour", "concert", 30, &ARENA).await?;
    demo.event(&arena, "City Derby", "sports", 45, &ARENA).await?;
    let theatre = demo.venue("Old Mill Theatre", "Zürich", "CH", "Europe/Zurich", &THEATRE).await?;
    demo.event(&theatre, "A Midsummer Night's Dream", "theatre", 14, &THEATRE).await
}

struct Demo<'a> {
    catalog: &'a CatalogService,
    clock: &'a dyn Clock,
    organizer: UserId,
}

impl Demo<'_> {
    async fn venue(
        &self,
        name: &str,
        city: &str,
        country_code: &str,
        time_zone: &str,
        sections: &[Section],
    ) -> Result<Venue> {
        let sections = sections.iter().map(|(name, rows, seats, _)| SectionPlan {
            name: (*name).to_owned(),
            rows: (1..=*rows)
                .map(|row| RowPlan {
                    label: row.to_string(),
                    seat_count: *seats,
                    seat_labels: Vec::new(),
                })
                .collect(),
            section_id: String::new(),
        });
        let plan = VenuePlan {
            name: name.to_owned(),
            city: city.to_owned(),
            country_code: country_code.to_owned(),
            time_zone: time_zone.to_owned(),
            sections: sections.collect(),
        };
        let draft = VenueDraft::parse(&plan)?;
        self.catalog.create_venue(&self.caller(), &self.key("CreateVenue"), &draft).await
    }

    async fn event(
        &self,
        venue: &Venue,
        title: &str,
        category: &str,
        days: u32,
        sections: &[Section],
    ) -> Result<()> {
        let offers = venue.sections.iter().zip(sections);
        let offers = offers.map(|(section, (name, _, _, price_minor))| OfferPlan {
            section_id: section.section_id.to_string(),
            name: (*name).to_owned(),
            price_minor: *price_minor,
            quantity: 0,
        });
        let start = self.clock.now() + DAY * days;
        let plan = EventPlan {
            venue_id: venue.venue_id.to_string(),
            title: title.to_owned(),
            description: "Made for trying Boxoffice out.".to_owned(),
            category: category.to_owned(),
            start_time: Some(start),
            end_time: Some(start + DAY / 8),
            currency_code: "EUR".to_owned(),
            offers: offers.collect(),
            ..EventPlan::default()
        };
        let draft = EventDraft::parse(&plan)?;
        let caller = self.caller();
        let event = self.catalog.create_event(&caller, &self.key("CreateEvent"), &draft).await?;
        let key = self.key("PublishEvent");
        self.catalog.publish_event(&caller, &key, event.event_id).await?;
        Ok(())
    }

    fn caller(&self) -> Caller {
        Caller {
            session: SessionId::User(self.organizer),
            roles: [Role::Organizer].into_iter().collect(),
            scopes: Scopes::default(),
            token_expire_time: self.clock.now() + DAY,
        }
    }

    fn key(&self, method: &'static str) -> RequestKey {
        RequestKey {
            session: SessionId::User(self.organizer),
            method,
            request_id: Uuid::from_bytes(rand::random()),
            body_hash: Vec::new().into(),
        }
    }
}
