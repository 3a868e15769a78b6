//! A sale under pressure while something goes wrong, and what is to be said of it once all is well
//! again. What goes wrong is the test's; everything else is the same for all.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::{Client, Error};
use futures::StreamExt;
use uuid::Uuid;

use super::{Audience, ORGANIZER, Pressure, PressurePlan, Verdict, calls};
use crate::chance::Chance;
use crate::clock::HandClock;
use crate::database::Database;
use crate::door::Door;
use crate::history::{Answer, Call, Entry, History};
use crate::judge::{Finding, Promise, Truth};
use crate::patience::eventually_within;
use crate::people::Person;
use crate::sandbox::read_ledger;
use crate::stage::{Stage, StagePlan};

/// How long the last refund may take: the gateway is asked again after pauses of up to a minute.
const SETTLED_MAX: Duration = Duration::from_secs(150);
/// How long what was left open may take to be finished after that.
const FINISHED_MAX: Duration = Duration::from_secs(60);
/// How long it may take until something is sold, however bad things are.
const SOLD_MAX: Duration = Duration::from_secs(60);
/// Requests that were answered and are sent again in the end.
const REPEATED_MAX: usize = 200;
/// How many of them at once.
const REPEATED_AT_ONCE: usize = 8;

/// How much is under way still.
const UNFINISHED: &str = "select (select count(*) from store_outbox)
    + (select count(*) from booking_hold where state = 'ACTIVE')
    + (select count(*) from booking_booking
        where state in ('PENDING', 'AWAITING_PAYMENT') or open_payment_id is not null)
    + (select count(*) from payment_payment where state in ('PENDING', 'UNKNOWN'))
    + (select count(*) from payment_refund where state <> 'SUCCEEDED')";

/// A sale that something happens to.
pub struct Siege {
    sale: Pressure,
    plan: PressurePlan,
    people: Vec<Person>,
    doors: Vec<Door>,
    seed: u64,
    /// Whether the clock may be turned, so that changes are forgotten before their time.
    may_forget: bool,
    audience: Option<Audience>,
}

impl Siege {
    /// Puts an event on sale at a door that stays where it is, whatever happens behind it, and lets
    /// people in. Every second one makes each call once and finds out by himself what became of it;
    /// the others leave that to the SDK.
    pub async fn begin(door: &Door, plan: PressurePlan, seed: u64) -> Self {
        Self::begin_at(&[door], None, plan, seed).await
    }

    /// The same at several doors, by which people come in turn, of servers that go by this clock;
    /// if there is none, by clocks of their own.
    pub async fn begin_at(
        doors: &[&Door],
        clock: Option<&HandClock>,
        plan: PressurePlan,
        seed: u64,
    ) -> Self {
        let sale = match clock {
            Some(clock) => Pressure::begin(doors[0], &plan, clock).await,
            None => {
                let sale = Pressure::begin(doors[0], &plan, &HandClock::default()).await;
                sale.with_clock_of_its_own()
            }
        };
        let mut people = Vec::new();
        for (number, door) in doors.iter().cycle().take(plan.buyers).enumerate() {
            let mut person = door.guest().await;
            if (number / doors.len()).is_multiple_of(2) {
                person.client = person.client.with_patience(Duration::ZERO);
            }
            people.push(person);
        }
        let (doors, may_forget) = (doors.iter().copied().cloned().collect(), clock.is_some());
        Self { sale, plan, people, doors, seed, may_forget, audience: None }
    }

    /// A sale to so many, of places that several want.
    pub fn plan(buyers: usize) -> PressurePlan {
        let stage =
            StagePlan { rows: 10, standing: 60, places_per_buyer_max: 40, ..StagePlan::default() };
        PressurePlan { buyers, walks: usize::MAX, turns: 0, stage }
    }

    /// The same, with everybody's client changed.
    #[must_use]
    pub fn with_clients(mut self, change: impl Fn(Client) -> Client) -> Self {
        for person in self.people.iter_mut().chain([&mut self.sale.organizer]) {
            person.client = change(person.client.clone());
        }
        self
    }

