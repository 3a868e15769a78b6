//! A sale under pressure: buyers, an organizer and gates who do everything that can be done, many
//! at once, with every call recorded; and what the judge says of it.

mod audience;
mod buyer;
mod calls;
mod gateway;
mod siege;
mod strange;
mod traffic;
mod verdict;
mod world;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use boxoffice_sdk::booking::v1::booking;
use boxoffice_sdk::payment::v1::GetPaymentRequest;
use boxoffice_sdk::ticket::v1::{ListTicketsRequest, ticket};
use futures::future::join_all;
use uuid::Uuid;

use crate::chance::Chance;
use crate::clock::HandClock;
use crate::database::Database;
use crate::door::Door;
use crate::history::{BookingSeen, Call, History, ORGANIZER, Outcome, Recorder, Subject, parse_id};
use crate::patience::eventually_within;
use crate::people::Person;
use crate::stage::{Stage, StagePlan};

use audience::Audience;
pub use buyer::Buyer;
pub use gateway::Gateway;
pub use siege::Siege;
use traffic::Traffic;
pub use verdict::{Verdict, shown};
pub use world::Pressed;

/// Longer than a hold lasts and than a booking waits for its money.
const PAST_ALL: Duration = Duration::from_secs(11 * 60);
/// How long a call may stay without an answer, whatever happens to the server meanwhile.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// How long holds last in the default sale, and how long they may: whoever extends one after a
/// nudge of the clock is not given all of that again.
const HOLD_TTL: Duration = Duration::from_secs(60);
const HOLD_LIFE_MAX: Duration = Duration::from_secs(80);
/// How many places a buyer may have in the default sale: many meet the limit.
const PLACES_PER_BUYER_MAX: i32 = 6;
/// How many groups of seats are blocked at once, about.
const BLOCKED_AT_ONCE: usize = 3;

/// How much of everything.
#[derive(Clone, Debug)]
pub struct PressurePlan {
    /// How many buyers at a time.
    pub buyers: usize,
    /// How many purchases each begins.
    pub walks: usize,
    /// What is on sale. Few places make much contention.
    pub stage: StagePlan,
    /// How often the clock is turned past the end of what is held and unpaid.
    pub turns: usize,
}

impl Default for PressurePlan {
    fn default() -> Self {
        Self { buyers: 24, walks: 24, stage: Self::stage(10, 80), turns: 2 }
    }
}

impl PressurePlan {
    /// So many rows and places of general admission, on terms that buyers come to meet.
    pub fn stage(rows: usize, standing: i32) -> StagePlan {
        StagePlan {
            rows,
            standing,
            hold_ttl: Some(HOLD_TTL),
            hold_life_max: Some(HOLD_LIFE_MAX),
            places_per_buyer_max: PLACES_PER_BUYER_MAX,
            ..StagePlan::default()
        }
    }
}

/// A sale that goes on.
pub struct Pressure {
    recorder: Recorder,
    stage: Stage,
    event: Uuid,
    seats: Vec<Uuid>,
    organizer: Person,
    /// A gateway that tells by itself, if there is one.
    gateway: Option<Gateway>,
    /// What was made lately, and by whom.
    known: Mutex<VecDeque<(usize, Subject)>>,
    walks_done: AtomicUsize,
    is_closed: AtomicBool,
    traffic: Traffic,
}

