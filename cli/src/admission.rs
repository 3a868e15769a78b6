//! General admission on the command line: `Standing=2`.

use std::str::FromStr;

use boxoffice_sdk::Client;
use boxoffice_sdk::booking::v1::OfferQuantity;
use boxoffice_sdk::catalog::v1::GetEventRequest;

use crate::failure::Failure;

/// How many places of which offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// The offer's name or id, as it was given.
    pub offer: String,
    /// How many.
    pub quantity: i32,
}

impl FromStr for Quantity {
    type Err = String;

    fn from_str(text: &str) -> Result<Quantity, String> {
        let form = || "expected OFFER=N, e.g. Standing=2".to_owned();
        let (offer, quantity) = text.rsplit_once('=').ok_or_else(form)?;
        let quantity = quantity.parse().map_err(|_| form())?;
        if offer.is_empty() || quantity < 0 {
            return Err(form());
        }
        Ok(Quantity { offer: offer.to_owned(), quantity })
    }
}

/// The quantities with the ids of their offers, which are found by id or by name, letter case
/// aside.
///
/// # Errors
///
/// A sentence that names the first offer the event does not have.
pub async fn resolve(
    client: &Client,
    event_id: &str,
    quantities: &[Quantity],
) -> Result<Vec<OfferQuantity>, Failure> {
    if quantities.is_empty() {
        return Ok(Vec::new());
    }
    let event = client.get_event(GetEventRequest { event_id: event_id.to_owned() }).await?.event;
    let offers = event.ok_or_else(Failure::incomplete)?.offers;
    let resolved = quantities.iter().map(|Quantity { offer: wanted, quantity }| {
        let found = offers.iter().find(|offer| {
            offer.offer_id == *wanted || offer.name.to_lowercase() == wanted.to_lowercase()
        });
        let Some(offer) = found else {
            let names: Vec<&str> = offers.iter().map(|offer| offer.name.as_str()).collect();
            let known = names.join(", ");
            return Err(Failure::usage(format!("no offer \"{wanted}\"; offers: {known}")));
        };
        let offer_id = offer.offer_id.clone();
        Ok(OfferQuantity { offer_id, quantity: *quantity })
    });
    resolved.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_and_a_number_are_told_apart_at_the_last_equals_sign() {
        let quantity = |text: &str| text.parse::<Quantity>();
        let expected = Quantity { offer: "A=B".to_owned(), quantity: 3 };
        assert_eq!(quantity("A=B=3"), Ok(expected));
        for wrong in ["Standing", "Standing=", "=2", "Standing=two", "Standing=-1"] {
            assert!(quantity(wrong).is_err(), "{wrong}");
        }
    }
}
