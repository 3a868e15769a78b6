//! Offers: what can be bought for an event, and for how much.

use std::collections::{HashMap, HashSet};

use super::faults::Faults;
use super::venue::Venue;
use crate::error::{Error, Result};
use crate::kernel::id::{Entropy, OfferId, SectionId};
use crate::kernel::time::Timestamp;

/// Offers of an event at the most: one for each section of the largest venue.
const OFFERS_MAX: usize = 1_000;
/// The highest price of a place, in minor units.
const PRICE_MAX: i64 = 100_000_000;
/// Places of an offer of general admission at the most.
const QUANTITY_MAX: i32 = 1_000_000;

/// What an offer sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sold {
    /// The seats of this section.
    Seats(SectionId),
    /// So many places of general admission (GA), which have no numbers.
    Admission(u32),
}

/// A thing with a price that can be bought for an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub offer_id: OfferId,
    /// What it sells.
    pub sold: Sold,
    /// Its name.
    pub name: String,
    /// The price of one place, in minor units of the event's currency.
    pub price_minor: i64,
}

impl Offer {
    /// The section whose seats it sells; `None` for general admission.
    pub fn section_id(&self) -> Option<SectionId> {
        match self.sold {
            Sold::Seats(section_id) => Some(section_id),
            Sold::Admission(_) => None,
        }
    }
}

/// An offer as somebody describes it: of a section's seats, or of a quantity.
#[derive(Clone, Debug, Default)]
pub struct OfferPlan {
    /// The wire form of the section's id; each section at most once. Empty for general admission.
    pub section_id: String,
    /// 1 to 100 characters; unique among the offers of general admission.
    pub name: String,
    /// 0 to 100,000,000 minor units of the event's currency.
    pub price_minor: i64,
    /// 1 to 1,000,000 places of general admission; 0 for seats.
    pub quantity: i32,
}

impl From<&Offer> for OfferPlan {
    fn from(offer: &Offer) -> Self {
        let (section_id, quantity) = match offer.sold {
            Sold::Seats(section_id) => (section_id.to_string(), 0),
            Sold::Admission(quantity) => (String::new(), i32::try_from(quantity).unwrap_or(0)),
        };
        Self { section_id, name: offer.name.clone(), price_minor: offer.price_minor, quantity }
    }
}

/// An offer whose description is sound.
#[derive(Clone, Debug)]
pub(super) struct OfferDraft {
    sold: Sold,
    name: String,
    price_minor: i64,
}

/// What makes an offer the same as one before: what it sells, and not how many or for how much.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'o> {
    Section(SectionId),
    Admission(&'o str),
}

fn identity(sold: Sold, name: &str) -> Identity<'_> {
    match sold {
        Sold::Seats(section_id) => Identity::Section(section_id),
        Sold::Admission(_) => Identity::Admission(name),
    }
}

/// Checks the offers of a plan.
pub(super) fn parse_offers(faults: &mut Faults, offers: &[OfferPlan]) -> Vec<OfferDraft> {
    if !(1..=OFFERS_MAX).contains(&offers.len()) {
        faults.note("event.offers", format!("must be 1 to {OFFERS_MAX}"));
    }
    let (mut sections, mut names) = (HashSet::new(), HashSet::new());
    let mut drafts = Vec::with_capacity(offers.len());
    for (index, offer) in offers.iter().enumerate() {
        let path = format!("event.offers[{index}]");
        let sold = parse_sold(faults, &path, offer);
        if let Some(Sold::Seats(section_id)) = sold
            && !sections.insert(section_id)
        {
            faults.note(format_args!("{path}.section_id"), "must be sold by one offer only");
        }
        let name = format_args!("{path}.name");
        let name = match sold {
            Some(Sold::Admission(_)) => faults.unique_line(name, &offer.name, 1..=100, &mut names),
            _ => faults.line(name, &offer.name, 1..=100),
        };
        let price_minor = offer.price_minor;
        if !(0..=PRICE_MAX).contains(&price_minor) {
            let must = format!("must be 0 to {PRICE_MAX}");
            faults.note(format_args!("{path}.price_minor_units"), must);
        }
        drafts.extend(sold.map(|sold| OfferDraft { sold, name, price_minor }));
    }
    drafts
}

