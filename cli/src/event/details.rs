//! What an event is described by, whether it is created or changed.

use std::time::Duration;

use boxoffice_sdk::catalog::v1::{EventDraft, OfferDraft, Venue};
use clap::Args;

use crate::failure::Failure;
use crate::text::parse_span;

/// What can be said about an event.
#[derive(Args, Clone, Default)]
pub struct Details {
    /// What it is about.
    #[arg(long)]
    description: Option<String>,
    /// What kind it is, e.g. concert.
    #[arg(long)]
    category: Option<String>,
    /// A word to find it by; may be repeated. They replace all that there were.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The address of a picture.
    #[arg(long, value_name = "URL")]
    image_url: Option<String>,
    /// The price of a section, named or by id, in minor units; one for each section on sale. They
    /// replace all that there were.
    #[arg(long = "offer", value_name = "SECTION=NAME:PRICE_MINOR")]
    #[arg(value_parser = parse_offer)]
    offers: Vec<GivenOffer>,
    /// A general-admission offer: places without numbers; may be repeated.
    #[arg(long = "ga", value_name = "NAME:PRICE_MINORxQUANTITY")]
    #[arg(value_parser = parse_admission)]
    admissions: Vec<OfferDraft>,
    /// How long a hold lasts, e.g. 10m.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    hold_ttl: Option<Duration>,
    /// How long a hold may last however often it is extended, e.g. 30m.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    hold_life_max: Option<Duration>,
    /// How many places one buyer may have.
    #[arg(long, value_name = "N")]
    places_per_buyer_max: Option<i32>,
    /// How long before the start buyers may still cancel what they have paid, e.g. 1d.
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    cancel_until: Option<Duration>,
}

/// An offer as it is given: its section may be a name or an id.
#[derive(Clone, Debug, PartialEq)]
struct GivenOffer {
    section: String,
    name: String,
    price_minor_units: i64,
}

impl Details {
    /// Whether prices are given, which name sections of the venue.
    pub fn has_offers(&self) -> bool {
        !self.offers.is_empty() || !self.admissions.is_empty()
    }

    /// Writes what is given into a draft. Answers with the names of its fields.
    ///
    /// # Errors
    ///
    /// When the venue has no such section, or a span is too long for a message.
    pub fn fill(self, draft: &mut EventDraft, venue: &Venue) -> Result<Vec<&'static str>, Failure> {
        let mut paths = Vec::new();
        if self.has_offers() {
            let seats = self.offers.into_iter().map(|offer| offer.at(venue));
            draft.offers = seats.collect::<Result<_, _>>()?;
            draft.offers.extend(self.admissions);
            paths.push("offers");
        }
        let texts = [
            ("description", self.description, &mut draft.description),
            ("category", self.category, &mut draft.category),
            ("image_url", self.image_url, &mut draft.image_url),
        ];
        for (path, given, field) in texts {
            if let Some(given) = given {
                *field = given;
                paths.push(path);
            }
        }
        if !self.tags.is_empty() {
            // An empty tag stands for none at all.
            draft.tags = self.tags.into_iter().filter(|tag| !tag.is_empty()).collect();
            paths.push("tags");
        }
        let spans = [
            ("hold_ttl", self.hold_ttl, &mut draft.hold_ttl),
            ("hold_life_max", self.hold_life_max, &mut draft.hold_life_max),
            ("cancel_until", self.cancel_until, &mut draft.cancel_until),
        ];
        for (path, given, field) in spans {
            if let Some(given) = given {
                *field = Some(proto_duration(given)?);
                paths.push(path);
            }
        }
        if let Some(places) = self.places_per_buyer_max {
            draft.places_per_buyer_max = places;
            paths.push("places_per_buyer_max");
        }
        Ok(paths)
    }
}

/// A length of time as the contract has it.
///
/// # Errors
///
/// When it is longer than a message can hold.
pub fn proto_duration(span: Duration) -> Result<boxoffice_sdk::Duration, Failure> {
    span.try_into().map_err(|_| Failure::usage("that length of time is too long"))
}

impl GivenOffer {
    fn at(self, venue: &Venue) -> Result<OfferDraft, Failure> {
        let named = venue.sections.iter().find(|section| {
            section.section_id == self.section || section.name.eq_ignore_ascii_case(&self.section)
        });
        let Some(section) = named else {
            let names: Vec<&str> =
                venue.sections.iter().map(|section| section.name.as_str()).collect();
            return Err(Failure::usage(format!(
                "the venue has no section \"{}\", only: {}",
                self.section,
                names.join(", ")
            )));
        };
        Ok(OfferDraft {
            section_id: section.section_id.clone(),
            name: self.name,
            price_minor_units: self.price_minor_units,
            quantity: 0,
        })
    }
}

