//! Moving bookings on: payments, cancellations and times that pass. One way for all of them, so
//! that the table of the saga is applied in one place.

use std::collections::{BTreeMap, BTreeSet};

use crate::booking::domain::board::Board;
use crate::booking::domain::booking::Booking;
use crate::booking::domain::place::{Place, PlaceSet};
use crate::booking::domain::saga::{BookingFact, Circumstances, PlacesMove, Step, Trigger};
use crate::booking::events;
use crate::booking::store::BoardWanted;
use crate::error::{Error, Result};
use crate::kernel::id::BookingId;
use crate::kernel::time::Timestamp;
use crate::store::Tx;
use crate::ticket;

/// A fact about a booking, with the booking as it was right after it.
#[derive(Clone, Debug)]
pub struct Advance {
    /// The booking right after it.
    pub booking: Booking,
    /// The fact.
    pub fact: BookingFact,
}

/// What became of a booking that something happened to.
#[derive(Clone, Debug)]
pub struct Advanced {
    /// The booking as it is now.
    pub booking: Booking,
    /// Why money that was taken has to be given back, if it has.
    pub refund_cause: Option<&'static str>,
}

/// Lets things happen to bookings, in their order, and does everything that follows within the
/// bookings' and tickets' own tables.
pub async fn advance(
    tx: &mut Tx,
    happenings: &[(BookingId, Trigger)],
    now: Timestamp,
) -> Result<Vec<Result<Advanced>>> {
    let ids: BTreeSet<BookingId> = happenings.iter().map(|(id, _)| *id).collect();
    let loaded = tx.bookings_by_id(&ids).await?;
    let mut bookings: BTreeMap<BookingId, Booking> =
        loaded.into_iter().map(|booking| (booking.booking_id, booking)).collect();
    let mut board = tx.load_board(&board_of(bookings.values()), now).await?;
    let mut told = Vec::new();
    let mut outcomes = Vec::with_capacity(happenings.len());
    for (booking_id, trigger) in happenings {
        let booking = bookings.get_mut(booking_id);
        outcomes.push(match booking {
            Some(booking) => {
                unless_internal(advance_one(booking, &mut board, &mut told, trigger, now))?
            }
            None => Err(Error::not_found("booking")),
        });
    }
    tx.save_bookings(bookings.values()).await?;
    tell_facts(tx, &told, now).await?;
    tx.save_board(&board, now).await?;
    Ok(outcomes)
}

fn board_of<'b>(bookings: impl Iterator<Item = &'b Booking>) -> BoardWanted {
    let mut wanted = BoardWanted::default();
    for booking in bookings {
        let event_id = booking.event_id;
        wanted.events.insert(event_id);
        wanted.want(event_id, &booking.place_set());
    }
    wanted
}

/// What one decision came to, unless it is a fault of ours: that may have come half-way, so that
/// nothing of its group may be written.
pub(super) fn unless_internal<T>(outcome: Result<T>) -> Result<Result<T>> {
    match outcome {
        Err(error @ Error::Internal(_)) => Err(error),
        outcome => Ok(outcome),
    }
}

/// Lets one thing happen to a booking whose places are on the board. After a refusal nothing has
/// changed.
pub(super) fn advance_one(
    booking: &mut Booking,
    board: &mut Board,
    told: &mut Vec<Advance>,
    trigger: &Trigger,
    now: Timestamp,
) -> Result<Advanced> {
    let (event_id, had, places) = (booking.event_id, booking.holding(), booking.place_set());
    let places_are_free =
        had.is_none() && board.are_free(event_id, &places, now) && costs_the_same(booking, board);
    let terms = board.terms_of(event_id)?;
    let circumstances = Circumstances { terms: &terms, places_are_free };
    let Step { places: moved, refund_cause, fact } = booking.step(trigger, circumstances, now)?;
    let owner = (booking.booking_id, booking.session);
    let mut take_back = |places: &PlaceSet, blocked| {
        if let Some(had) = had {
            board.take_back(event_id, places, had, owner, blocked);
        }
    };
    match &moved {
        PlacesMove::Keep => {}
        PlacesMove::Free => take_back(&places, false),
        PlacesMove::Block => take_back(&places, true),
        PlacesMove::Return(returned) => take_back(&returned.iter().collect(), false),
        PlacesMove::Sell => board.sell(event_id, &places, had, owner.0, owner.1)?,
    }
    told.extend(fact.map(|fact| Advance { booking: booking.clone(), fact }));
    Ok(Advanced { booking: booking.clone(), refund_cause })
}

/// Whether its places are still sold by the offers and at the prices it was made with: an event
/// that was taken off sale may come back with others.
fn costs_the_same(booking: &Booking, board: &Board) -> bool {
    let event_id = booking.event_id;
    let terms = board.terms.get(&event_id);
    terms.is_some_and(|terms| terms.currency == booking.total.currency)
        && booking.live_places().all(|place| {
            let now = match place.seat_id {
                Some(seat_id) => {
                    let seat = board.seats.get(&(event_id, seat_id));
                    seat.map(|seat| (seat.place.offer_id, seat.place.price_minor))
                }
                None => {
                    let count = board.offers.get(&(event_id, place.offer_id));
                    count.map(|count| (count.offer.offer_id, count.offer.price_minor))
                }
            };
            now == Some((place.offer_id, place.price_minor))
        })
}

/// Issues the tickets of confirmed bookings, voids those of places that were given back, and puts
/// every fact into the outbox.
pub(super) async fn tell_facts(tx: &mut Tx, told: &[Advance], now: Timestamp) -> Result<()> {
    let mut wanted = Vec::new();
    let mut void = Vec::new();
    for Advance { booking, fact } in told {
        match fact {
            BookingFact::Confirmed(_) => {
                let places = booking.live_places().skip(usize::from(planted!(NoTicketForOnePlace)));
                wanted.extend(places.map(|place| ticket_of(booking, place)));
            }
            BookingFact::Cancelled(cancelled) if cancelled.was_confirmed => {
                let places = booking.places.iter().map(|place| place.place_id);
                void.extend(places.map(|id| ticket::domain::ticket_id(booking.booking_id, id)));
            }
            BookingFact::PlacesReturned(places, _) if !planted!(VoidForgotten) => {
                let places = places.iter();
                void.extend(places.map(|id| ticket::domain::ticket_id(booking.booking_id, *id)));
            }
            _ => {}
        }
    }
    ticket::service::issue(tx, &wanted, now).await?;
    ticket::service::void(tx, &void, now).await?;
    for Advance { booking, fact } in told {
        tx.emit(events::booking_event(booking, fact, now));
    }
    Ok(())
}

fn ticket_of(booking: &Booking, place: &Place) -> ticket::domain::TicketWanted {
    ticket::domain::TicketWanted {
        booking_id: booking.booking_id,
        event_id: booking.event_id,
        session: booking.session,
        place_id: place.place_id,
        seat_id: place.seat_id,
        offer_name: place.offer_name.clone(),
        section_name: place.section_name.clone(),
        row_label: place.row_label.clone(),
        seat_label: place.seat_label.clone(),
    }
}
