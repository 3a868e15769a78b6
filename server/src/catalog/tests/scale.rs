//! Large venues, whole or not at all.

use std::time::Instant;

use super::*;
use crate::kernel::page::PageRequest;
use crate::kernel::seat_state::SeatState;

const SEATS: usize = 50_000;

fn arena() -> VenuePlan {
    venue_plan(50, 20, 50)
}

#[tokio::test]
async fn fifty_thousand_seats_are_built_put_on_sale_and_shown_in_the_order_of_the_venue()
-> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let begun = Instant::now();
        let venue = fixture.venue(&organizer, &arena()).await?;
        let created = begun.elapsed();
        assert!(venue.sections.len() == 50 && venue.sections.iter().all(|s| s.rows.is_empty()));

        let mut plan = event_plan(&venue);
        // One section is not on sale.
        plan.offers.pop();
        let draft = fixture.draft(&organizer, &plan).await?;
        let begun = Instant::now();
        let event = fixture.publish(&organizer, &draft).await?;
        let published = begun.elapsed();
        assert_eq!(event.version, 2);

        let begun = Instant::now();
        let whole = fixture.catalog.venue(venue.venue_id).await?;
        let read = begun.elapsed();
        let begun = Instant::now();
        let map = fixture.catalog.seat_map(None, event.event_id).await?;
        println!(
            "{:?}: {SEATS} seats created in {created:?}, published in {published:?}, venue read in \
            {read:?}, seat map read in {:?}",
            fixture.database.store.engine(),
            begun.elapsed()
        );
        let on_sale: Vec<_> = whole
            .sections
            .iter()
            .take(49)
            .flat_map(|section| section.rows.iter().map(move |row| (section, row)))
            .flat_map(|(section, row)| row.seats.iter().map(move |seat| (section, row, seat)))
            .collect();
        assert_eq!(usize::try_from(whole.seat_count).ok(), Some(SEATS));
        assert_eq!(map.seats.len(), on_sale.len());
        for (shown, (section, row, seat)) in map.seats.iter().zip(on_sale) {
            let offer =
                event.offers.iter().find(|offer| offer.section_id() == Some(section.section_id));
            assert_eq!(Some(shown.offer_id), offer.map(|offer| offer.offer_id));
            assert_eq!(
                (shown.seat_id, &shown.row_label, &shown.seat_label, shown.state),
                (seat.seat_id, &row.label, &seat.label, SeatState::Available)
            );
        }
        fixture.database.discard().await?;
    }
    Ok(())
}

/// How long counting a hundred thousand seats may take on a busy machine. It takes a fraction.
const COUNTED_MAX: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_hundred_thousand_seats_of_two_hundred_sections_are_counted_in_no_time() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let mut event_ids = Vec::new();
        for _ in 0..2 {
            let venue = fixture.venue(&organizer, &venue_plan(200, 10, 25)).await?;
            let event = fixture.published(&organizer, &event_plan(&venue)).await?;
            event_ids.push(event.event_id);
        }
        let begun = Instant::now();
        let events = fixture.catalog.availability(&event_ids).await?;
        let counted = begun.elapsed();
        println!("{:?}: 100,000 seats counted in {counted:?}", fixture.database.store.engine());
        for (event_id, availability) in events {
            assert!(event_ids.contains(&event_id));
            let names = availability.offers.iter().map(|offer| offer.name.clone());
            let sections = (0..200).map(|number| format!("Section {number}"));
            assert_eq!(names.collect::<Vec<_>>(), sections.collect::<Vec<_>>());
            assert!(availability.offers.iter().all(|offer| offer.available == 250));
        }
        assert!(counted < COUNTED_MAX, "{counted:?}");
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_everything_or_nothing() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        for patience in [1, 10, 60, 200] {
            let patience = Duration::from_millis(patience);
            // Being dropped is what happens to a call whose client goes away.
            drop(tokio::time::timeout(patience, fixture.venue(&organizer, &arena())).await);
        }
        let page = fixture.catalog.venues(None, &PageRequest::new(0, None)).await?;
        for venue in page.items {
            let whole = fixture.catalog.venue(venue.venue_id).await?;
            let rows = whole.sections.iter().flat_map(|section| &section.rows);
            assert_eq!(rows.map(|row| row.seats.len()).sum::<usize>(), SEATS);
        }

        let venue = fixture.venue(&organizer, &arena()).await?;
        let draft = fixture.draft(&organizer, &event_plan(&venue)).await?;
        for patience in [1, 10, 60, 200] {
            let patience = Duration::from_millis(patience);
            drop(tokio::time::timeout(patience, fixture.publish(&organizer, &draft)).await);
            match fixture.catalog.seat_map(None, draft.event_id).await {
                Ok(map) => assert_eq!(map.seats.len(), SEATS),
                absent => assert_eq!(reason(absent), Some(Reason::NotFound)),
            }
        }
        fixture.publish(&organizer, &draft).await?;
        let map = fixture.catalog.seat_map(None, draft.event_id).await?;
        assert_eq!(map.seats.len(), SEATS);
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn nobody_sees_an_event_with_a_part_of_its_seats() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let venue = fixture.venue(&organizer, &arena()).await?;
        let draft = fixture.draft(&organizer, &event_plan(&venue)).await?;
        let watch = async {
            let mut looks = 0;
            loop {
                looks += 1;
                match fixture.catalog.seat_map(None, draft.event_id).await {
                    Ok(map) => return (looks, map.seats.len()),
                    absent => assert_eq!(reason(absent), Some(Reason::NotFound)),
                }
            }
        };
        let (published, (looks, first_seen)) =
            tokio::join!(fixture.publish(&organizer, &draft), watch);
        published?;
        assert!(looks > 1, "the watcher looked while the event was published");
        assert_eq!(first_seen, SEATS);
        fixture.database.discard().await?;
    }
    Ok(())
}
