//! The terms that an event is sold on.

use std::time::Duration;

use super::event_draft::EventPlan;
use super::faults::Faults;
use crate::kernel::limits::CANCEL_UNTIL_DEFAULT;
use crate::kernel::money::Currency;

/// How long a hold lasts unless the organizer says otherwise.
const HOLD_TTL_DEFAULT: Duration = Duration::from_secs(10 * 60);
/// The shortest hold.
const HOLD_TTL_MIN: Duration = Duration::from_secs(10);
/// The longest hold.
const HOLD_TTL_MAX: Duration = Duration::from_secs(2 * 60 * 60);
/// How long a hold may last in all unless the organizer says otherwise.
const HOLD_LIFE_DEFAULT: Duration = Duration::from_secs(30 * 60);
/// How long a hold may last in all at the most.
const HOLD_LIFE_MAX: Duration = Duration::from_secs(4 * 60 * 60);
/// Places of one buyer unless the organizer says otherwise.
const PLACES_DEFAULT: i32 = 10;
/// Places of one buyer at the most.
const PLACES_MAX: i32 = 100;
/// The longest such time.
const CANCEL_UNTIL_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The terms that an event is sold on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaleTerms {
    /// The currency of all its prices.
    pub currency: Currency,
    /// How long a hold lasts.
    pub hold_ttl: Duration,
    /// How long a hold may last in all.
    pub hold_life_max: Duration,
    /// How many places one buyer may hold and book.
    pub places_per_buyer_max: u32,
    /// How long before the start owners may cancel what they have paid.
    pub cancel_until: Duration,
}

/// Checks the terms of a plan.
pub(super) fn parse_terms(faults: &mut Faults, plan: &EventPlan) -> Option<SaleTerms> {
    let currency = Currency::parse(&plan.currency_code);
    let must = "must be three capital letters (ISO 4217)";
    let currency = faults.some("event.currency_code", currency, must);
    let hold_ttl = plan.hold_ttl.unwrap_or(HOLD_TTL_DEFAULT);
    let sound_ttl = (HOLD_TTL_MIN..=HOLD_TTL_MAX).contains(&hold_ttl);
    if !sound_ttl {
        faults.note("event.hold_ttl", "must be 10 seconds to 2 hours");
    }
    let hold_life_max = plan.hold_life_max.unwrap_or(HOLD_LIFE_DEFAULT.max(hold_ttl));
    // A wrong hold_ttl is no measure of hold_life_max.
    let hold_life_min = if sound_ttl { hold_ttl } else { HOLD_TTL_MIN };
    let sound_life = (hold_life_min..=HOLD_LIFE_MAX).contains(&hold_life_max);
    if !sound_life && (sound_ttl || plan.hold_life_max.is_some()) {
        faults.note("event.hold_life_max", "must be at least hold_ttl and at most 4 hours");
    }
    let places = plan.places_per_buyer_max.unwrap_or(PLACES_DEFAULT);
    let places = u32::try_from(places).ok().filter(|_| (1..=PLACES_MAX).contains(&places));
    let must = format!("must be 1 to {PLACES_MAX}");
    let places = faults.some("event.places_per_buyer_max", places, &must);
    let cancel_until = plan.cancel_until.unwrap_or(CANCEL_UNTIL_DEFAULT);
    let cancel_until = Some(cancel_until).filter(|span| *span <= CANCEL_UNTIL_MAX);
    let cancel_until = faults.some("event.cancel_until", cancel_until, "must be 0 to 366 days");
    Some(SaleTerms {
        currency: currency?,
        hold_ttl,
        hold_life_max,
        places_per_buyer_max: places?,
        cancel_until: cancel_until?,
    })
}
