//! A sale in full swing, for calls that are to go as deep as they can: organizers with events,
//! buyers with bookings, and fresh things to do something to.

use std::sync::atomic::{AtomicUsize, Ordering};

use boxoffice_sdk::booking::v1::{Booking, Hold};
use boxoffice_sdk::catalog::v1::{Event, GetVenueRequest, PublishEventRequest, Venue};
use boxoffice_sdk::identity::v1::get_me_response::Session;
use boxoffice_sdk::identity::v1::{GetMeRequest, RegisterRequest};
use boxoffice_sdk::payment::v1::Payment;
use boxoffice_sdk::ticket::v1::Ticket;
use boxoffice_tests::{PASSWORD, Person, Stage, StagePlan, World, request_id};
use tonic::transport::Channel;

use crate::catalog::{event_draft, venue};
use crate::wire::{bearer, channel};

/// Seats of the events on sale.
const ROWS: usize = 10;
const SEATS_A_ROW: i32 = 100;

/// Somebody who has bought something.
pub struct Buyer {
    /// Who it is.
    pub person: Person,
    /// A booking that is confirmed.
    pub booking: Booking,
    /// Its payment.
    pub payment: Payment,
    /// Its ticket.
    pub ticket: Ticket,
}

/// An organizer and what is there for calls about it.
pub struct Host {
    /// Who it is.
    pub person: Person,
    /// An event on sale with a thousand seats and as many standing places as one wants.
    pub stage: Stage,
    /// One with ten seats, to be looked at.
    pub small: Stage,
    /// A venue without events on sale.
    pub venue: Venue,
}

/// Whose the thing is that a request is about.
#[derive(Clone, Copy)]
pub enum Whose<'a> {
    /// It is about no thing of anybody.
    Nothing,
    /// A buyer's.
    Buyer(&'a Buyer),
    /// An organizer's.
    Host(&'a Host),
    /// There is no such thing.
    Absent,
}

/// The sale.
pub struct Scene<'w> {
    /// The server.
    pub world: &'w World,
    /// A connection to it.
    pub channel: Channel,
    /// The organizer whose events are bought, and another one.
    pub hosts: [Host; 2],
    /// The admin.
    pub admin: Person,
    /// The address of an account that nobody else uses.
    pub email: String,
    seat: AtomicUsize,
}

/// The access token of somebody, as a header.
pub fn authorization(person: &Person) -> String {
    bearer(&person.tokens().expect("a session").access_token)
}

/// The id of nothing, which looks like this one.
pub fn absent(id: &str) -> String {
    let (begin, end) = id.split_at(id.len() - 8);
    format!("{begin}{}", if end == "0badcafe" { "0badf00d" } else { "0badcafe" })
}

/// Who somebody is: `usr_…` or `gst_…`.
pub async fn id_of(person: &Person) -> String {
    match person.get_me(GetMeRequest {}).await.expect("somebody").session {
        Some(Session::User(user)) => user.user_id,
        Some(Session::Guest(guest)) => guest.guest_id,
        None => panic!("nobody"),
    }
}

impl Host {
    async fn open(person: Person) -> Self {
        let plan = StagePlan {
            rows: ROWS,
            seats_a_row: SEATS_A_ROW,
            standing: 100_000,
            places_per_buyer_max: 100,
            ..StagePlan::default()
        };
        let stage = Stage::publish(&person, &plan).await;
        let small = StagePlan { standing: 10, ..StagePlan::default() };
        let small = Stage::publish(&person, &small).await;
        let venue = venue(&person, "Empty Hall", "Graz").await;
        Self { person, stage, small, venue }
    }

    /// An event of this organizer that is not on sale.
    pub async fn draft(&self) -> Event {
        let request = boxoffice_sdk::catalog::v1::CreateEventRequest {
            request_id: request_id(),
            event: Some(event_draft(&self.venue, "A Draft")),
        };
        self.person.create_event(request).await.expect("a draft").event.expect("one")
    }

    /// An event of this organizer of which nothing is sold yet.
    pub async fn unsold(&self) -> Event {
        let draft = self.draft().await;
        let request = PublishEventRequest { request_id: request_id(), event_id: draft.event_id };
        self.person.publish_event(request).await.expect("on sale").event.expect("one")
    }

    /// A venue of this organizer that nobody has changed.
    pub async fn fresh_venue(&self) -> Venue {
        let made = venue(&self.person, "A Hall", "Graz").await;
        let request = GetVenueRequest { venue_id: made.venue_id };
        self.person.get_venue(request).await.expect("it is there").venue.expect("one")
    }
}

impl Buyer {
    /// Somebody buys a standing place.
    pub async fn of(person: Person, host: &Host) -> Self {
        let booking = book(&person, host).await;
        let payment = person.pay(&booking, "tok_success").await.expect("it is paid");
        let booking = person.look_at(&booking).await;
        let ticket = person.tickets_of(&booking).await.remove(0);
        Self { person, booking, payment, ticket }
    }
}

/// A hold of a standing place.
pub async fn hold(person: &Person, host: &Host) -> Hold {
    let wanted = [(host.stage.standing.as_str(), 1)];
    person.hold_places(&host.stage.event_id, &[], &wanted).await.expect("there is room")
}

/// A booking that is not paid.
pub async fn book(person: &Person, host: &Host) -> Booking {
    let hold = hold(person, host).await;
    person.book(&hold).await.expect("the hold is good")
}

impl<'w> Scene<'w> {
    /// Opens it.
    pub async fn open(world: &'w World) -> Self {
        let hosts =
            [Host::open(world.organizer().await).await, Host::open(world.organizer().await).await];
        let (channel, admin) = (channel(&world.url()).await, world.admin().await);
        let email = format!("{}@example.com", request_id());
        let request = RegisterRequest {
            email: email.clone(),
            password: PASSWORD.into(),
            display_name: "Nobody Else".into(),
            ..Default::default()
        };
        world.anonymous().await.register(request).await.expect("an account");
        Self { world, channel, hosts, admin, email, seat: AtomicUsize::new(0) }
    }

    /// A seat that no request was about yet.
    pub fn fresh_seat(&self, host: &Host) -> String {
        host.stage.seat(self.seat.fetch_add(1, Ordering::Relaxed)).to_owned()
    }

    /// A guest who has bought a standing place.
    pub async fn fresh_buyer(&self, host: &Host) -> Buyer {
        Buyer::of(self.world.guest().await, host).await
    }

    /// A payment that waits for its buyer, which may be nobody in particular.
    pub async fn challenged(&self, person: &Person) -> Payment {
        let booking = book(person, &self.hosts[0]).await;
        person.pay(&booking, "tok_requires_action").await.expect("an answer")
    }
}
