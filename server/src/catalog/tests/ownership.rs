//! Who sees and changes what.

use super::*;
use crate::error::Error;
use crate::kernel::id::{EventId, GuestId, VenueId};

/// A refusal looks the same whether the thing is absent or someone else's.
fn shown<T>(outcome: Result<T>) -> String {
    match outcome {
        Ok(_) => "done".to_owned(),
        Err(Error::Rejected(rejection)) => {
            format!("{:?} {:?}", rejection.reason, rejection.metadata)
        }
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn someone_elses_venue_and_event_are_as_absent_as_those_that_never_were() -> Result<()> {
    for fixture in Fixture::each().await? {
        let (owner, other) = (organizer(), caller("other", Role::Organizer));
        let venue = fixture.venue(&owner, &venue_plan(1, 1, 2)).await?;
        let draft = fixture.draft(&owner, &event_plan(&venue)).await?;

        let absent =
            EventPlan { venue_id: VenueId::derived(&[]).to_string(), ..event_plan(&venue) };
        let foreign = shown(fixture.draft(&other, &event_plan(&venue)).await);
        assert_eq!(foreign, shown(fixture.draft(&other, &absent).await));
        assert_eq!(foreign, r#"NotFound [("resource", "venue")]"#);

        let absent = Event { event_id: EventId::derived(&[]), ..draft.clone() };
        let foreign = shown(fixture.publish(&other, &draft).await);
        assert_eq!(foreign, shown(fixture.publish(&other, &absent).await));
        assert_eq!(foreign, r#"NotFound [("resource", "event")]"#);
        let event = fixture.catalog.event(Some(&owner), draft.event_id).await?;
        assert_eq!(event.version, 1, "the refusals changed nothing");
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn drafts_are_there_for_their_organizer_and_admins_only() -> Result<()> {
    for fixture in Fixture::each().await? {
        let (owner, admin) = (organizer(), caller("admin", Role::Admin));
        let other = caller("other", Role::Organizer);
        let venue = fixture.venue(&owner, &venue_plan(1, 1, 2)).await?;
        let draft = fixture.draft(&owner, &event_plan(&venue)).await?;
        for stranger in [None, Some(&other)] {
            let event = fixture.catalog.event(stranger, draft.event_id).await;
            assert_eq!(reason(event), Some(Reason::NotFound));
            let map = fixture.catalog.seat_map(stranger, draft.event_id).await;
            assert_eq!(reason(map), Some(Reason::NotFound));
        }
        for insider in [&owner, &admin] {
            assert!(fixture.catalog.event(Some(insider), draft.event_id).await.is_ok());
            let map = fixture.catalog.seat_map(Some(insider), draft.event_id).await;
            assert_eq!(reason(map), Some(Reason::EventNotOnSale));
        }
        let event = fixture.publish(&owner, &draft).await?;
        for anybody in [None, Some(&other)] {
            let seen = fixture.catalog.event(anybody, event.event_id).await?;
            assert_eq!((seen.state, seen.venue.city), (event.state, "Zürich".to_owned()));
            let map = fixture.catalog.seat_map(anybody, event.event_id).await?;
            assert_eq!(map.seats.len(), 2);
        }
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_admin_acts_for_the_organizer_and_a_guest_owns_nothing() -> Result<()> {
    for fixture in Fixture::each().await? {
        let (owner, admin) = (organizer(), caller("admin", Role::Admin));
        let venue = fixture.venue(&owner, &venue_plan(1, 1, 2)).await?;
        let event = fixture.published(&admin, &event_plan(&venue)).await?;
        assert_eq!(Some(event.organizer_id), owner.user_id());
        let guest = Caller { session: SessionId::Guest(GuestId::derived(&[])), ..owner };
        let refused = fixture.venue(&guest, &venue_plan(1, 1, 2)).await;
        assert_eq!(reason(refused), Some(Reason::RoleMissing));
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_event_that_has_started_is_not_published() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let venue = fixture.venue(&organizer, &venue_plan(1, 1, 2)).await?;
        let draft = fixture.draft(&organizer, &event_plan(&venue)).await?;
        fixture.turn_clock(HOUR);
        let refused = fixture.publish(&organizer, &draft).await;
        assert_eq!(reason(refused), Some(Reason::EventTimesInvalid));
        let late = fixture.draft(&organizer, &event_plan(&venue)).await;
        assert_eq!(reason(late), Some(Reason::EventTimesInvalid));
        fixture.database.discard().await?;
    }
    Ok(())
}
