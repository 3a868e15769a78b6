//! Holding seats, extending, releasing and expiring holds, where the database keeps them.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::booking::domain::board::Board;
use crate::booking::domain::hold::Hold;
use crate::booking::domain::place::{PlacesChange, PlacesWanted};
use crate::booking::store::BoardWanted;
use crate::error::Result;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{EventId, HoldId};
use crate::kernel::page::PageRequest;
use crate::kernel::time::Timestamp;
use crate::ports::holds::HoldChange;
use crate::store::{Recollection, Remembered, Tx, UseCase};

/// Holds places.
pub struct HoldSeats(pub PlacesWanted);

#[async_trait]
impl UseCase for HoldSeats {
    type Answer = Hold;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Hold>>> {
        let mut wanted = BoardWanted::default();
        for Self(wish) in commands {
            wanted.events.insert(wish.event_id);
            wanted.holds.insert(wish.hold_id);
            wanted.buyers.insert((wish.event_id, wish.session));
            wanted.want(wish.event_id, &wish.places);
        }
        let mut board = tx.load_board(&wanted, now).await?;
        let outcomes = commands.iter().map(|Self(wish)| board.hold(wish, now)).collect();
        tx.save_board(&board, now).await?;
        Ok(outcomes)
    }
}

/// Makes a hold larger or smaller.
pub struct ChangeHold(pub HoldChange, pub PlacesChange);

#[async_trait]
impl UseCase for ChangeHold {
    type Answer = Hold;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Hold>>> {
        let mut requests = Recollection::load(tx, commands.iter().map(|c| &c.0.key)).await?;
        let mut wanted = BoardWanted::default();
        for Self(change, places) in commands {
            let event_id = change.event_id;
            wanted.holds.insert(change.hold_id);
            wanted.seats.extend(places.add.iter().map(|seat_id| (event_id, *seat_id)));
            wanted.offers.extend(places.quantities.keys().map(|offer_id| (event_id, *offer_id)));
        }
        // Whose they are now: a guest may have been taken over since the request came.
        wanted.buyers = tx.owners_of_holds(&wanted.holds).await?;
        let mut board = tx.load_board(&wanted, now).await?;
        let mut outcomes = Vec::with_capacity(commands.len());
        for Self(change, places) in commands {
            outcomes.push(change_hold(&mut board, &mut requests, change, |board, change| {
                board.change(change.hold_id, &change.caller, places, now)
            }));
        }
        requests.save(tx, now).await?;
        tx.save_board(&board, now).await?;
        Ok(outcomes)
    }
}

/// Extends a hold.
pub struct ExtendHold(pub HoldChange);

#[async_trait]
impl UseCase for ExtendHold {
    type Answer = Hold;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Hold>>> {
        let changes: Vec<&HoldChange> = commands.iter().map(|Self(change)| change).collect();
        change_holds(tx, &changes, now, |board, change| {
            board.extend(change.hold_id, &change.caller, now)
        })
        .await
    }
}

/// Releases a hold.
pub struct ReleaseHold(pub HoldChange);

#[async_trait]
impl UseCase for ReleaseHold {
    type Answer = Hold;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Hold>>> {
        let changes: Vec<&HoldChange> = commands.iter().map(|Self(change)| change).collect();
        change_holds(tx, &changes, now, |board, change| {
            board.release(change.hold_id, &change.caller, now)
        })
        .await
    }
}

async fn change_holds(
    tx: &mut Tx,
    changes: &[&HoldChange],
    now: Timestamp,
    apply: impl Fn(&mut Board, &HoldChange) -> Result<Hold> + Send,
) -> Result<Vec<Result<Hold>>> {
    let mut requests = Recollection::load(tx, changes.iter().map(|change| &change.key)).await?;
    let holds = changes.iter().map(|change| change.hold_id).collect();
    let mut board = tx.load_board(&BoardWanted { holds, ..BoardWanted::default() }, now).await?;
    let mut outcomes = Vec::with_capacity(changes.len());
    for change in changes {
        outcomes.push(change_hold(&mut board, &mut requests, change, &apply));
    }
    tx.save_board(&board, now).await?;
    requests.save(tx, now).await?;
    Ok(outcomes)
}

fn change_hold(
    board: &mut Board,
    requests: &mut Recollection,
    change: &HoldChange,
    apply: impl Fn(&mut Board, &HoldChange) -> Result<Hold>,
) -> Result<Hold> {
    match requests.check(&change.key)? {
        Remembered::New => {
            let hold = apply(board, change)?;
            requests.remember(&change.key, change.hold_id.uuid());
            Ok(hold)
        }
        Remembered::Resource(_) => board.seen_hold(change.hold_id, &change.caller).cloned(),
    }
}

/// Ends a hold whose time is over.
pub struct ExpireHold(pub HoldId);

#[async_trait]
impl UseCase for ExpireHold {
    type Answer = ();

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<()>>> {
        let holds = commands.iter().map(|Self(hold_id)| *hold_id).collect();
        let mut board =
            tx.load_board(&BoardWanted { holds, ..BoardWanted::default() }, now).await?;
        for Self(hold_id) in commands {
            match planted!(SweepOfALiveHold) {
                true => board.end_called_off(*hold_id),
                false => board.expire_if_over(*hold_id, now),
            }
        }
        tx.save_board(&board, now).await?;
        Ok(commands.iter().map(|_| Ok(())).collect())
    }
}

/// Ends a hold whose event was called off.
pub struct CallOffHold(pub HoldId);

#[async_trait]
impl UseCase for CallOffHold {
    type Answer = ();

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<()>>> {
        let holds = commands.iter().map(|Self(hold_id)| *hold_id).collect();
        let mut board =
            tx.load_board(&BoardWanted { holds, ..BoardWanted::default() }, now).await?;
        for Self(hold_id) in commands {
            board.end_called_off(*hold_id);
        }
        tx.save_board(&board, now).await?;
        Ok(commands.iter().map(|_| Ok(())).collect())
    }
}

/// A hold with its places, ended or not.
pub async fn find_hold(tx: &mut Tx, hold_id: HoldId) -> Result<Option<Hold>> {
    Ok(tx.holds_by_id(&BTreeSet::from([hold_id])).await?.into_iter().next())
}

/// One page of the active holds of a session, the newest first; of one event or of all.
pub async fn active_holds(
    tx: &mut Tx,
    session: SessionId,
    event_id: Option<EventId>,
    now: Timestamp,
    page: &PageRequest,
) -> Result<Vec<Hold>> {
    tx.active_holds_page(session, event_id, now, page).await
}

/// Active holds of an event, whether their time is over or not.
pub async fn active_holds_at(tx: &mut Tx, event_id: EventId, limit: i64) -> Result<Vec<HoldId>> {
    tx.active_holds_at(event_id, limit).await
}

/// Holds whose time is over, the longest first, with their events.
pub async fn holds_over(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<(EventId, HoldId)>> {
    tx.holds_over(now, limit).await
}
