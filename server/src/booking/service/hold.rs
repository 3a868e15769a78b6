//! Holding seats, extending, releasing and expiring holds, where the database keeps them.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::booking::domain::board::{Board, SeatsWanted};
use crate::booking::domain::hold::Hold;
use crate::booking::store::BoardWanted;
use crate::error::Result;
use crate::kernel::id::{EventId, HoldId};
use crate::kernel::time::Timestamp;
use crate::ports::holds::HoldChange;
use crate::store::{Recollection, Remembered, Tx, UseCase};

/// Holds seats.
pub struct HoldSeats(pub SeatsWanted);

#[async_trait]
impl UseCase for HoldSeats {
    type Answer = Hold;

    async fn run(tx: &mut Tx, commands: &[Self], now: Timestamp) -> Result<Vec<Result<Hold>>> {
        let mut wanted = BoardWanted::default();
        for Self(wish) in commands {
            wanted.events.insert(wish.event_id);
            wanted.holds.insert(wish.hold_id);
            wanted.buyers.insert((wish.event_id, wish.session));
            wanted.seats.extend(wish.seats.iter().map(|seat| (wish.event_id, *seat)));
        }
        let mut board = tx.load_board(&wanted).await?;
        let outcomes = commands.iter().map(|Self(wish)| board.hold(wish, now)).collect();
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
    let mut board = tx.load_board(&BoardWanted { holds, ..BoardWanted::default() }).await?;
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
        let mut board = tx.load_board(&BoardWanted { holds, ..BoardWanted::default() }).await?;
        for Self(hold_id) in commands {
            board.expire_if_over(*hold_id, now);
        }
        tx.save_board(&board, now).await?;
        Ok(commands.iter().map(|_| Ok(())).collect())
    }
}

/// A hold with its seats, ended or not.
pub async fn find_hold(tx: &mut Tx, hold_id: HoldId) -> Result<Option<Hold>> {
    Ok(tx.holds_by_id(&BTreeSet::from([hold_id])).await?.into_iter().next())
}

/// Holds whose time is over, the longest first, with their events.
pub async fn holds_over(tx: &mut Tx, now: Timestamp, limit: i64) -> Result<Vec<(EventId, HoldId)>> {
    tx.holds_over(now, limit).await
}
