//! What truly happened to the places of an event, kept by the database itself.

use std::collections::{BTreeMap, HashMap};

use boxoffice_sdk::booking::v1::SeatState;
use boxoffice_server::kernel::id::{EventId, OfferId, SeatId};
use uuid::Uuid;

use super::log::Said;
use crate::database::{Backend, Database};

/// Where a stream stands: epoch and revision.
pub type Position = (i64, i64);

/// How many commits lie between two states that are kept whole.
const WHOLE_EVERY: usize = 32;

/// What the database does with every change from now on. It knows nothing of the server's feed,
/// and what it keeps is never swept.
const KEEP_SQLITE: &str = "
    create table if not exists kept_change (epoch bigint, event_id uuid, revision bigint,
        subject_id uuid, state text, available bigint);
    create trigger if not exists keep_change after insert on booking_seat_change begin
        insert into kept_change
            select epoch, new.event_id, new.revision, new.subject_id, new.state, new.available
            from booking_feed where event_id = new.event_id;
    end;";
const KEEP_POSTGRES: &str = "
    create table if not exists kept_change (epoch bigint, event_id uuid, revision bigint,
        subject_id uuid, state text, available bigint);
    create or replace function keep_change() returns trigger language plpgsql as $$ begin
        insert into kept_change
            select epoch, new.event_id, new.revision, new.subject_id, new.state, new.available
            from booking_feed where event_id = new.event_id;
        return null;
    end $$;
    create or replace trigger keep_change after insert on booking_seat_change
        for each row execute function keep_change();";

/// The state of every seat, and how much is left of every offer of general admission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The seats.
    pub seats: BTreeMap<String, SeatState>,
    /// The offers.
    pub offers: BTreeMap<String, i64>,
}

/// What one command changed.
pub type Commit = Places;

/// Has the database keep every change of an event.
pub struct Keeper {
    event: String,
    begin: Position,
    base: Places,
}

/// Every change of an event, in its order.
#[derive(Clone, Debug, Default)]
pub struct History {
    commits: BTreeMap<Position, Commit>,
    whole: BTreeMap<Position, Places>,
    by_place: HashMap<(i64, String), Vec<i64>>,
    newest: Position,
}

impl Keeper {
    /// Begins now. Nobody may have begun to use the event.
    pub async fn begin(database: &Database, event_id: &str) -> Self {
        let event_id = EventId::parse(event_id).expect("the id of an event");
        let event = database.literal(event_id.uuid());
        let keep = match database.backend {
            Backend::Sqlite => KEEP_SQLITE,
            Backend::Postgres => KEEP_POSTGRES,
        };
        database.by_hand(keep).await;
        let (base, begin) = at_rest(database, &event).await;
        Self { event, begin, base }
    }

    /// Everything so far.
    pub async fn read(&self, database: &Database) -> History {
        type Row = (i64, i64, Uuid, String, Option<i64>);
        let rows: Vec<Row> = database
            .rows_by_hand(&format!(
                "select epoch, revision, subject_id, state, available from kept_change
                where event_id = {} order by epoch, revision",
                self.event
            ))
            .await;
        let mut commits: BTreeMap<Position, Commit> = BTreeMap::new();
        for (epoch, revision, place, state, available) in rows {
            commits.entry((epoch, revision)).or_default().note_row(place, &state, available);
        }
        History::of(self.begin, self.base.clone(), commits)
    }

    /// The places as their own tables say, and where the stream stands.
    pub async fn at_rest(&self, database: &Database) -> (Places, Position) {
        at_rest(database, &self.event).await
    }
}

async fn at_rest(database: &Database, event: &str) -> (Places, Position) {
    let feed = format!("select epoch, revision from booking_feed where event_id = {event}");
    let feed: Vec<(i64, i64)> = database.rows_by_hand(&feed).await;
    let seats = format!("select seat_id, state from booking_seat where event_id = {event}");
    let seats: Vec<(Uuid, String)> = database.rows_by_hand(&seats).await;
    let offers = format!(
        "select offer_id, quantity - held - claimed - sold - blocked from booking_ga_offer
        where event_id = {event}"
    );
    let offers: Vec<(Uuid, i64)> = database.rows_by_hand(&offers).await;
    let mut places = Places::default();
    for (seat, state) in seats {
        places.note_row(seat, &state, None);
    }
    for (offer, left) in offers {
        places.note_row(offer, "", Some(left));
    }
    (places, *feed.first().expect("it was put on sale"))
}

