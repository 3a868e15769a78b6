//! Events, and when what of them may change.

use std::time::Duration;

use boxoffice_sdk::catalog::v1::{
    CreateEventRequest, EventDraft, ListEventsRequest, OfferDraft, UpdateEventRequest, Venue,
    VenueDraft, event,
};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{World, request_id, scenarios};

use super::*;
use crate::catalog::{event_draft, list};

scenarios! {
    async fn s_85_a_draft_can_change_in_everything_but_its_venue(world: &World) {
        let organizer = world.organizer().await;
        let venue = build(&organizer, vec![section("Stalls", &[("A", 3)])]).await;
        let event = draft(&organizer, event_draft(&venue, "Faust")).await;
        let plan = EventDraft {
            title: "Faust II".into(),
            description: "Der Tragödie zweiter Teil".into(),
            category: "theatre".into(),
            tags: vec!["Goethe".into(), "classic".into()],
            image_url: "https://pictures.example/faust.jpg".into(),
            start_time: Some(in_days(40)),
            end_time: Some(in_days(41)),
            currency_code: "CHF".into(),
            offers: vec![
                OfferDraft { price_minor_units: 99, ..event_draft(&venue, "").offers[0].clone() },
                OfferDraft {
                    name: "Standing".into(),
                    price_minor_units: 500,
                    quantity: 300,
                    ..Default::default()
                },
            ],
            hold_ttl: Some(boxoffice_sdk::Duration { seconds: 60, nanos: 0 }),
            hold_life_max: Some(boxoffice_sdk::Duration { seconds: 120, nanos: 0 }),
            places_per_buyer_max: 4,
            cancel_until: Some(boxoffice_sdk::Duration::default()),
            venue_id: String::new(),
        };
        let all = [
            "title", "description", "category", "tags", "image_url", "start_time", "end_time",
            "currency_code", "offers", "hold_ttl", "hold_life_max", "places_per_buyer_max",
            "cancel_until",
        ];
        let changed = change(&organizer, &event, &all, plan.clone()).await.expect("a draft");
        assert_eq!((changed.title.as_str(), changed.places_per_buyer_max), ("Faust II", 4));
        assert_eq!((&changed.tags, &changed.image_url), (&plan.tags, &plan.image_url));
        assert_eq!(changed.start_time, plan.start_time);
        assert_eq!(changed.cancel_until, plan.cancel_until);
        assert_eq!((changed.hold_ttl, changed.hold_life_max), (plan.hold_ttl, plan.hold_life_max));
        assert_eq!(changed.offers[0].offer_id, event.offers[0].offer_id, "the same section");
        assert_eq!((changed.offers[1].quantity, &*changed.offers[1].section_id), (300, ""));
        assert_eq!(changed.offers[1].price.as_ref().expect("a price").currency_code, "CHF");
        assert_ne!(changed.etag, event.etag);
        // Only what the mask names changes, and what is named and not set gets its default.
        let cleared = change(&organizer, &changed, &["tags", "hold_ttl"], EventDraft::default());
        let cleared = cleared.await.expect_err("ten minutes are more than the two in all");
        assert_eq!(fields(&cleared), ["event.hold_life_max"]);
        let paths = ["tags", "hold_ttl", "hold_life_max", "cancel_until"];
        let cleared = change(&organizer, &changed, &paths, EventDraft::default()).await;
        let cleared = cleared.expect("defaults");
        assert_eq!((cleared.tags.len(), &cleared.title), (0, &changed.title));
        assert_eq!(cleared.cancel_until.map(|span| span.seconds), Some(24 * 60 * 60));
        // What is not known is refused by its name, and an old etag is not overwritten.
        let unknown = change(&organizer, &cleared, &["venue_id"], plan.clone()).await;
        let unknown = refused(unknown, Code::InvalidArgument, ErrorReason::InvalidFields);
        assert_eq!(fields(&unknown), ["update_mask"]);
        assert!(unknown.violations()[0].description.contains("venue_id"));
        let stale = change(&organizer, &event, &["title"], plan.clone()).await;
        refused(stale, Code::Aborted, ErrorReason::ChangedMeanwhile);
        let blind = Event { etag: String::new(), ..event };
        change(&organizer, &blind, &["title"], plan).await.expect("no etag is any etag");
    }

    async fn s_85_what_is_on_sale_changes_in_words_and_each_refusal_has_its_reason(world: &World) {
        let organizer = world.organizer().await;
        let venue = build(&organizer, vec![section("Stalls", &[("A", 3)])]).await;
        let plan = soon(&venue);
        let wrong_times = [
            (Some(in_days(0)), plan.end_time, "event.start_time"),
            (plan.end_time, plan.start_time, "event.end_time"),
        ];
        for (start_time, end_time, field) in wrong_times {
            let draft = EventDraft { start_time, end_time, ..plan.clone() };
            let request = CreateEventRequest { request_id: request_id(), event: Some(draft) };
            let error = organizer.create_event(request).await;
            let error = refused(error, Code::InvalidArgument, ErrorReason::EventTimesInvalid);
            assert_eq!(fields(&error), [field]);
        }
        let event = draft(&organizer, plan.clone()).await;
        let event = publish(&organizer, &event.event_id).await.expect("it is published");
        for (path, reason) in [
            ("offers", ErrorReason::EventPricesFixed),
            ("currency_code", ErrorReason::EventPricesFixed),
            ("hold_ttl", ErrorReason::EventTermsFixed),
            ("hold_life_max", ErrorReason::EventTermsFixed),
            ("places_per_buyer_max", ErrorReason::EventTermsFixed),
            ("cancel_until", ErrorReason::EventTermsFixed),
        ] {
            let outcome = change(&organizer, &event, &["title", path], plan.clone()).await;
            precondition(outcome, reason);
        }
        let words = EventDraft {
            title: "Urfaust".into(),
            tags: vec!["Goethe".into()],
            end_time: Some(in_days(4)),
            ..plan.clone()
        };
        let paths = ["title", "tags", "end_time"];
        let changed = change(&organizer, &event, &paths, words).await.expect("words may change");
        assert_eq!((changed.state(), &*changed.title), (event::State::Published, "Urfaust"));
        let (text, tag) = ("urfaust".into(), "GOETHE".into());
        let found = ListEventsRequest { text, tag, ..Default::default() };
        let client = world.anonymous().await;
        assert_eq!(list(&client, found).await, ["Urfaust"]);
        let early = EventDraft { end_time: Some(in_days(1)), ..plan.clone() };
        let early = change(&organizer, &changed, &["end_time"], early).await;
        refused(early, Code::InvalidArgument, ErrorReason::EventTimesInvalid);
        // A draft whose date has passed can be mended, but not be put on sale.
        let late = draft(&organizer, plan.clone()).await;
        world.clock.advance(Duration::from_secs(5 * 24 * 60 * 60));
        organizer.refresh().await.expect("a new token");
        let mended = change(&organizer, &late, &["title"], plan.clone()).await.expect("a title");
        let outcome = publish(&organizer, &mended.event_id).await;
        refused(outcome, Code::InvalidArgument, ErrorReason::EventTimesInvalid);
        // What has ended stays where it was.
        let (start_time, end_time) = (Some(in_days(80)), Some(in_days(90)));
        let moved = EventDraft { start_time, end_time, ..plan };
        for path in ["start_time", "end_time"] {
            let outcome = change(&organizer, &changed, &[path], moved.clone()).await;
            refused(outcome, Code::InvalidArgument, ErrorReason::EventTimesInvalid);
        }
    }

    async fn a_club_sells_general_admission_without_seats(world: &World) {
        let organizer = world.organizer().await;
        let club = build(&organizer, Vec::new()).await;
        assert_eq!((club.seat_count, club.sections.len()), (0, 0));
        let ga = |name: &str, quantity: i32| OfferDraft {
            name: name.into(),
            price_minor_units: 1_800,
            quantity,
            ..Default::default()
        };
        let offers = vec![ga("Early bird", 100), ga("Door", 250)];
        let plan = EventDraft { offers, ..event_draft(&club, "Rave") };
        let event = draft(&organizer, plan.clone()).await;
        let shown: Vec<(&str, i32)> =
            event.offers.iter().map(|offer| (offer.name.as_str(), offer.quantity)).collect();
        assert_eq!(shown, [("Early bird", 100), ("Door", 250)]);
        for (offers, field) in [
            (vec![], "event.offers"),
            (vec![ga("Door", -1)], "event.offers[0].quantity"),
            (vec![ga("Door", 1_000_001)], "event.offers[0].quantity"),
            (vec![ga("Door", 1), ga("Door", 1)], "event.offers[1].name"),
        ] {
            let draft = EventDraft { offers, ..plan.clone() };
            let request = CreateEventRequest { request_id: request_id(), event: Some(draft) };
            let error = organizer.create_event(request).await.expect_err("no such offer");
            assert_eq!(fields(&error), [field]);
        }
    }

    async fn s_63_organizers_change_only_what_is_theirs(world: &World) {
        let (owner, other) = (world.organizer().await, world.organizer().await);
        let venue = build(&owner, vec![section("Stalls", &[("A", 3)])]).await;
        let event = draft(&owner, event_draft(&venue, "Mine")).await;
        let names = VenueDraft { name: "Theirs".into(), ..Default::default() };
        let words = EventDraft { title: "Theirs".into(), ..Default::default() };
        let never = Venue { venue_id: format!("ven_{}", "0".repeat(32)), ..venue.clone() };
        for venue in [&venue, &never] {
            let outcome = change_venue(&other, venue, &["name"], names.clone()).await;
            refused(outcome, Code::NotFound, ErrorReason::NotFound);
        }
        let never = Event { event_id: format!("evt_{}", "0".repeat(32)), ..event.clone() };
        for event in [&event, &never] {
            let outcome = change(&other, event, &["title"], words.clone()).await;
            refused(outcome, Code::NotFound, ErrorReason::NotFound);
        }
        assert_eq!(read(&owner, &venue.venue_id).await, venue);
        let admin = world.admin().await;
        change_venue(&admin, &venue, &["name"], names).await.expect("an admin may");
        change(&admin, &event, &["title"], words).await.expect("an admin may");
    }

    async fn s_17_a_change_that_comes_again_changes_nothing_more(world: &World) {
        let organizer = world.organizer().await;
        let venue = build(&organizer, vec![section("Stalls", &[("A", 3)])]).await;
        let event = draft(&organizer, event_draft(&venue, "Faust")).await;
        let request = UpdateEventRequest {
            request_id: request_id(),
            event_id: event.event_id.clone(),
            event: Some(EventDraft { title: "Urfaust".into(), ..Default::default() }),
            update_mask: mask(&["title"]),
            etag: event.etag.clone(),
        };
        let first = organizer.update_event(request.clone()).await.expect("it is changed");
        let again = organizer.update_event(request.clone()).await.expect("it is known");
        assert_eq!(again, first);
        let other = UpdateEventRequest { etag: String::new(), ..request };
        let other = organizer.update_event(other).await;
        precondition(other, ErrorReason::RequestIdReused);
        let told = "select count(*) from store_event_log where kind = 'EventUpdated'";
        world.database.wait_by_hand(told, |count| count == 1).await;
        world.assert_sound().await;
        assert_eq!(world.database.count_by_hand(told).await, 1);
    }
}
