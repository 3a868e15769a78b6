//! Venues, whose sections are remade, and the events there.

use std::time::Duration;

use boxoffice_sdk::catalog::v1::{GetEventRequest, ListEventsRequest, SectionDraft, VenueDraft};
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::{World, scenarios};

use super::*;
use crate::catalog::{event_draft, list};

scenarios! {
    async fn s_86_an_event_on_sale_keeps_its_seats_and_prices_whatever_becomes_of_its_venue(
        world: &World
    ) {
        let organizer = world.organizer().await;
        let stalls = section("Stalls", &[("A", 3), ("B", 2)]);
        let sections = vec![stalls, section("Circle", &[("A", 2)])];
        let venue = build(&organizer, sections).await;
        let mut plan = soon(&venue);
        plan.offers[0].price_minor_units = 4_550;
        plan.offers[1].price_minor_units = 3_000;
        let event = draft(&organizer, plan).await;
        let event_id = event.event_id.as_str();
        publish(&organizer, event_id).await.expect("it is published");
        let sold = on_sale(&organizer, event_id).await;
        let (all, ids) = (seats(&venue), [&venue.sections[0].section_id]);
        assert_eq!(sold.len(), 7);
        for (seat_id, section_id, row, label, price) in &sold {
            assert_eq!(*price, if ids.contains(&section_id) { 4_550 } else { 3_000 });
            assert_eq!(all[&(section_id.clone(), row.clone(), label.clone())], *seat_id);
        }
        // While it is on sale, the sections stay.
        let fewer = vec![section("Stalls", &[("A", 1)])];
        let error = remake(&organizer, &venue, fewer.clone()).await;
        let error = precondition(error, ErrorReason::VenueOnSale);
        assert_eq!(error.metadata()["event_id"], event_id);
        // Names change, and everybody is told and finds it at once.
        let names = VenueDraft {
            name: "Große Bühne".into(),
            city: "Köln".into(),
            ..Default::default()
        };
        let renamed = change_venue(&organizer, &venue, &["name", "city"], names).await;
        let renamed = renamed.expect("it is renamed");
        assert_eq!((renamed.name.as_str(), renamed.country_code.as_str()), ("Große Bühne", "AT"));
        let client = world.anonymous().await;
        let request = GetEventRequest { event_id: event_id.into() };
        let told = client.get_event(request).await.expect("it is public").event.expect("one");
        assert_eq!(told.venue.expect("a venue").city, "Köln");
        let by_city = |city: &str| ListEventsRequest { city: city.into(), ..Default::default() };
        let by_text = |text: &str| ListEventsRequest { text: text.into(), ..Default::default() };
        for (request, found) in [
            (by_city("koln"), 1),
            (by_city("Graz"), 0),
            (by_text("grosse buhne faust"), 1),
            (by_text("playhouse"), 0),
        ] {
            assert_eq!(list(&client, request.clone()).await.len(), found, "{request:?}");
        }
        assert_eq!(on_sale(&organizer, event_id).await, sold);
        // Once it has ended, sections are remade, and the event still shows what it sold.
        world.clock.advance(Duration::from_secs(4 * 24 * 60 * 60));
        organizer.refresh().await.expect("a new token");
        remake(&organizer, &renamed, fewer).await.expect("nothing is on sale");
        assert_eq!(on_sale(&organizer, event_id).await, sold);
    }

    async fn s_14_sections_made_again_never_add_up(world: &World) {
        let organizer = world.organizer().await;
        let sections = vec![section("Stalls", &[("A", 60)]), section("Circle", &[("A", 40)])];
        let venue = build(&organizer, sections).await;
        let stalls = venue.sections[0].clone();
        let mut plan = event_draft(&venue, "Faust");
        plan.offers.truncate(1);
        let event = draft(&organizer, plan).await;
        let again = vec![
            SectionDraft {
                section_id: stalls.section_id.clone(),
                ..section("Parterre", &[("A", 50), ("AA", 10)])
            },
            section("Balcony", &[("A", 40)]),
        ];
        let first = remake(&organizer, &venue, again.clone()).await.expect("it is a draft only");
        assert_eq!((first.seat_count, seats(&first).len()), (100, 100));
        assert_ne!(first.etag, venue.etag);
        // What stays where it was keeps its id, under the section's new name too.
        assert_eq!(first.sections[0].section_id, stalls.section_id);
        let kept = first.sections[0].rows[0].seats.clone();
        assert_eq!(kept, stalls.rows[0].seats[..50]);
        let second = remake(&organizer, &first, again).await.expect("nothing is different");
        assert_eq!(second, first);
        let stored = "select count(*) from catalog_seat";
        assert_eq!(world.database.count_by_hand(stored).await, 100);
        // What the draft sells must stay; a venue that has changed since is not changed blindly.
        let without = vec![section("Balcony", &[("A", 40)])];
        let error = precondition(
            remake(&organizer, &first, without.clone()).await,
            ErrorReason::SectionInUse,
        );
        assert_eq!(error.metadata()["section_id"], stalls.section_id);
        assert_eq!(error.metadata()["event_id"], event.event_id);
        let stale = remake(&organizer, &venue, without).await;
        refused(stale, Code::Aborted, ErrorReason::ChangedMeanwhile);
        assert_eq!(read(&organizer, &venue.venue_id).await, first);
        publish(&organizer, &event.event_id).await.expect("it is published");
        assert_eq!(on_sale(&organizer, &event.event_id).await.len(), 60);
    }
}
