//! Gates and tickets that become void, on both databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::issue::{describe_event, issue, void};
use super::read::{CodeRead, TicketFormat, TicketService};
use crate::cores::Cores;
use crate::error::{Error, Reason};
use crate::kernel::caller::{Caller, Role, Scopes, SessionId};
use crate::kernel::event_facts::EventFacts;
use crate::kernel::id::{BookingId, CheckInId, EventId, PlaceId, UserId};
use crate::kernel::page::PageRequest;
use crate::kernel::time::Timestamp;
use crate::ports::clock::Clock;
use crate::secret::Secret;
use crate::store::testing::TestDatabase;
use crate::store::{Lanes, Store};
use crate::tasks::Tasks;
use crate::ticket::code::TicketCodes;
use crate::ticket::domain::check_in::CheckInOutcome;
use crate::ticket::domain::{Ticket, TicketState, TicketWanted};

const DOORS: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const MINUTE: Duration = Duration::from_secs(60);

/// A clock that stands until it is turned.
struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

impl HandClock {
    fn turn(&self, span: Duration) {
        self.0.store((self.now() + span).micros(), Ordering::SeqCst);
    }
}

fn organizer() -> Caller {
    Caller {
        session: SessionId::User(UserId::new(DOORS, [1; 10])),
        roles: [Role::Organizer].into_iter().collect(),
        scopes: Scopes::default(),
        token_expire_time: DOORS + 60 * MINUTE,
    }
}

fn event() -> EventFacts {
    EventFacts {
        event_id: EventId::new(DOORS, [2; 10]),
        organizer_id: UserId::new(DOORS, [1; 10]),
        title: "A Night".into(),
        venue_name: "A Hall".into(),
        city: "Graz".into(),
        time_zone: "Europe/Vienna".into(),
        start_time: DOORS + 60 * MINUTE,
    }
}

/// A described event with that many tickets.
async fn tickets(store: &Store, count: u8) -> Vec<Ticket> {
    let wanted: Vec<TicketWanted> = (0..count)
        .map(|number| TicketWanted {
            booking_id: BookingId::new(DOORS, [3; 10]),
            event_id: event().event_id,
            session: organizer().session,
            place_id: PlaceId::new(DOORS, [number; 10]),
            seat_id: None,
            offer_name: "Standing".into(),
            section_name: String::new(),
            row_label: String::new(),
            seat_label: String::new(),
        })
        .collect();
    let mut tx = store.begin().await.unwrap();
    describe_event(&mut tx, &event()).await.unwrap();
    issue(&mut tx, &wanted, DOORS).await.unwrap();
    tx.commit().await.unwrap();
    wanted.into_iter().map(|place| Ticket::issue(place, DOORS)).collect()
}

async fn void_one(store: &Store, ticket: &Ticket, now: Timestamp) {
    let mut tx = store.begin().await.unwrap();
    void(&mut tx, &[ticket.ticket_id], now).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_ticket_that_became_void_opens_no_gate_and_gates_learn_of_it() {
    for database in TestDatabase::each().await.unwrap() {
        let store = database.store.clone();
        let clock = Arc::new(HandClock(AtomicI64::new(DOORS.micros())));
        let tasks = Tasks::default();
        let dyn_clock: Arc<dyn Clock> = clock.clone();
        let lanes = Lanes::start(&store, &dyn_clock, &tasks);
        let secret = Secret::parse("a secret of the tests, 0123456789").unwrap();
        let codes = TicketCodes::new(&secret, &[]);
        let service =
            TicketService::new(store.clone(), lanes, dyn_clock, codes.clone(), Cores::new(1, 9));
        let tickets = tickets(&store, 3).await;
        let read = |index: usize, entry_time| CodeRead {
            check_in_id: CheckInId::derived(&[&rand::random::<[u8; 16]>()]),
            code: codes.sign(&tickets[index]),
            gate: "north".into(),
            entry_time,
        };
        let event_id = event().event_id;
        let spent = [TicketState::Used, TicketState::Void];
        let page = PageRequest { size: 50, after: None };
        let changed = service.event_tickets(&organizer(), event_id, &spent, None, &page).await;
        let (_, read_time) = changed.unwrap();
        clock.turn(10 * MINUTE);

        // One is refunded before its holder comes, and one after.
        void_one(&store, &tickets[0], clock.now()).await;
        let refused = service.check_in(&organizer(), event_id, read(0, None)).await;
        assert_eq!(refused.unwrap_err().reason(), Some(Reason::TicketVoid));
        service.check_in(&organizer(), event_id, read(1, None)).await.unwrap();
        void_one(&store, &tickets[1], clock.now()).await;
        let refused = service.check_in(&organizer(), event_id, read(1, None)).await;
        assert_eq!(refused.unwrap_err().reason(), Some(Reason::TicketVoid));

        // Gates that were offline let all three in.
        let entries = (0..3).map(|index| read(index, Some(clock.now() + MINUTE))).collect();
        clock.turn(10 * MINUTE);
        let told = service.sync_check_ins(&organizer(), event_id, entries).await.unwrap();
        let outcomes: Vec<_> = told.into_iter().map(|one| one.unwrap().check_in.outcome).collect();
        let void_entry = CheckInOutcome::VoidEntry;
        assert_eq!(outcomes, [void_entry, void_entry, CheckInOutcome::Admitted]);

        let (caller, since) = (organizer(), Some(read_time));
        let changed = service.event_tickets(&caller, event_id, &spent, since, &page).await;
        let mut changed = changed.unwrap().0.items;
        changed.sort_by_key(|ticket| ticket.place.place_id);
        let states: Vec<_> = changed.iter().map(|t| (t.state, t.entry.is_some())).collect();
        let (void, used) = (TicketState::Void, TicketState::Used);
        assert_eq!(states, [(void, false), (void, true), (used, true)]);
        tasks.finish().await;
        database.discard().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_waits_for_a_core_to_be_drawn_and_not_without_end() {
    for database in TestDatabase::each().await.unwrap() {
        let store = database.store.clone();
        let clock: Arc<dyn Clock> = Arc::new(HandClock(AtomicI64::new(DOORS.micros())));
        let tasks = Tasks::default();
        let lanes = Lanes::start(&store, &clock, &tasks);
        let secret = Secret::parse("a secret of the tests, 0123456789").unwrap();
        let drawers = Cores::new(1, 0);
        let codes = TicketCodes::new(&secret, &[]);
        let service = TicketService::new(store.clone(), lanes, clock, codes, drawers.clone());
        let id = tickets(&store, 1).await[0].ticket_id;
        let draw = async |format| service.render(&organizer(), id, format).await;
        let (go, until) = std::sync::mpsc::channel();
        let mut busy = Box::pin(drawers.run(move || until.recv().map_err(Error::internal)));
        assert!(futures::poll!(&mut busy).is_pending());
        for format in [TicketFormat::Svg, TicketFormat::Png] {
            assert!(matches!(draw(format).await, Err(Error::Unavailable(_))), "{format:?}");
        }
        go.send(()).unwrap();
        busy.await.unwrap();
        for format in [TicketFormat::Svg, TicketFormat::Png] {
            draw(format).await.unwrap();
        }
        tasks.finish().await;
        database.discard().await.unwrap();
    }
}