    /// The same, in which everybody would rather wait for so long than go without an answer.
    #[must_use]
    pub fn patient(self, patience: Duration) -> Self {
        self.sale.traffic.calm_down();
        self.with_clients(|client| client.with_patience(patience).with_deadline(patience))
    }

    /// The same, with watchers whose streams are to go on whatever happens.
    #[must_use]
    pub async fn watched(mut self, database: &Database) -> Self {
        let event_id = &self.stage().event_id;
        let audience = Audience::faithful(database, &self.doors, event_id, self.seed).await;
        self.audience = Some(audience);
        self
    }

    /// What is on sale.
    pub fn stage(&self) -> &Stage {
        &self.sale.stage
    }

    /// The sale.
    pub fn sale(&self) -> &Pressure {
        &self.sale
    }

    /// What was asked and answered so far.
    pub fn history(&self) -> History {
        self.sale.history()
    }

    /// The seed that gives the sale again.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// By which the trouble is chosen.
    pub fn chance(&self) -> Chance {
        Chance::part(self.seed, usize::MAX)
    }

    /// Whether somebody waits for an answer now, so that what goes wrong hits him.
    pub fn is_hit(&self) -> bool {
        self.sale.traffic.under_way() > 0
    }

    /// How many calls got no answer so far.
    pub fn unanswered(&self) -> usize {
        self.sale.traffic.unanswered().values().sum()
    }

    /// Lets everybody buy while something goes wrong, at whose end the sale closes, or as soon as
    /// something was sold.
    pub async fn sell_during<T>(&self, trouble: impl Future<Output = T>) -> T {
        let trouble = async {
            let came_to = trouble.await;
            self.is_selling().await;
            self.sale.close();
            came_to
        };
        let selling = self.sale.sell(&self.people, &self.plan, self.seed, None);
        // What tests do in the middle may be large, and has its place on the heap.
        futures::join!(Box::pin(trouble), Box::pin(selling)).0
    }

    /// Waits until somebody has got places that he asked for after now. Says how long that took.
    pub async fn goes_on(&self, patience: Duration) -> Duration {
        let (begun, now) = (Instant::now(), self.sale.recorder.now());
        let is_new = |entry: &Entry| entry.from >= now && entry.hold().is_some();
        eventually_within(patience, async || {
            let goes_on = self.history().entries.iter().any(is_new);
            if goes_on { Ok(()) } else { Err("the sale does not go on") }
        })
        .await;
        begun.elapsed()
    }

    /// Waits until something is sold: a sale without that proves nothing.
    async fn is_selling(&self) {
        eventually_within(SOLD_MAX, async || match self.sold_count() {
            0 => Err("nothing is sold"),
            _ => Ok(()),
        })
        .await;
    }

    /// How many bookings were told of that were paid.
    fn sold_count(&self) -> usize {
        let history = self.history();
        let bookings = history.entries.iter().filter_map(Entry::booking);
        let sold = bookings.filter(|booking| booking.state == booking::State::Confirmed);
        sold.map(|booking| booking.id).collect::<BTreeSet<_>>().len()
    }

    /// Makes one call of the first buyer's, who makes it once.
    pub async fn ask(&self, call: &Call, request: Uuid) -> Result<Answer, Error> {
        let mut answered = None;
        let request = call.changes().then_some(request);
        let asking = async {
            let answer = calls::make(&self.people[0], &self.sale.stage, call, request);
            let answer = Box::pin(answer).await;
            answered = Some(answer.clone());
            answer
        };
        let noted = self.sale.recorder.note(1, request, call, asking);
        self.sale.traffic.carry(call, noted).await;
        answered.expect("it was awaited")
    }

    /// Once all is well again: everybody learns what became of his requests, nothing is left open,
    /// everything comes to its end, and no promise was broken.
    pub async fn end(&mut self, database: &Database, ledger: &Path) -> Verdict {
        self.clear_up().await;
        let verdict = self.judge(database, ledger).await;
        verdict.assert_clean(self.seed);
        verdict
    }