/// Reads `Stalls=Full price:4500`. The last colon and the first equals sign count.
fn parse_offer(text: &str) -> Result<GivenOffer, String> {
    let wrong = || {
        "expected SECTION=NAME:PRICE_MINOR, e.g. \"Stalls=Full price:4500\" for 45.00".to_owned()
    };
    let (section, offer) = text.split_once('=').ok_or_else(wrong)?;
    let (name, price) = offer.rsplit_once(':').ok_or_else(wrong)?;
    let price_minor_units = price.trim().parse().map_err(|_| wrong())?;
    let (section, name) = (section.trim().to_owned(), name.trim().to_owned());
    if section.is_empty() || name.is_empty() || price_minor_units < 0 {
        return Err(wrong());
    }
    Ok(GivenOffer { section, name, price_minor_units })
}

/// Reads `Standing:1800x300`. The last colon counts.
fn parse_admission(text: &str) -> Result<OfferDraft, String> {
    let wrong = || {
        "expected NAME:PRICE_MINORxQUANTITY, e.g. \"Standing:1800x300\" for 300 places at 18.00"
            .to_owned()
    };
    let (name, terms) = text.rsplit_once(':').ok_or_else(wrong)?;
    let (price, quantity) = terms.split_once(['x', 'X']).ok_or_else(wrong)?;
    let price_minor_units: i64 = price.trim().parse().map_err(|_| wrong())?;
    let quantity: i32 = quantity.trim().parse().map_err(|_| wrong())?;
    let name = name.trim().to_owned();
    if name.is_empty() || price_minor_units < 0 || quantity < 1 {
        return Err(wrong());
    }
    Ok(OfferDraft { section_id: String::new(), name, price_minor_units, quantity })
}

#[cfg(test)]
mod tests {
    use super::*;
    use boxoffice_sdk::catalog::v1::Section;

    #[test]
    fn an_offer_has_a_section_a_name_and_a_price() {
        let offer = parse_offer("Box: left=Early bird: full:4500");
        let expected = GivenOffer {
            section: "Box: left".to_owned(),
            name: "Early bird: full".to_owned(),
            price_minor_units: 4_500,
        };
        assert_eq!(offer, Ok(expected));
        for wrong in ["Stalls", "Stalls=4500", "Stalls=Full:45.00", "=Full:1", "S=:1", "S=F:-1"] {
            assert!(parse_offer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn general_admission_has_a_name_a_price_and_a_quantity() {
        let offer = parse_admission("Early: bird:1800x300").unwrap_or_default();
        assert_eq!((offer.name.as_str(), offer.quantity), ("Early: bird", 300));
        assert_eq!((offer.price_minor_units, offer.section_id.as_str()), (1_800, ""));
        for wrong in ["Door", "Door:1800", "Door:x3", "Door:1800x0", ":1x1", "Door:-1x1"] {
            assert!(parse_admission(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_offer_finds_its_section_by_name_or_id() {
        let section = |section_id: &str, name: &str| Section {
            section_id: section_id.to_owned(),
            name: name.to_owned(),
            rows: Vec::new(),
        };
        let venue = Venue {
            sections: vec![section("sec_1", "Stalls"), section("sec_2", "Circle")],
            ..Default::default()
        };
        let at = |section: &str| {
            let (section, name) = (section.to_owned(), "Full".to_owned());
            let offer = GivenOffer { section, name, price_minor_units: 1 };
            offer.at(&venue).map(|draft| draft.section_id).map_err(|failure| failure.exit_code())
        };
        assert_eq!(at("circle"), Ok("sec_2".to_owned()));
        assert_eq!(at("sec_1"), Ok("sec_1".to_owned()));
        assert_eq!(at("Balcony"), Err(2));
    }

    #[test]
    fn only_what_is_given_is_named() {
        let mut draft = EventDraft::default();
        let paths = Details::default().fill(&mut draft, &Venue::default());
        assert_eq!(paths.unwrap_or_default(), Vec::<&str>::new());
        let details = Details {
            tags: vec![String::new()],
            description: Some(String::new()),
            admissions: vec![parse_admission("Door:5x5").unwrap_or_default()],
            ..Details::default()
        };
        let paths = details.fill(&mut draft, &Venue::default()).unwrap_or_default();
        assert_eq!(paths, ["offers", "description", "tags"]);
        assert!(draft.tags.is_empty() && draft.offers.len() == 1);
    }
}
