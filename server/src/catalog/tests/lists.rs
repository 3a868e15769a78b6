//! Lists, their filters and their pages.

use std::collections::BTreeSet;

use super::*;
use crate::catalog::domain::search::{EventFilter, FilterPlan, Scope};
use crate::kernel::id::EventId;
use crate::kernel::page::PageRequest;

fn everything() -> PageRequest {
    PageRequest::new(i32::MAX, None)
}

impl Fixture {
    async fn titles(&self, scope: Scope, plan: FilterPlan) -> Result<Vec<String>> {
        let filter = EventFilter::parse(&plan)?;
        let page = self.catalog.events(scope, &filter, &everything()).await?;
        Ok(page.items.into_iter().map(|event| event.title).collect())
    }
}

fn text(text: &str) -> FilterPlan {
    FilterPlan { text: text.to_owned(), ..FilterPlan::default() }
}

#[tokio::test]
async fn pages_join_without_gap_or_repeat_while_events_are_added() -> Result<()> {
    for fixture in Fixture::each().await? {
        let organizer = organizer();
        let venue = fixture.venue(&organizer, &venue_plan(1, 1, 2)).await?;
        // Groups of events start at the same time, so that pages end within them.
        let starting_in = |hours: u32| EventPlan {
            start_time: Some(START + HOUR * hours),
            end_time: Some(START + HOUR * 100),
            ..event_plan(&venue)
        };
        let mut wanted = BTreeSet::new();
        for number in 0..23 {
            let event = fixture.published(&organizer, &starting_in(1 + number / 5)).await?;
            wanted.insert(event.event_id);
        }
        for scope in [Scope::OnSale, Scope::Of(UserId::derived(&[b"organizer"]))] {
            let filter = EventFilter::parse(&FilterPlan::default())?;
            let mut seen: Vec<(Timestamp, EventId)> = vec![];
            let mut after = None;
            loop {
                let page = PageRequest::new(4, after);
                let page = fixture.catalog.events(scope, &filter, &page).await?;
                seen.extend(page.items.iter().map(|event| (event.start_time, event.event_id)));
                // Before, at and after where the reader is.
                for hours in [1, 3, 9] {
                    fixture.published(&organizer, &starting_in(hours)).await?;
                }
                after = page.next;
                if after.is_none() || seen.len() > 200 {
                    break;
                }
            }
            assert!(seen.is_sorted(), "by start time, then id");
            let distinct: BTreeSet<EventId> = seen.iter().map(|(_, id)| *id).collect();
            assert_eq!(distinct.len(), seen.len(), "no repeat");
            assert!(distinct.is_superset(&wanted), "no gap");
        }
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn venues_come_newest_first_and_pages_join_while_venues_are_added() -> Result<()> {
    for fixture in Fixture::each().await? {
        let (one, other) = (organizer(), caller("other", Role::Organizer));
        let (mut wanted, mut others) = (vec![], vec![]);
        for number in 0_u32..9 {
            // Some are made at the same instant.
            fixture.turn_clock(Duration::from_secs(u64::from(number % 2)));
            wanted.push(fixture.venue(&one, &venue_plan(1, 1, 1)).await?.venue_id);
            others.push(fixture.venue(&other, &venue_plan(1, 1, 1)).await?.venue_id);
        }
        for organizer_id in [None, one.user_id()] {
            let (mut seen, mut after) = (vec![], None);
            loop {
                let page = PageRequest::new(2, after);
                let page = fixture.catalog.venues(organizer_id, &page).await?;
                assert!(page.items.iter().all(|venue| venue.sections.is_empty()));
                seen.extend(page.items.iter().map(|venue| (venue.create_time, venue.venue_id)));
                fixture.turn_clock(HOUR);
                fixture.venue(&one, &venue_plan(1, 1, 1)).await?;
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first, no repeat");
            let ids: BTreeSet<_> = seen.iter().map(|(_, id)| *id).collect();
            assert!(wanted.iter().all(|id| ids.contains(id)), "no gap");
            let all = organizer_id.is_none();
            assert!(others.iter().all(|id| ids.contains(id) == all), "only what was asked for");
        }
        fixture.database.discard().await?;
    }
    Ok(())
}

async fn season(fixture: &Fixture) -> Result<()> {
    let organizer = organizer();
    let zurich = fixture.venue(&organizer, &venue_plan(1, 1, 2)).await?;
    let lodz = VenuePlan {
        name: "Atlas Arena".to_owned(),
        city: "Łódź".to_owned(),
        ..venue_plan(1, 1, 2)
    };
    let lodz = fixture.venue(&organizer, &lodz).await?;
    for (venue, title, category, description, hours) in [
        (&zurich, "La Bohème", "Opera", "", 1),
        (&zurich, "Jazz 100%", "concert", "Trio_3 plays", 2),
        (&lodz, "Opéra Rock", "Concert", "", 3),
    ] {
        let plan = EventPlan {
            title: title.to_owned(),
            category: category.to_owned(),
            description: description.to_owned(),
            start_time: Some(START + HOUR * hours),
            end_time: Some(START + HOUR * (hours + 1)),
            ..event_plan(venue)
        };
        fixture.published(&organizer, &plan).await?;
    }
    fixture.draft(&organizer, &event_plan(&zurich)).await?;
    Ok(())
}

#[tokio::test]
async fn filters_all_match_and_every_word_is_looked_for() -> Result<()> {
    for fixture in Fixture::each().await? {
        season(&fixture).await?;
        let city = |city: &str| FilterPlan { city: city.to_owned(), ..FilterPlan::default() };
        let category = |name: &str| FilterPlan { category: name.to_owned(), ..text("") };
        let range = |from: u32, before: u32| FilterPlan {
            start_time_from: Some(START + HOUR * from),
            start_time_before: Some(START + HOUR * before),
            ..FilterPlan::default()
        };
        let (boheme, jazz, rock) = ("La Bohème", "Jazz 100%", "Opéra Rock");
        for (plan, found) in [
            (FilterPlan::default(), vec![boheme, jazz, rock]),
            (city("zurich"), vec![boheme, jazz]),
            (city("ZÜRICH "), vec![boheme, jazz]),
            (city("Zür"), vec![]),
            (city("lodz"), vec![rock]),
            (category("CONCERT"), vec![jazz, rock]),
            (FilterPlan { city: "Łódź".to_owned(), ..category("opera") }, vec![]),
            (range(2, 3), vec![jazz]),
            (range(2, 2), vec![]),
            (text("opera"), vec![rock]),
            (text("grosses BOHEME haus"), vec![boheme]),
            (text("haus rock"), vec![]),
            (text("atlas łódź"), vec![rock]),
            (text("trio_3"), vec![jazz]),
            (text("100%"), vec![jazz]),
            (text("%"), vec![boheme, jazz, rock]),
            (text("' or 1=1 --"), vec![]),
            (text("jazz 100 trio 3 plays grosses haus zurich"), vec![jazz]),
            (text("jazz 100 trio 3 plays grosses haus lodz"), vec![]),
        ] {
            let asked = format!("{plan:?}");
            assert_eq!(fixture.titles(Scope::OnSale, plan).await?, found, "{asked}");
        }
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_has_ended_and_what_is_a_draft_is_listed_for_its_organizer_only() -> Result<()> {
    for fixture in Fixture::each().await? {
        season(&fixture).await?;
        fixture.turn_clock(HOUR * 2 + Duration::from_secs(1));
        let mine = Scope::Of(UserId::derived(&[b"organizer"]));
        let all = fixture.titles(mine, FilterPlan::default()).await?;
        assert_eq!(all.iter().map(String::as_str).collect::<BTreeSet<_>>().len(), 4);
        let shown = fixture.titles(Scope::OnSale, FilterPlan::default()).await?;
        assert_eq!(shown, ["Jazz 100%", "Opéra Rock"]);
        let nobodys = Scope::Of(UserId::derived(&[b"other"]));
        assert!(fixture.titles(nobodys, FilterPlan::default()).await?.is_empty());
        fixture.database.discard().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_over_is_noticed_once_and_lists_never_depended_on_it() -> Result<()> {
    for fixture in Fixture::each().await? {
        season(&fixture).await?;
        fixture.turn_clock(HOUR * 2 + Duration::from_secs(1));
        let shown = fixture.titles(Scope::OnSale, FilterPlan::default()).await?;
        assert_eq!(shown, ["Jazz 100%", "Opéra Rock"], "before anybody swept");
        let over = async |limit: i64| {
            let mut tx = fixture.database.store.begin().await?;
            let marked = tx.mark_events_over(fixture.clock.now(), limit).await?;
            tx.commit().await?;
            Ok::<_, crate::error::Error>(marked)
        };
        assert_eq!((over(1).await?, over(9).await?), (1, 0));
        assert!(!fixture.catalog.sweep_events().await?);
        assert_eq!(fixture.titles(Scope::OnSale, FilterPlan::default()).await?, shown);
        let mine = Scope::Of(UserId::derived(&[b"organizer"]));
        assert_eq!(fixture.titles(mine, FilterPlan::default()).await?.len(), 4);
        fixture.database.discard().await?;
    }
    Ok(())
}
