//! How an event is shown.

use std::time::Duration;

use boxoffice_sdk::catalog::v1::Event;

use crate::json;
use crate::output::{Report, Style, push};
use crate::table::{Sheet, Table};
use crate::text::{State, money, span, time};

/// An event with its offers.
pub fn report(event: &Event, style: Style) -> Report {
    let venue = event.venue.as_ref().map_or_else(
        || event.venue_id.clone(),
        |venue| format!("{}, {} ({})", venue.name, venue.city, venue.country_code),
    );
    let rules = |ttl: Option<boxoffice_sdk::Duration>| {
        ttl.and_then(|ttl| Duration::try_from(ttl).ok()).map(span).unwrap_or_default()
    };
    let sheet = Sheet::new(format!("Event {}", event.event_id))
        .field("title", &event.title)
        .field_if_any("about", &event.description)
        .field_if_any("category", &event.category)
        .field_if_any("tags", event.tags.join(", "))
        .field_if_any("picture", &event.image_url)
        .field("state", event.state().cell())
        .field("venue", venue)
        .field("starts", time(event.start_time.as_ref()))
        .field("ends", time(event.end_time.as_ref()))
        .field_if_any("hold lasts", rules(event.hold_ttl))
        .field_if_any("at the most", rules(event.hold_life_max))
        .field("per buyer", format!("{} places", event.places_per_buyer_max))
        .field_if_any("cancel until", before_start(event));
    let mut table = Table::new(&["OFFER", "NAME", ">PRICE", ">PLACES"]);
    for offer in &event.offers {
        let places = match offer.quantity {
            0 => "seats".to_owned(),
            quantity => quantity.to_string(),
        };
        table.row([
            (&offer.offer_id).into(),
            (&offer.name).into(),
            money(offer.price.as_ref()).into(),
            places.into(),
        ]);
    }
    let mut text = sheet.render(style);
    push(&mut text, format_args!("\n{}", table.render(style, 2)));
    Report::new(json::event(event), text)
}

fn before_start(event: &Event) -> String {
    let span_before = event.cancel_until.and_then(|before| Duration::try_from(before).ok());
    span_before.map(|before| format!("{} before the start", span(before))).unwrap_or_default()
}