fn parse_sold(faults: &mut Faults, path: &str, offer: &OfferPlan) -> Option<Sold> {
    if offer.quantity == 0 {
        let section_id = SectionId::parse(&offer.section_id);
        let must = "must be an id as the server gave it, unless quantity is set";
        let section_id = faults.some(format_args!("{path}.section_id"), section_id, must);
        return section_id.map(Sold::Seats);
    }
    if !offer.section_id.is_empty() {
        faults.note(format_args!("{path}.quantity"), "must not be set beside section_id");
        return None;
    }
    let quantity = offer.quantity;
    let sound = u32::try_from(quantity).ok().filter(|_| quantity <= QUANTITY_MAX);
    let must = format!("must be 1 to {QUANTITY_MAX}");
    faults.some(format_args!("{path}.quantity"), sound, &must).map(Sold::Admission)
}

/// Refuses with `InvalidFields` if an offer sells a section that the venue does not have.
pub(super) fn check_sections(offers: &[OfferDraft], venue: &Venue) -> Result<()> {
    let known: HashSet<SectionId> =
        venue.sections.iter().map(|section| section.section_id).collect();
    let mut faults = Faults::default();
    for (index, offer) in offers.iter().enumerate() {
        if let Sold::Seats(section_id) = offer.sold
            && !known.contains(&section_id)
        {
            let field = format_args!("event.offers[{index}].section_id");
            faults.note(field, "must be a section of the event's venue");
        }
    }
    faults.or(()).map_err(Error::from)
}

/// Makes the offers. Those that go on as one before keep its id.
pub(super) fn build_offers(
    drafts: &[OfferDraft],
    before: &[Offer],
    now: Timestamp,
    mut entropy: impl FnMut() -> Entropy,
) -> Vec<Offer> {
    let known: HashMap<Identity, OfferId> =
        before.iter().map(|offer| (identity(offer.sold, &offer.name), offer.offer_id)).collect();
    let offers = drafts.iter().map(|draft| {
        let offer_id = known.get(&identity(draft.sold, &draft.name)).copied();
        Offer {
            offer_id: offer_id.unwrap_or_else(|| OfferId::new(now, entropy())),
            sold: draft.sold,
            name: draft.name.clone(),
            price_minor: draft.price_minor,
        }
    });
    offers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(number: u8) -> OfferPlan {
        let section_id = SectionId::derived(&[&[number]]).to_string();
        OfferPlan { section_id, name: "Stalls".to_owned(), ..OfferPlan::default() }
    }

    fn admission(name: &str, quantity: i32) -> OfferPlan {
        OfferPlan { name: name.to_owned(), quantity, ..OfferPlan::default() }
    }

    fn faulty_fields(offers: &[OfferPlan]) -> Vec<String> {
        let mut faults = Faults::default();
        parse_offers(&mut faults, offers);
        let fields = faults.into_violations().into_iter().map(|fault| fault.field);
        fields.map(|field| field.replace("event.offers", "")).collect()
    }

    #[test]
    fn an_offer_is_of_seats_or_of_a_quantity() {
        let both = OfferPlan { quantity: 1, ..seats(1) };
        assert!(faulty_fields(&[seats(1), admission("Standing", QUANTITY_MAX)]).is_empty());
        assert!(faulty_fields(&[admission("Standing", 1)]).is_empty());
        assert_eq!(faulty_fields(&[both]), ["[0].quantity"]);
        assert_eq!(faulty_fields(&[admission("Standing", 0)]), ["[0].section_id"]);
        for wrong in [-1, i32::MIN, QUANTITY_MAX + 1] {
            assert_eq!(faulty_fields(&[admission("Standing", wrong)]), ["[0].quantity"]);
        }
    }

    #[test]
    fn only_offers_of_general_admission_need_names_of_their_own() {
        assert!(faulty_fields(&[seats(1), seats(2), admission("Stalls", 1)]).is_empty());
        let twice = [admission("Standing", 1), admission(" Standing", 2)];
        assert_eq!(faulty_fields(&twice), ["[1].name"]);
    }

    #[test]
    fn an_offer_that_goes_on_keeps_its_id() {
        let mut drawn = 0;
        let mut built = |plans: &[OfferPlan], before: &[Offer]| {
            let drafts = parse_offers(&mut Faults::default(), plans);
            build_offers(&drafts, before, Timestamp::from_micros(1), || {
                drawn += 1;
                [drawn; 10]
            })
        };
        let before = built(&[seats(1), admission("Early", 10), admission("Late", 20)], &[]);
        let renamed = OfferPlan { name: "Front".to_owned(), price_minor: 7, ..seats(1) };
        let after = built(&[admission("Late", 5), seats(2), renamed], &before);
        let id = |offers: &[Offer], index: usize| offers[index].offer_id;
        assert_eq!((id(&after, 0), id(&after, 2)), (id(&before, 2), id(&before, 0)));
        assert!(before.iter().all(|offer| offer.offer_id != id(&after, 1)));
        assert_eq!(after[0].sold, Sold::Admission(5));
    }
}
