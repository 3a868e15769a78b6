//! Shared values in their wire form.

use std::time::Duration;

use boxoffice_proto::booking::v1::{OfferStatus, SeatCursor, SeatState as WireSeatState};
use boxoffice_proto::r#type::v1 as wire;

use crate::booking::domain::inventory::FeedCursor;
use crate::kernel::caller::Role;
use crate::kernel::id::OfferId;
use crate::kernel::money::{Currency, Money};
use crate::kernel::seat_state::SeatState;
use crate::kernel::time::Timestamp;

/// An instant.
pub fn time(time: Timestamp) -> prost_types::Timestamp {
    let micros = time.micros();
    let nanos = i32::try_from(micros.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
    prost_types::Timestamp { seconds: micros.div_euclid(1_000_000), nanos }
}

/// A span.
pub fn span(span: Duration) -> prost_types::Duration {
    let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
    let nanos = i32::try_from(span.subsec_nanos()).unwrap_or(0);
    prost_types::Duration { seconds, nanos }
}

/// An amount.
pub fn money(money: Money) -> wire::Money {
    amount(money.currency, money.minor)
}

/// An amount, given in parts.
pub fn amount(currency: Currency, minor_units: i64) -> wire::Money {
    wire::Money { currency_code: currency.code().to_owned(), minor_units }
}

/// The state of a seat.
pub const fn seat_state(state: SeatState) -> WireSeatState {
    match state {
        SeatState::Available => WireSeatState::Available,
        SeatState::Held => WireSeatState::Held,
        SeatState::Claimed => WireSeatState::Claimed,
        SeatState::Sold => WireSeatState::Sold,
        SeatState::Blocked => WireSeatState::Blocked,
    }
}

/// A place in the stream of seat changes.
pub const fn cursor(cursor: FeedCursor) -> SeatCursor {
    SeatCursor { epoch: cursor.epoch, revision: cursor.revision }
}

/// How much is left of offers of general admission.
pub fn offer_statuses(offers: &[(OfferId, i64)]) -> Vec<OfferStatus> {
    let status = |(offer_id, available_count): &(OfferId, i64)| OfferStatus {
        offer_id: offer_id.to_string(),
        available_count: *available_count,
    };
    offers.iter().map(status).collect()
}

/// A role.
pub const fn role(role: Role) -> wire::Role {
    match role {
        Role::Guest => wire::Role::Guest,
        Role::Customer => wire::Role::Customer,
        Role::Organizer => wire::Role::Organizer,
        Role::Admin => wire::Role::Admin,
    }
}

/// A role from its wire form; `None` when it is not set.
pub const fn role_from(role: wire::Role) -> Option<Role> {
    match role {
        wire::Role::Unspecified => None,
        wire::Role::Guest => Some(Role::Guest),
        wire::Role::Customer => Some(Role::Customer),
        wire::Role::Organizer => Some(Role::Organizer),
        wire::Role::Admin => Some(Role::Admin),
    }
}
