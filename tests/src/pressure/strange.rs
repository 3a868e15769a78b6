//! What buyers do that they should not: they try what is somebody else's, and use an id twice.

use std::collections::HashMap;
use std::sync::PoisonError;

use boxoffice_sdk::identity::v1::{CreateGuestSessionRequest, RefreshTokenRequest};
use uuid::Uuid;

use super::{Buyer, Pressure};
use crate::chance::Chance;
use crate::history::{Answer, Call, Subject};
use crate::people::Person;

/// How many things that were made lately strangers may learn of.
const KNOWN_MAX: usize = 64;

/// Where request ids come from.
pub(super) struct Ids {
    /// What the ids that all buyers use follow from.
    seed: u64,
    /// How many of those were used, for each kind of call.
    counts: HashMap<&'static str, usize>,
    /// The last request of each kind that was done.
    done: HashMap<&'static str, (Call, Uuid)>,
}

impl Ids {
    /// Those of the sale of an event.
    pub fn of(event: Uuid) -> Self {
        Self { seed: event.as_u64_pair().1, counts: HashMap::new(), done: HashMap::new() }
    }

    /// An id for a call, if it needs one: one of its own, or sometimes one that other buyers use
    /// for calls of that kind as well. No buyer uses one twice.
    pub fn next(&mut self, call: &Call, chance: &mut Chance) -> Option<Uuid> {
        if !call.changes() {
            return None;
        }
        if !chance.percent(15) {
            return Some(chance.uuid());
        }
        let count = self.counts.entry(call.kind()).or_default();
        *count += 1;
        let kind = call
            .kind()
            .bytes()
            .fold(self.seed, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Some(Chance::part(kind, *count).uuid())
    }

    /// The id of a request of that kind that was done, and asked for something else.
    pub fn used_for_another(&self, call: &Call) -> Option<Uuid> {
        let (used, request) = self.done.get(call.kind())?;
        (used != call).then_some(*request)
    }
}

impl Buyer<'_> {
    /// Takes in that a call was done: lets strangers learn of what it made, and sometimes looks
    /// at once whether it is there.
    pub(super) async fn after(&mut self, call: &Call, request: Uuid, answer: &Answer) {
        self.ids.done.insert(call.kind(), (call.clone(), request));
        let (made, look) = match answer {
            Answer::Hold(seen) => (Subject::Hold(seen.id), Call::LookAtHold(seen.id)),
            Answer::Booking(seen) => (Subject::Booking(seen.id), Call::LookAtBooking(seen.id)),
            Answer::Payment(seen) => (Subject::Payment(seen.id), Call::LookAtPayment(seen.id)),
            Answer::Inventory | Answer::Admitted(_) | Answer::Tokens => return,
        };
        if call.makes() {
            self.sale.tell_of(self.number, made);
        }
        if self.chance.percent(20) {
            self.try_once(&look, None).await;
        }
    }

    /// Tries something that is somebody else's, once, or a token that was used.
    pub(super) async fn meddle(&mut self) {
        if self.chance.percent(15) {
            return self.sale.show_used_token(&self.person, self.number).await;
        }
        let Some(subject) = self.sale.anothers(self.number, &mut self.chance) else { return };
        let way = self.chance.index(5);
        let call = match subject {
            Subject::Hold(hold) => match way {
                0 => Call::LookAtHold(hold),
                1 => Call::Release(hold),
                2 => Call::Extend(hold),
                3 => Call::Book(hold),
                _ => {
                    let add = self.chance.some(&self.sale.seats, 1);
                    Call::Change { hold, add, remove: Vec::new(), standing: None }
                }
            },
            Subject::Booking(booking) => match way {
                0..3 => Call::LookAtBooking(booking),
                3 => Call::Cancel(booking),
                _ => Call::Pay(booking, "tok_success"),
            },
            Subject::Payment(payment) => match way {
                0..3 => Call::LookAtPayment(payment),
                _ => Call::Act(payment, "succeed"),
            },
        };
        let request = call.changes().then(|| self.chance.uuid());
        self.try_once(&call, request).await;
    }
}

impl Pressure {
    /// Lets strangers learn of something.
    fn tell_of(&self, number: usize, made: Subject) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.push_back((number, made));
        if known.len() > KNOWN_MAX {
            known.pop_front();
        }
    }

    /// Something that somebody else has made.
    fn anothers(&self, number: usize, chance: &mut Chance) -> Option<Subject> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let others: Vec<_> = known.iter().filter(|(maker, _)| *maker != number).collect();
        (!others.is_empty()).then(|| chance.pick(&others).1)
    }

    /// Somebody has a copy of a refresh token that was used, as was its successor.
    async fn show_used_token(&self, person: &Person, number: usize) {
        let robbed = person.another_session();
        let contact_email = "guest@example.com".into();
        let request = CreateGuestSessionRequest { contact_email, ..Default::default() };
        if robbed.create_guest_session(request).await.is_err() {
            return;
        }
        let Some(first) = robbed.tokens().map(|tokens| tokens.refresh_token) else { return };
        let refresh = async |token: &str| {
            let request = RefreshTokenRequest { refresh_token: token.to_owned() };
            let answer = person.another_session().refresh_token(request).await?;
            Ok::<_, boxoffice_sdk::Error>(answer.tokens.unwrap_or_default().refresh_token)
        };
        let Ok(second) = refresh(&first).await else { return };
        if refresh(&second).await.is_err() {
            return;
        }
        let again = async { refresh(&first).await.map(|_| Answer::Tokens) };
        self.recorder.note(number, None, &Call::ShowUsedToken, again).await;
    }
}