    /// Sends every request again that was not answered, and many that were, with their ids; then
    /// cancels what is not paid and releases what is not booked.
    pub async fn clear_up(&self) {
        self.sale.resolve(&self.people).await;
        self.repeat().await;
        self.sale.cancel_open(&self.people, Chance::part(self.seed, usize::MAX - 1)).await;
        self.release_open().await;
    }

    /// Waits until nothing is under way and judges all of it. What stays stuck fails the test.
    pub async fn judge(&mut self, database: &Database, ledger: &Path) -> Verdict {
        eventually_within(SETTLED_MAX, async || match database.count_by_hand(UNFINISHED).await {
            0 => Ok(()),
            left => Err(format!("{left} things are left half done")),
        })
        .await;
        let broken = self.doors[0].broken_after(FINISHED_MAX).await;
        let ledger = read_ledger(ledger).await;
        let truth = Truth::read(database, ledger, self.sale.event()).await;
        let mut verdict = Verdict::of(&self.history(), &truth);
        verdict.findings.extend(broken.into_iter().map(Finding::from));
        if let Some(audience) = self.audience.take() {
            verdict.add_told(audience.close(database).await);
            let anew = verdict.count("streams begun anew");
            if anew > 0 && !self.may_forget {
                let text = format!("{anew} streams began anew, and nothing was forgotten");
                verdict.findings.push(Finding { promise: Promise::StreamsTell, text });
            }
        }
        let unanswered = self.sale.traffic.unanswered().into_iter();
        verdict
            .counts
            .extend(unanswered.map(|(kind, count)| (format!("{kind} unanswered"), count)));
        verdict.note_sold(self.sold_count());
        verdict
    }

    /// How much is under way still.
    pub async fn unfinished(database: &Database) -> i64 {
        database.count_by_hand(UNFINISHED).await
    }

    /// Whoever repeats an answered request is told of the effect that it had.
    async fn repeat(&self) {
        let history = self.history();
        let had_effect = |entry: &&Entry| entry.request.is_some() && entry.resource().is_some();
        let mut answered: Vec<&Entry> = history.entries.iter().filter(had_effect).collect();
        let mut chance = Chance::part(self.seed, usize::MAX - 2);
        let chosen = (0..answered.len().min(REPEATED_MAX))
            .map(|_| answered.swap_remove(chance.index(answered.len())))
            .collect::<Vec<_>>();
        let repeats = futures::stream::iter(chosen);
        repeats.for_each_concurrent(REPEATED_AT_ONCE, |entry| self.again(entry)).await;
    }

    async fn again(&self, entry: &Entry) {
        let person = match entry.caller {
            ORGANIZER => Some(&self.sale.organizer),
            number => self.people.get(number - 1),
        };
        if let Some(person) = person {
            self.sale.until_answered(person, entry.caller, &entry.call, entry.request).await;
        }
    }

    /// Releases every hold that was alive when it was last told of, unless it was booked.
    async fn release_open(&self) {
        let history = self.history();
        let mut last: BTreeMap<Uuid, &Entry> = BTreeMap::new();
        let mut booked = BTreeSet::new();
        for entry in &history.entries {
            booked.extend(entry.booking().map(|booking| booking.hold));
            if let Some(hold) = entry.hold() {
                let known = last.entry(hold.id).or_insert(entry);
                if known.to <= entry.to {
                    *known = entry;
                }
            }
        }
        let mut chance = Chance::part(self.seed, usize::MAX - 3);
        for (id, entry) in last {
            let is_open = entry.hold().is_some_and(|hold| hold.state == hold::State::Active);
            if let Some(person) = self.people.get(entry.caller.wrapping_sub(1))
                && is_open
                && !booked.contains(&id)
            {
                let request = Some(chance.uuid());
                let call = Call::Release(id);
                self.sale.until_answered(person, entry.caller, &call, request).await;
            }
        }
    }
}
