//! Repeated requests have one effect.

use futures::future::join_all;

use super::*;
use crate::catalog::domain::event::EventState;
use crate::kernel::page::PageRequest;
use crate::store::{Lease, claim_events};

#[tokio::test]
async fn a_repeat_answers_with_the_resource_as_it_now_is() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let keys = [key(&organizer), key(&organizer), key(&organizer)];
        let draft = VenueDraft::parse(&venue_plan(2, 2, 2))?;
        let venue = fixture.catalog.create_venue(&organizer, &keys[0], &draft).await?;
        let again = fixture.catalog.create_venue(&organizer, &keys[0], &draft).await?;
        assert_eq!(format!("{again:?}"), format!("{venue:?}"));

        let draft = EventDraft::parse(&event_plan(&venue))?;
        let event = fixture.catalog.create_event(&organizer, &keys[1], &draft).await?;
        let id = event.event_id;
        let published = fixture.catalog.publish_event(&organizer, &keys[2], id).await?;
        // A day later the draft would be refused; the repeat is not.
        fixture.turn_clock(HOUR * 24);
        let again = fixture.catalog.create_event(&organizer, &keys[1], &draft).await?;
        assert_eq!((again.event_id, again.state), (id, EventState::Published));
        let again = fixture.catalog.publish_event(&organizer, &keys[2], id).await?;
        assert_eq!(again.version, published.version);
        let other = fixture.publish(&organizer, &event).await?;
        assert_eq!(other.version, published.version, "publishing what is published");

        let mut tx = fixture.database.store.begin().await?;
        let lease = Lease(Uuid::from_u128(1));
        let told = claim_events(&mut tx, lease, fixture.clock.now(), 100).await?;
        let told: Vec<_> =
            told.iter().map(|event| (event.kind.as_str(), event.aggregate_version)).collect();
        assert_eq!(told, [("EventCreated", 1), ("EventPublished", 2)]);
        drop(tx);
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_request_id_with_another_body_is_refused_and_another_callers_is_not() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let first = key(&organizer);
        let draft = VenueDraft::parse(&venue_plan(1, 1, 2))?;
        let venue = fixture.catalog.create_venue(&organizer, &first, &draft).await?;
        let changed = RequestKey { body_hash: vec![2].into(), ..first.clone() };
        let refused = fixture.catalog.create_venue(&organizer, &changed, &draft).await;
        assert_eq!(reason(refused), Some(Reason::RequestIdReused));
        let other = caller("other", Role::Organizer);
        let theirs = RequestKey { session: other.session, ..first };
        let theirs = fixture.catalog.create_venue(&other, &theirs, &draft).await?;
        assert_ne!(theirs.venue_id, venue.venue_id);
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_request_that_was_refused_can_be_repeated() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let venue = fixture.venue(&organizer, &venue_plan(1, 1, 2)).await?;
        let draft = EventDraft::parse(&event_plan(&venue))?;
        let key = key(&organizer);
        fixture.turn_clock(HOUR * 2);
        let refused = fixture.catalog.create_event(&organizer, &key, &draft).await;
        assert_eq!(reason(refused), Some(Reason::EventTimesInvalid));
        fixture.clock.0.store(START.micros(), Ordering::SeqCst);
        assert!(fixture.catalog.create_event(&organizer, &key, &draft).await.is_ok());
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn equal_requests_at_the_same_time_have_one_effect_and_one_answer() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let catalog = &fixture.catalog;
        let key_of_venue = key(&organizer);
        let draft = VenueDraft::parse(&venue_plan(4, 10, 20))?;
        let calls = (0..6).map(|_| catalog.create_venue(&organizer, &key_of_venue, &draft));
        let venues = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()?;
        assert!(venues.iter().all(|venue| venue.venue_id == venues[0].venue_id));
        let page = catalog.venues(None, &PageRequest::new(0, None)).await?;
        assert_eq!(page.items.len(), 1);

        let key_of_event = key(&organizer);
        let draft = EventDraft::parse(&event_plan(&venues[0]))?;
        let calls = (0..6).map(|_| catalog.create_event(&organizer, &key_of_event, &draft));
        let events = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()?;
        assert!(events.iter().all(|event| event.event_id == events[0].event_id));

        // Half of them repeat one request, the others are requests of their own.
        let key_of_publishing = key(&organizer);
        let calls = (0..6).map(|number| {
            let own = key(&organizer);
            let key = if number % 2 == 0 { key_of_publishing.clone() } else { own };
            let (organizer, event_id) = (&organizer, events[0].event_id);
            async move { catalog.publish_event(organizer, &key, event_id).await }
        });
        let events = join_all(calls).await.into_iter().collect::<Result<Vec<_>>>()?;
        assert!(events.iter().all(|event| event.version == 2));
        let map = catalog.seat_map(None, events[0].event_id).await?;
        assert_eq!(map.seats.len(), 800);
        fixture.database.discard().await?;
    }
    Ok(())
}
