//! Wishes for places, from their wire form.

use std::collections::{BTreeMap, BTreeSet};

use boxoffice_proto::booking::v1 as wire;

use crate::booking::domain::place::{PlaceSet, PlacesChange};
use crate::error::{Reason, Result};
use crate::kernel::id::{OfferId, SeatId};
use crate::kernel::limits::HOLD_SEATS_MAX;
use crate::transport::parse::Fields;

/// The places that HoldSeats asks for: at least one.
pub(super) fn wanted(fields: &mut Fields, body: &wire::HoldSeatsRequest) -> Option<PlaceSet> {
    if body.seat_ids.is_empty() && body.general_admission.is_empty() {
        return fields.fault("seat_ids", "must name a seat, or general_admission an offer");
    }
    let seats = seats(fields, "seat_ids", &body.seat_ids);
    let quantities = quantities(fields, &body.general_admission, 1);
    Some(PlaceSet { seats: seats?, quantities: quantities? })
}

/// What ChangeHold asks for: at least something.
pub(super) fn change(fields: &mut Fields, body: &wire::ChangeHoldRequest) -> Option<PlacesChange> {
    let nothing = body.add_seat_ids.is_empty()
        && body.remove_seat_ids.is_empty()
        && body.general_admission.is_empty();
    if nothing {
        return fields.fault("add_seat_ids", "must name a seat, unless another field asks");
    }
    let add = seats(fields, "add_seat_ids", &body.add_seat_ids);
    let remove = seats(fields, "remove_seat_ids", &body.remove_seat_ids);
    let quantities = quantities(fields, &body.general_admission, 0);
    Some(PlacesChange { add: add?, remove: remove?, quantities: quantities? })
}

/// Refuses a seat that is named twice: whoever does that counts on more places than he gets.
pub(super) fn require_different(seat_ids: &[String]) -> Result<()> {
    let mut seen = BTreeSet::new();
    match seat_ids.iter().find(|seat_id| !seen.insert(seat_id.as_str())) {
        Some(seat_id) => Err(Reason::SeatUnknown.with("seat_id", seat_id)),
        None => Ok(()),
    }
}

fn seats(fields: &mut Fields, name: &str, texts: &[String]) -> Option<BTreeSet<SeatId>> {
    if texts.len() > HOLD_SEATS_MAX {
        return fields.fault(name, format!("must be at most {HOLD_SEATS_MAX} seats"));
    }
    let seats = texts.iter().enumerate();
    seats.map(|(index, text)| fields.id(&format!("{name}[{index}]"), text, SeatId::parse)).collect()
}

fn quantities(
    fields: &mut Fields,
    lines: &[wire::OfferQuantity],
    least: i32,
) -> Option<BTreeMap<OfferId, u32>> {
    const NAME: &str = "general_admission";
    if lines.len() > HOLD_SEATS_MAX {
        return fields.fault(NAME, format!("must be at most {HOLD_SEATS_MAX} offers"));
    }
    let mut quantities = BTreeMap::new();
    let mut good = true;
    for (index, line) in lines.iter().enumerate() {
        let path = format!("{NAME}[{index}]");
        let offer_id = fields.id(&format!("{path}.offer_id"), &line.offer_id, OfferId::parse);
        let quantity = u32::try_from(line.quantity).ok();
        let quantity = quantity.filter(|_| line.quantity >= least && line.quantity <= 1_000_000);
        if quantity.is_none() {
            let what = format!("must be {least} to 1,000,000");
            fields.fault::<()>(&format!("{path}.quantity"), what);
        }
        let (Some(offer_id), Some(quantity)) = (offer_id, quantity) else {
            good = false;
            continue;
        };
        if quantities.insert(offer_id, quantity).is_some() {
            fields.fault::<()>(&format!("{path}.offer_id"), "names the offer a second time");
            good = false;
        }
    }
    good.then_some(quantities)
}
