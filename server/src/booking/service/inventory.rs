//! What is on sale: putting it there, taking it off again, and showing what is left.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;

use crate::booking::domain::availability::Availability;
use crate::booking::domain::inventory::{Inventory, SeatMap};
use crate::booking::store::BoardWanted;
use crate::error::{Error, Reason, Result};
use crate::kernel::caller::{Caller, SessionId};
use crate::kernel::event_facts::EventFacts;
use crate::kernel::id::{EventId, SeatId};
use crate::kernel::time::Timestamp;
use crate::store::{Recollection, Remembered, RequestKey, Tx, UseCase};
use crate::ticket;

/// Makes the whole inventory of an event, within the transaction that publishes it. An event that
/// has its inventory already is left as it is.
pub async fn open_inventory(tx: &mut Tx, inventory: &Inventory) -> Result<()> {
    tx.lock_events(&BTreeSet::from([inventory.terms.event_id])).await?;
    tx.insert_inventory(inventory).await
}

/// Passes on what tickets tell of an event, within the transaction that puts it on sale or changes
/// it while it is.
pub async fn describe_event(tx: &mut Tx, event: &EventFacts) -> Result<()> {
    ticket::service::describe_event(tx, event).await
}

/// Takes an event off sale again, within the transaction that makes it a draft. Refused while there
/// are live holds or bookings. Answers with the seats that were blocked.
pub async fn withdraw(tx: &mut Tx, event_id: EventId, now: Timestamp) -> Result<BTreeSet<SeatId>> {
    tx.lock_events(&BTreeSet::from([event_id])).await?;
    // Holds whose time is over stand in nobody's way.
    let holds = tx.overdue_holds_of(&BTreeSet::from([event_id]), now).await?;
    let holds: BTreeSet<_> = holds.into_iter().collect();
    let wanted = BoardWanted { holds: holds.clone(), ..BoardWanted::default() };
    let mut board = tx.load_board(&wanted, now).await?;
    for hold_id in holds {
        board.expire_if_over(hold_id, now);
    }
    tx.save_board(&board, now).await?;
    if tx.has_sales(event_id).await? {
        return Err(Reason::EventHasSales.into());
    }
    tx.delete_inventory(event_id).await
}

/// Stops the sale of an event for good, within the transaction that cancels it. Its bookings are
/// cancelled, and their money given back, by `BookingService::sweep_called_off`, however often
/// the server is stopped meanwhile.
pub async fn call_off(tx: &mut Tx, event_id: EventId) -> Result<()> {
    tx.lock_events(&BTreeSet::from([event_id])).await?;
    tx.begin_calling_off(event_id).await
}

/// Moves the start of an event that is on sale, within the transaction that changes the event.
pub async fn move_start(tx: &mut Tx, event_id: EventId, start: Timestamp) -> Result<()> {
    tx.lock_events(&BTreeSet::from([event_id])).await?;
    tx.move_start(event_id, start).await
}

/// Every seat of an event with its place, price and state, at one instant; `None` when the event
/// was never on sale or is a draft again.
pub async fn seat_map(tx: &mut Tx, event_id: EventId) -> Result<Option<SeatMap>> {
    tx.seat_map(event_id).await
}

/// How much of these events is left, all at one instant; those that were never on sale are missing.
pub async fn availability(
    tx: &mut Tx,
    event_ids: &[EventId],
) -> Result<BTreeMap<EventId, Availability>> {
    tx.availability(event_ids).await
}

/// Takes seats off sale, or puts them back on sale.
pub struct BlockSeats {
    /// The request.
    pub key: RequestKey,
    /// Who asks.
    pub caller: Caller,
    /// The event.
    pub event_id: EventId,
    /// The seats.
    pub seats: BTreeSet<SeatId>,
    /// Whether they are to be off sale.
    pub blocked: bool,
}

#[async_trait]
impl UseCase for BlockSeats {
    type Answer = ();

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<()>>> {
        let mut requests = Recollection::load(tx, commands.iter().map(|c| &c.key)).await?;
        let mut wanted = BoardWanted::default();
        for command in commands {
            wanted.events.insert(command.event_id);
            wanted.seats.extend(command.seats.iter().map(|seat| (command.event_id, *seat)));
        }
        let mut board = tx.load_board(&wanted, now).await?;
        let mut outcomes = Vec::with_capacity(commands.len());
        for command in commands {
            let terms = board.terms_of(command.event_id).ok();
            let own = terms.filter(|t| command.caller.may_see(SessionId::User(t.organizer_id)));
            let outcome = match (requests.check(&command.key), own) {
                (_, None) => Err(Error::not_found("event")),
                (Err(error), _) => Err(error),
                (Ok(Remembered::Resource(_)), _) => Ok(()),
                // It was taken off sale, or called off, before its turn came.
                (Ok(Remembered::New), Some(terms)) if !terms.on_sale => {
                    Err(Reason::EventNotOnSale.with("state", "WITHDRAWN"))
                }
                (Ok(Remembered::New), Some(_)) => {
                    board.block(command.event_id, &command.seats, command.blocked, now)
                }
            };
            if outcome.is_ok() {
                requests.remember_once(&command.key, command.event_id.uuid());
            }
            outcomes.push(outcome);
        }
        requests.save(tx, now).await?;
        tx.save_board(&board, now).await?;
        Ok(outcomes)
    }
}
