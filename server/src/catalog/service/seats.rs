//! The seats of events: what is left of them, and what is off sale.

use std::collections::BTreeSet;

use super::CatalogService;
use super::catalog::{lock_own_event, no_event, owns};
use crate::booking;
use crate::booking::domain::availability::Availability;
use crate::catalog::domain::event::{Event, EventState};
use crate::error::{Reason, Result};
use crate::kernel::caller::Caller;
use crate::kernel::id::{EventId, SeatId};
use crate::kernel::seat_state::SeatState;
use crate::store::{RequestKey, Tx, attempt, enter};

/// How often a request is turned to the other side of a publication that came between.
const TURNS_MAX: usize = 3;

impl CatalogService {
    /// How much of these events is left, at one instant. Those that are not there, or were never
    /// on sale, are left out.
    pub async fn availability(
        &self,
        event_ids: &[EventId],
    ) -> Result<Vec<(EventId, Availability)>> {
        let mut tx = self.store.read().await?;
        let seen = tx.events_not_in_draft(event_ids).await?;
        let mut events = booking::service::availability(&mut tx, &seen).await?;
        // In the order they were asked for, each once.
        let found = event_ids.iter().filter_map(|id| events.remove_entry(id));
        Ok(found.collect())
    }

    /// Takes all of the seats of the caller's event off sale, or puts them on sale again, or
    /// changes nothing. Answers with all that are off sale.
    pub async fn block_seats(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
        seats: &BTreeSet<SeatId>,
        blocked: bool,
    ) -> Result<Vec<SeatId>> {
        let mut turns = 0;
        let mut state = self.own_state(caller, event_id).await?;
        loop {
            let outcome = match state {
                EventState::Cancelled => return Err(Reason::EventCancelled.into()),
                EventState::Draft => {
                    attempt(|| self.try_block_seats(caller, key, event_id, seats, blocked)).await
                }
                EventState::Published => {
                    let (caller, key, seats) = (*caller, key.clone(), seats.clone());
                    self.booking.block_seats(caller, key, event_id, seats, blocked).await
                }
            };
            let Err(error) = outcome else { return self.blocked_seats(caller, event_id).await };
            let now = self.own_state(caller, event_id).await?;
            turns += 1;
            if now == state || turns == TURNS_MAX {
                return Err(error);
            }
            // It was published or taken off sale meanwhile, and somebody else has its seats.
            state = now;
        }
    }

    async fn try_block_seats(
        &self,
        caller: &Caller,
        key: &RequestKey,
        event_id: EventId,
        seats: &BTreeSet<SeatId>,
        blocked: bool,
    ) -> Result<()> {
        let mut tx = self.store.begin().await?;
        let now = self.clock.now();
        let earlier = enter(&mut tx, key, event_id.uuid(), now).await?;
        let event = lock_own_event(&mut tx, caller, event_id).await?;
        if earlier.is_none() {
            if event.state != EventState::Draft {
                return Err(Reason::EventNotDraft.with("state", event.state.name()));
            }
            change_blocked(&mut tx, event_id, seats, blocked).await?;
        }
        tx.commit().await
    }

    async fn own_state(&self, caller: &Caller, event_id: EventId) -> Result<EventState> {
        let event = own_event(&mut self.store.read().await?, caller, event_id).await?;
        Ok(event.state)
    }

    /// Seats of the caller's event that are off sale. Who knows of them changes with its state, so
    /// that both are read at one instant.
    async fn blocked_seats(&self, caller: &Caller, event_id: EventId) -> Result<Vec<SeatId>> {
        let mut tx = self.store.read().await?;
        if own_event(&mut tx, caller, event_id).await?.state == EventState::Draft {
            return tx.blocked_seats(event_id).await;
        }
        let map = booking::service::seat_map(&mut tx, event_id).await?;
        let seats = map.into_iter().flat_map(|map| map.seats);
        let blocked = seats.filter(|seat| seat.state == SeatState::Blocked);
        Ok(blocked.map(|seat| seat.seat_id).collect())
    }
}

async fn own_event(tx: &mut Tx, caller: &Caller, event_id: EventId) -> Result<Event> {
    let event = tx.event(event_id).await?;
    event.filter(|event| owns(caller, event.organizer_id)).ok_or_else(no_event)
}

async fn change_blocked(
    tx: &mut Tx,
    event_id: EventId,
    seats: &BTreeSet<SeatId>,
    blocked: bool,
) -> Result<()> {
    let seats: Vec<SeatId> = seats.iter().copied().collect();
    let known: BTreeSet<SeatId> = tx.seats_on_offer(event_id, &seats).await?.into_iter().collect();
    if let Some(unknown) = seats.iter().find(|seat| !known.contains(seat)) {
        return Err(Reason::SeatUnknown.with("seat_id", unknown));
    }
    if blocked { tx.block(event_id, &seats).await } else { tx.unblock(event_id, &seats).await }
}