impl Places {
    fn note_row(&mut self, place: Uuid, state: &str, available: Option<i64>) {
        match available {
            Some(left) => drop(self.offers.insert(OfferId::from(place).to_string(), left)),
            None => {
                let state = SeatState::from_str_name(&format!("SEAT_STATE_{state}"));
                let state = state.expect("a state of the contract");
                self.seats.insert(SeatId::from(place).to_string(), state);
            }
        }
    }

    /// Takes in what has changed.
    pub(super) fn change(&mut self, changes: &Places) {
        self.seats.extend(changes.seats.iter().map(|(seat, state)| (seat.clone(), *state)));
        self.offers.extend(changes.offers.iter().map(|(offer, left)| (offer.clone(), *left)));
    }

    /// Every place's id.
    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.seats.keys().chain(self.offers.keys())
    }

    /// What is true of a place; `None` if it is not here.
    pub(super) fn said_of(&self, place: &str) -> Option<Said> {
        let seat = self.seats.get(place).map(|state| Said::Seat(*state));
        seat.or_else(|| self.offers.get(place).map(|left| Said::Left(*left)))
    }
}

impl History {
    /// What begins with these places and goes on with these commits.
    pub fn of(begin: Position, base: Places, commits: BTreeMap<Position, Commit>) -> Self {
        let mut history = Self { newest: begin, ..Self::default() };
        let mut now = base;
        history.whole.insert(begin, now.clone());
        for (number, (position, commit)) in commits.iter().enumerate() {
            now.change(commit);
            for place in commit.ids() {
                let revisions = history.by_place.entry((position.0, place.clone())).or_default();
                revisions.push(position.1);
            }
            if number % WHOLE_EVERY == 0 {
                history.whole.insert(*position, now.clone());
            }
            history.newest = *position;
        }
        history.commits = commits;
        history
    }

    /// Where it ends.
    pub fn newest(&self) -> Position {
        self.newest
    }

    /// How many commits there were.
    pub fn len(&self) -> usize {
        self.commits.len()
    }

    /// Whether nothing has happened.
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// The places after a revision; `None` if there never was that revision.
    pub fn at(&self, position: Position) -> Option<Places> {
        if !self.whole.contains_key(&position) && !self.commits.contains_key(&position) {
            return None;
        }
        let (begin, whole) = self.whole.range(..=position).next_back()?;
        let mut places = whole.clone();
        for (at, commit) in self.commits.range(*begin..=position) {
            if at > begin {
                places.change(commit);
            }
        }
        Some(places)
    }

    /// The commits after one revision of an epoch up to another.
    pub(super) fn between(
        &self,
        (epoch, after): Position,
        to: i64,
    ) -> impl Iterator<Item = (i64, &Commit)> {
        // An empty range has its end before its beginning in the worst case, which maps refuse.
        let range = (epoch, after.saturating_add(1))..(epoch, to.max(after).saturating_add(1));
        self.commits.range(range).map(|((_, revision), commit)| (*revision, commit))
    }

    /// The newest revision, up to this one, that changed a place.
    pub(super) fn newest_of(&self, place: &str, (epoch, revision): Position) -> Option<i64> {
        let revisions = self.by_place.get(&(epoch, place.to_owned()))?;
        let count = revisions.partition_point(|known| *known <= revision);
        count.checked_sub(1).map(|index| revisions[index])
    }

    /// What was true of a place after a revision.
    pub(super) fn truth(&self, place: &str, position: Position) -> Option<Said> {
        match self.newest_of(place, position) {
            Some(revision) => self.commits.get(&(position.0, revision))?.said_of(place),
            None => self.whole.values().next()?.said_of(place),
        }
    }
}
