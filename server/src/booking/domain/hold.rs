//! Holds: short, exclusive, expiring rights to buy.

use crate::error::{Error, Reason, Result};
use crate::kernel::caller::SessionId;
use crate::kernel::id::{EventId, HoldId};
use crate::kernel::time::Timestamp;

use super::inventory::EventTerms;
use super::place::{PlaceSet, PlacesChange, PlacesWanted};

/// The life cycle of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// Keeps its seats until it expires.
    Active,
    /// A booking is being made from it.
    Frozen,
    /// A booking was made from it.
    Used,
    /// Given back.
    Released,
    /// Its time is over, or its event was called off.
    Expired,
    /// Its record was lost.
    Lost,
}

impl HoldState {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Active, Self::Frozen, Self::Used, Self::Released, Self::Expired, Self::Lost];

    /// The name the database uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Frozen => "FROZEN",
            Self::Used => "USED",
            Self::Released => "RELEASED",
            Self::Expired => "EXPIRED",
            Self::Lost => "LOST",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A short, exclusive right to book places of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The hold.
    pub hold_id: HoldId,
    /// The event.
    pub event_id: EventId,
    /// Whose it is.
    pub session: SessionId,
    /// The state now.
    pub state: HoldState,
    /// The places it is for.
    pub places: PlaceSet,
    /// A keyed hash of the request that made it; empty in holds from before there was one.
    pub body_hash: Vec<u8>,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it ends unless it is extended.
    pub expire_time: Timestamp,
    /// The latest end that extending can reach.
    pub expire_time_max: Timestamp,
    /// Raised by every change; 0 before it was ever stored.
    pub version: i64,
    /// The version that is stored.
    pub stored_version: i64,
    /// Whether its places are others than those that are stored.
    pub places_changed: bool,
}

impl Hold {
    /// A new hold that begins now.
    pub fn begin(wanted: &PlacesWanted, terms: &EventTerms, now: Timestamp) -> Self {
        Self {
            hold_id: wanted.hold_id,
            event_id: terms.event_id,
            session: wanted.session,
            state: HoldState::Active,
            places: wanted.places.clone(),
            body_hash: wanted.body_hash.current.clone(),
            create_time: now,
            expire_time: now + terms.hold_ttl,
            expire_time_max: now + terms.hold_life_max,
            version: 1,
            stored_version: 0,
            places_changed: false,
        }
    }

    /// Whether this request made it.
    pub fn is_of(&self, wanted: &PlacesWanted) -> bool {
        if self.body_hash.is_empty() {
            return self.event_id == wanted.event_id && self.places == wanted.places;
        }
        wanted.body_hash.is(&self.body_hash)
    }

    /// What a change comes to: the places to get, those to give back, and all it has then.
    pub fn changed(&self, change: &PlacesChange) -> Result<(PlaceSet, PlaceSet, PlaceSet)> {
        let had = &self.places;
        if let Some(seat_id) = change.remove.iter().find(|id| !had.seats.contains(id)) {
            return Err(Reason::SeatUnknown.with("seat_id", seat_id));
        }
        if let Some(seat_id) = change.remove.intersection(&change.add).next() {
            return Err(Reason::SeatUnknown.with("seat_id", seat_id));
        }
        let mut added = PlaceSet::default();
        let mut removed = PlaceSet { seats: change.remove.clone(), ..PlaceSet::default() };
        added.seats.extend(change.add.difference(&had.seats));
        let mut places = had.clone();
        places.seats.retain(|id| !change.remove.contains(id));
        places.seats.extend(&change.add);
        for (offer_id, wanted) in &change.quantities {
            let before = places.quantities.remove(offer_id).unwrap_or(0);
            if *wanted > before {
                added.quantities.insert(*offer_id, wanted - before);
            } else if *wanted < before {
                removed.quantities.insert(*offer_id, before - wanted);
            }
            if *wanted > 0 {
                places.quantities.insert(*offer_id, *wanted);
            }
        }
        if places.is_empty() {
            return Err(Reason::HoldEmpty.into());
        }
        Ok((added, removed, places))
    }

    /// Whether it no longer keeps any seats.
    pub fn has_ended(&self) -> bool {
        !matches!(self.state, HoldState::Active | HoldState::Frozen)
    }

    /// Whether its time is over though nobody has said so yet.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.state == HoldState::Active && self.expire_time <= now && !planted!(ExpiredHoldLives)
    }

    /// As it truly is at that time: once its time is over, or its event was called off, it has
    /// expired, said so or not.
    pub fn at(mut self, terms: &EventTerms, now: Timestamp) -> Self {
        if self.is_over(now) || self.state == HoldState::Active && !terms.on_sale {
            self.state = HoldState::Expired;
        }
        self
    }

    /// Refuses unless it keeps its seats now.
    pub fn require_active(&self, now: Timestamp) -> Result<()> {
        match self.state {
            HoldState::Active if self.expire_time > now || planted!(ExpiredHoldLives) => Ok(()),
            HoldState::Active | HoldState::Expired => Err(Reason::HoldExpired.into()),
            HoldState::Lost => Err(Reason::HoldLost.into()),
            HoldState::Frozen | HoldState::Used | HoldState::Released => Err(self.not_active()),
        }
    }

    fn not_active(&self) -> Error {
        Reason::HoldNotActive.with("state", self.state.name())
    }

    /// Starts its time anew, up to the most it may last.
    pub fn extend(&mut self, terms: &EventTerms, now: Timestamp) -> Result<()> {
        self.require_active(now)?;
        let expire_time = match planted!(ExtensionWithoutCap) {
            true => now + terms.hold_ttl,
            false => (now + terms.hold_ttl).min(self.expire_time_max),
        };
        if expire_time <= self.expire_time {
            return Err(Reason::HoldAtLimit.into());
        }
        self.expire_time = expire_time;
        self.version += 1;
        Ok(())
    }

    /// Has other places from now on.
    pub(super) fn become_places(&mut self, places: PlaceSet) {
        self.places_changed |= self.places != places;
        self.places = places;
        self.version += 1;
    }

    /// Moves it on.
    pub(super) fn become_state(&mut self, state: HoldState) {
        self.state = state;
        self.version += 1;
    }
}