impl Pressure {
    /// Puts an event on sale.
    pub async fn begin(door: &Door, plan: &PressurePlan, clock: &HandClock) -> Self {
        let organizer = door.organizer().await;
        let stage = Stage::publish(&organizer, &plan.stage).await;
        let seats = stage.seats.iter().filter_map(|seat| parse_id(seat)).collect();
        let event = parse_id(&stage.event_id).expect("an event's id");
        let (walks_done, is_closed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (recorder, traffic) = (Recorder::new(clock), Traffic::default());
        let (known, gateway) = (Mutex::default(), None);
        Self {
            recorder,
            stage,
            event,
            seats,
            organizer,
            gateway,
            known,
            walks_done,
            is_closed,
            traffic,
        }
    }

    /// The server goes by a clock of its own.
    pub fn with_clock_of_its_own(self) -> Self {
        Self { recorder: self.recorder.with_clock_of_its_own(), ..self }
    }

    /// Has the gateway tell of payments by itself.
    pub fn with_gateway(self, gateway: Gateway) -> Self {
        Self { gateway: Some(gateway), ..self }
    }

    /// Lets everybody end what is under way, and begin nothing more.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// The event's id.
    pub fn event(&self) -> Uuid {
        self.event
    }

    /// A seat's id, by its place in the venue's order.
    pub fn seat(&self, index: usize) -> Uuid {
        self.seats[index]
    }

    /// What is on sale.
    pub fn stage(&self) -> &Stage {
        &self.stage
    }

    /// Makes a call and notes it.
    pub async fn make(
        &self,
        person: &Person,
        caller: usize,
        call: &Call,
        request: Option<Uuid>,
    ) -> Outcome {
        // In a box: it is as large as all calls there are, and stands deep in what buyers do.
        let answer = Box::pin(calls::make(person, &self.stage, call, request));
        let noted = self.recorder.note(caller, request, call, answer);
        self.traffic.carry(call, noted).await
    }

    /// Makes a call until there is an answer.
    pub async fn until_answered(
        &self,
        person: &Person,
        caller: usize,
        call: &Call,
        request: Option<Uuid>,
    ) -> Outcome {
        eventually_within(ANSWER_MAX, async || {
            match self.make(person, caller, call, request).await {
                Outcome::Unknown => Err(format!("no answer to {call:?}")),
                known => Ok(known),
            }
        })
        .await
    }

    /// Lets everybody buy, each by the seed's whims, while the organizer blocks and unblocks seats
    /// and `clock`, if there is one to turn, is turned.
    pub async fn sell(
        &self,
        people: &[Person],
        plan: &PressurePlan,
        seed: u64,
        clock: Option<&HandClock>,
    ) {
        let walks_in_all = people.len().saturating_mul(plan.walks);
        let walks_a_turn = (walks_in_all / (plan.turns + 1)).max(1);
        let buying = people.iter().enumerate().map(async |(index, person)| {
            let number = index + 1;
            let chance = Chance::part(seed, number);
            let mut buyer = Buyer::new(number, person.clone(), chance, self, clock);
            for _ in 0..plan.walks {
                if self.is_closed() {
                    break;
                }
                buyer.walk().await;
                let done = self.walks_done.fetch_add(1, Ordering::SeqCst) + 1;
                let is_time = done.is_multiple_of(walks_a_turn) && done < walks_in_all;
                if let (Some(clock), true) = (clock, is_time) {
                    self.recorder.turn(clock, PAST_ALL);
                }
            }
        });
        let buying = async {
            join_all(buying).await;
            self.close();
        };
        let planning = self.block_and_unblock(Chance::part(seed, 0));
        futures::join!(buying, planning);
    }

    /// The organizer takes seats off sale and, some later, puts them back until everybody has
    /// bought.
    async fn block_and_unblock(&self, mut chance: Chance) {
        let mut blocked = VecDeque::new();
        while !self.is_closed() {
            let seats = chance.some(&self.seats, 2);
            let call = Call::Block(seats.clone());
            if let Outcome::Done(_) = self.organize(&call, chance.uuid()).await {
                blocked.push_back(seats);
            }
            if blocked.len() > BLOCKED_AT_ONCE
                && let Some(seats) = blocked.pop_front()
            {
                self.organize(&Call::Unblock(seats), chance.uuid()).await;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn organize(&self, call: &Call, request: Uuid) -> Outcome {
        self.make(&self.organizer, ORGANIZER, call, Some(request)).await
    }

    /// The organizer gives the money of one place back.
    async fn give_back(&self, person: &Person, request: Uuid, booking: &BookingSeen) {
        let booking_id = format!("bkg_{}", booking.id.simple());
        let ask = GetPaymentRequest { booking_id, ..Default::default() };
        let Ok(payment) = person.get_payment(ask).await else { return };
        let payment = payment.payment.and_then(|payment| parse_id(&payment.payment_id));
        let (Some(payment), Some(place)) = (payment, booking.places.first()) else { return };
        let call = Call::Return { payment, booking: booking.id, places: vec![*place] };
        self.make(&self.organizer, ORGANIZER, &call, Some(request)).await;
    }

    /// The code of a ticket of a booking that is good for an entry.
    async fn good_code(&self, person: &Person, booking: &BookingSeen) -> Option<String> {
        let booking_id = format!("bkg_{}", booking.id.simple());
        let ask = ListTicketsRequest { booking_id, ..Default::default() };
        let tickets = person.list_tickets(ask).await.ok()?.tickets;
        let mut valid = tickets.iter().filter(|ticket| ticket.state() == ticket::State::Valid);
        valid.next().map(|ticket| ticket.code.clone())
    }

    /// A gate scans a ticket.
    async fn scan(&self, code: &str, request: Uuid) -> Outcome {
        self.make(&self.organizer, ORGANIZER, &Call::Admit(code.to_owned()), Some(request)).await
    }

    /// Two gates scan the same ticket at once.
    async fn let_in(&self, person: &Person, entries: (Uuid, Uuid), booking: &BookingSeen) {
        let Some(code) = self.good_code(person, booking).await else { return };
        futures::join!(self.scan(&code, entries.0), self.scan(&code, entries.1));
    }

    /// Asks again for whatever was never answered, once each, as its caller.
    pub async fn resolve(&self, people: &[Person]) {
        let history = self.recorder.history();
        let mut asked = BTreeSet::new();
        for entry in &history.entries {
            let (Outcome::Unknown, Some(request)) = (&entry.outcome, entry.request) else {
                continue;
            };
            if !asked.insert((entry.caller, request)) {
                continue;
            }
            let person = match entry.caller {
                ORGANIZER => &self.organizer,
                number => people.get(number - 1).expect("somebody"),
            };
            self.until_answered(person, entry.caller, &entry.call, Some(request)).await;
        }
    }

    /// Cancels every booking that was not over when it was last seen, as whoever made it.
    pub async fn cancel_open(&self, people: &[Person], mut chance: Chance) {
        let history = self.recorder.history();
        let mut last: BTreeMap<Uuid, (usize, &BookingSeen)> = BTreeMap::new();
        for entry in &history.entries {
            if let Some(seen) = entry.booking() {
                let known = last.entry(seen.id).or_insert((entry.caller, seen));
                if known.1.version <= seen.version {
                    *known = (entry.caller, seen);
                }
            }
        }
        let open = [booking::State::Pending, booking::State::AwaitingPayment];
        for (id, (caller, _)) in last.iter().filter(|(_, (_, seen))| open.contains(&seen.state)) {
            let Some(person) = people.get(caller.wrapping_sub(1)) else { continue };
            let request = Some(chance.uuid());
            self.until_answered(person, *caller, &Call::Cancel(*id), request).await;
        }
    }

    /// Lets the time of all that is open pass.
    pub fn let_time_pass(&self, clock: &HandClock) {
        self.recorder.turn(clock, PAST_ALL);
    }

    /// Turns the clock on, or back, by so much.
    pub fn turn(&self, clock: &HandClock, by: Duration, is_back: bool) {
        match is_back {
            true => self.recorder.turn_back(clock, by),
            false => self.recorder.turn(clock, by),
        }
    }

    /// Waits until nothing is on its way any more, or for so long: no hold lives, no payment or
    /// refund is open, and every event has left.
    pub async fn settle(&self, database: &Database, patience: Duration) {
        const OPEN: &str = "select (select count(*) from booking_hold where state = 'ACTIVE')
            + (select count(*) from booking_booking where open_payment_id is not null)
            + (select count(*) from payment_payment where state in ('PENDING', 'UNKNOWN'))
            + (select count(*) from payment_refund where state = 'PENDING')
            + (select count(*) from store_outbox)";
        let give_up = Instant::now() + patience;
        eventually_within(patience * 2, async || {
            let open = database.count_by_hand(OPEN).await;
            if open == 0 || Instant::now() > give_up { Ok(()) } else { Err(format!("{open} open")) }
        })
        .await;
    }

    /// The history so far.
    pub fn history(&self) -> History {
        self.recorder.history()
    }
}
