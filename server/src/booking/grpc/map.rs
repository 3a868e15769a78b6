//! Booking's values in their wire form.

use boxoffice_proto::booking::v1 as wire;

use crate::booking::domain::booking::{Booking, BookingState};
use crate::booking::domain::hold::HoldState;
use crate::booking::domain::place::{GaCount, Place};
use crate::booking::feed::SeatUpdate;
use crate::booking::service::HeldPlaces;
use crate::kernel::id::SeatId;
use crate::kernel::money::Currency;
use crate::kernel::seat_state::SeatState;
use crate::transport::wire::{amount, cursor, money, offer_statuses, seat_state, time};

pub(super) fn hold(held: HeldPlaces) -> wire::Hold {
    wire::Hold {
        hold_id: held.hold.hold_id.to_string(),
        event_id: held.hold.event_id.to_string(),
        state: hold_state(held.hold.state).into(),
        places: places(held.seats, held.currency),
        general_admission: general_admission(&held.quantities, held.currency),
        total: Some(money(held.total)),
        create_time: Some(time(held.hold.create_time)),
        expire_time: Some(time(held.hold.expire_time)),
        expire_time_max: Some(time(held.hold.expire_time_max)),
    }
}

fn hold_state(state: HoldState) -> wire::hold::State {
    match state {
        HoldState::Active => wire::hold::State::Active,
        HoldState::Frozen => wire::hold::State::Frozen,
        HoldState::Used => wire::hold::State::Used,
        HoldState::Released => wire::hold::State::Released,
        HoldState::Expired => wire::hold::State::Expired,
        HoldState::Lost => wire::hold::State::Lost,
    }
}

fn places(places: Vec<Place>, currency: Currency) -> Vec<wire::Place> {
    let place = |place: Place| wire::Place {
        place_id: place.place_id.to_string(),
        seat_id: place.seat_id.map(|seat_id| seat_id.to_string()).unwrap_or_default(),
        offer_name: place.offer_name,
        return_time: place.return_time.map(time),
        section_name: place.section_name,
        row_label: place.row_label,
        seat_label: place.seat_label,
        offer_id: place.offer_id.to_string(),
        price: Some(amount(currency, place.price_minor)),
    };
    places.into_iter().map(place).collect()
}

fn general_admission(
    quantities: &[(GaCount, u32)],
    currency: Currency,
) -> Vec<wire::GeneralAdmission> {
    let line = |(count, quantity): &(GaCount, u32)| wire::GeneralAdmission {
        offer_id: count.offer.offer_id.to_string(),
        quantity: i32::try_from(*quantity).unwrap_or(i32::MAX),
        offer_name: count.offer.name.clone(),
        price: Some(amount(currency, count.offer.price_minor)),
    };
    quantities.iter().map(line).collect()
}

pub(super) fn booking(booking: Booking) -> wire::Booking {
    wire::Booking {
        refunded: Some(money(booking.refunded())),
        booking_id: booking.booking_id.to_string(),
        event_id: booking.event_id.to_string(),
        hold_id: booking.hold_id.to_string(),
        state: booking_state(booking.state).into(),
        places: places(booking.places, booking.total.currency),
        total: Some(money(booking.total)),
        failed_payment_count: i32::try_from(booking.failed_payment_count).unwrap_or(i32::MAX),
        failure_code: booking.failure_code,
        pay_by_time: Some(time(booking.pay_by_time)),
        create_time: Some(time(booking.create_time)),
        update_time: Some(time(booking.update_time)),
        version: booking.version,
    }
}

fn booking_state(state: BookingState) -> wire::booking::State {
    match state {
        BookingState::Pending => wire::booking::State::Pending,
        BookingState::AwaitingPayment => wire::booking::State::AwaitingPayment,
        BookingState::Confirmed => wire::booking::State::Confirmed,
        BookingState::Cancelled => wire::booking::State::Cancelled,
        BookingState::Failed => wire::booking::State::Failed,
        BookingState::Expired => wire::booking::State::Expired,
    }
}

pub(super) fn booking_state_from(state: wire::booking::State) -> Option<BookingState> {
    match state {
        wire::booking::State::Unspecified => None,
        wire::booking::State::Pending => Some(BookingState::Pending),
        wire::booking::State::AwaitingPayment => Some(BookingState::AwaitingPayment),
        wire::booking::State::Confirmed => Some(BookingState::Confirmed),
        wire::booking::State::Cancelled => Some(BookingState::Cancelled),
        wire::booking::State::Failed => Some(BookingState::Failed),
        wire::booking::State::Expired => Some(BookingState::Expired),
    }
}

pub(super) fn update(update: SeatUpdate) -> wire::WatchSeatsResponse {
    use wire::watch_seats_response::Update;
    match update {
        SeatUpdate::Snapshot { cursor: at, seats, offers, resynchronised } => {
            wire::WatchSeatsResponse {
                cursor: Some(cursor(at)),
                update: Some(Update::Snapshot(wire::SeatSnapshot {
                    seats: statuses(seats),
                    resynchronised,
                    offers: offer_statuses(&offers),
                })),
            }
        }
        SeatUpdate::Changes { cursor: at, from_revision, seats, offers, change_time } => {
            wire::WatchSeatsResponse {
                cursor: Some(cursor(at)),
                update: Some(Update::Changes(wire::SeatChanges {
                    from_revision,
                    seats: statuses(seats),
                    offers: offer_statuses(&offers),
                    change_time: Some(time(change_time)),
                })),
            }
        }
    }
}

fn statuses(seats: Vec<(SeatId, SeatState)>) -> Vec<wire::SeatStatus> {
    let status = |(seat_id, state): (SeatId, SeatState)| wire::SeatStatus {
        seat_id: seat_id.to_string(),
        state: seat_state(state).into(),
    };
    seats.into_iter().map(status).collect()
}
