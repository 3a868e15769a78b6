//! What is left of events.

use boxoffice_sdk::catalog::v1::{EventAvailability, GetAvailabilityRequest, OfferAvailability};
use serde_json::{Value, json};

use crate::Shell;
use crate::failure::Failure;
use crate::json;
use crate::output::Report;
use crate::table::Table;

/// Counts what is left of events, by offer.
///
/// # Errors
///
/// Those of `GetAvailability`.
pub async fn availability(event_ids: Vec<String>, shell: &Shell) -> Result<Report, Failure> {
    let request = GetAvailabilityRequest { event_ids };
    let events = shell.client.get_availability(request).await?.events;
    let headings = ["EVENT", "OFFER", ">TOTAL", ">FREE", ">HELD", ">CLAIMED", ">SOLD", ">BLOCKED"];
    let mut table = Table::new(&headings);
    for event in &events {
        for offer in &event.offers {
            table.row([
                (&event.event_id).into(),
                (&offer.name).into(),
                offer.total_count.to_string().into(),
                offer.available_count.to_string().into(),
                offer.held_count.to_string().into(),
                offer.claimed_count.to_string().into(),
                offer.sold_count.to_string().into(),
                offer.blocked_count.to_string().into(),
            ]);
        }
    }
    let text = match events.as_slice() {
        [] => "None of them is or was on sale.".to_owned(),
        _ => table.render(shell.output.style(), 0),
    };
    Ok(Report::new(json::list(&events, event_json), text))
}

fn event_json(event: &EventAvailability) -> Value {
    json!({ "event_id": event.event_id, "offers": json::list(&event.offers, offer_json) })
}

fn offer_json(offer: &OfferAvailability) -> Value {
    json!({
        "offer_id": offer.offer_id,
        "name": offer.name,
        "total_count": offer.total_count,
        "available_count": offer.available_count,
        "held_count": offer.held_count,
        "claimed_count": offer.claimed_count,
        "sold_count": offer.sold_count,
        "blocked_count": offer.blocked_count,
    })
}
