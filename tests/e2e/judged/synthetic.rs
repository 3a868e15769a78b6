//! A sale that never was: what a server without a fault would have told a thousand callers at once.
//! Each call has its effect at one instant between its beginning and its end. Some answers are
//! lost, and their callers ask again; some cards are declined; some places are given back, by an
//! organizer whose gates let others in; and the clock is turned past all that is open.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use boxoffice_sdk::booking::v1::booking;
use boxoffice_sdk::payment::v1::payment;
use boxoffice_tests::Chance;
use boxoffice_tests::history::{
    Answer, BookingSeen, Call, Entry, History, HoldSeen, Moment, NEVER, ORGANIZER, Outcome, Turn,
};
use boxoffice_tests::judge::Truth;
use uuid::Uuid;

use super::platform::{Platform, TTL_MICROS};

const CALLERS: usize = 1_000;
const SEATS: u64 = 10_000;
/// How often the clock is turned in a sale.
const TURNS: usize = 5;
/// By how much.
const TURN_MICROS: i64 = TTL_MICROS + 60_000_000;
/// Declines that a buyer takes of a booking before paying by a card that is good.
const DECLINES_MAX: usize = 3;

/// A history and how things are at its end.
#[derive(Clone)]
pub struct Synthetic {
    pub history: History,
    pub truth: Truth,
    /// A seat that nobody ever wanted.
    pub free_seat: Uuid,
}

/// Where a caller stands.
#[derive(Clone)]
enum Stand {
    Idle,
    Holding(Uuid),
    Booked(Uuid, usize),
    Paying(BookingSeen, Uuid, usize),
    Confirmed(BookingSeen, Uuid),
    Over(Uuid),
}

struct Caller {
    stand: Stand,
    /// Who makes the call that is under way: the caller, or the organizer for this caller's sake.
    number: usize,
    call: Call,
    request: Option<Uuid>,
    from: Moment,
    /// The last request to make a booking, and the booking.
    booked: Option<(Call, Uuid, Uuid)>,
}

struct Sale {
    platform: Platform,
    history: History,
    event: Uuid,
}

/// A sale of so many calls, which the seed determines.
pub fn sale(calls: usize, seed: u64) -> Synthetic {
    let platform = Platform::new(Chance::part(seed, 0));
    let mut sale =
        Sale { platform, history: History::default(), event: Uuid::from_u128(u128::MAX) };
    let mut callers = Vec::new();
    let mut due = BinaryHeap::new();
    for number in 1..=CALLERS {
        let from = sale.span(1_000);
        let (call, request) = sale.next_call(&Stand::Idle);
        let stand = Stand::Idle;
        callers.push(Caller { stand, number, call, request, from, booked: None });
        due.push(Reverse((from + sale.span(500), number)));
    }
    let a_turn = calls / (TURNS + 1);
    while sale.history.entries.len() < calls {
        let Some(Reverse((now, number))) = due.pop() else { break };
        if sale.history.entries.len() / a_turn > sale.history.turns.len() {
            sale.history.turns.push(Turn { from: now, to: now, by: TURN_MICROS });
            sale.platform.pass_time(TURN_MICROS);
        }
        let caller = &mut callers[number - 1];
        let to = sale.serve(caller, now);
        caller.number = number;
        caller.from = to + sale.span(200) + 1_000;
        (caller.call, caller.request) = sale.next_call(&caller.stand);
        if matches!(caller.call, Call::Return { .. } | Call::Admit(_)) {
            caller.number = ORGANIZER;
        }
        due.push(Reverse((caller.from + sale.span(500), number)));
    }
    let free_seat = Uuid::from_u128(u128::from(SEATS) + 1);
    Synthetic { history: sale.history, truth: sale.platform.into(), free_seat }
}

impl Sale {
    fn span(&mut self, limit: u64) -> Moment {
        1 + i64::try_from(self.platform.chance.below(limit)).expect("it fits")
    }

    fn next_call(&mut self, stand: &Stand) -> (Call, Option<Uuid>) {
        let chance = &mut self.platform.chance;
        let call = match stand {
            Stand::Idle => {
                let first = u128::from(chance.below(SEATS - 1));
                let count = u128::from(chance.below(3));
                let seats: Vec<_> = (first..first + count).map(Uuid::from_u128).collect();
                let is_standing = seats.is_empty() || chance.percent(20);
                let standing = if is_standing { 1 + i32::from(chance.percent(50)) } else { 0 };
                Call::Hold { event: self.event, seats, standing }
            }
            Stand::Holding(hold) if chance.percent(30) => Call::Release(*hold),
            Stand::Holding(hold) => Call::Book(*hold),
            Stand::Booked(booking, declines) => {
                let is_bad = *declines < DECLINES_MAX && chance.percent(25);
                Call::Pay(*booking, if is_bad { "tok_declined" } else { "tok_success" })
            }
            Stand::Paying(_, payment, _) => return (Call::LookAtPayment(*payment), None),
            Stand::Confirmed(seen, payment) => match (chance.below(10), &seen.places[..]) {
                (0..6, _) => Call::Cancel(seen.id),
                (6, [first, _, ..]) => {
                    let (payment, booking) = (*payment, seen.id);
                    Call::Return { payment, booking, places: vec![*first] }
                }
                (7, [first, ..]) => Call::Admit(first.to_string()),
                _ => return (Call::LookAtBooking(seen.id), None),
            },
            Stand::Over(booking) => return (Call::LookAtBooking(*booking), None),
        };
        (call, Some(chance.uuid()))
    }

    /// Does what a caller asks for. Says when the caller knows what became of it.
    fn serve(&mut self, caller: &mut Caller, now: Moment) -> Moment {
        let outcome = self.platform.answer(&caller.call, now);
        let mut to = now + self.span(500);
        let is_done = matches!(outcome, Outcome::Done(_));
        if is_done && caller.request.is_some() && self.platform.chance.percent(2) {
            // The answer is lost, and the caller asks again.
            self.note(caller, (caller.from, NEVER), Outcome::Unknown);
            let from = to + 1;
            to = from + self.span(500);
            self.note(caller, (from, to), outcome.clone());
        } else {
            self.note(caller, (caller.from, to), outcome.clone());
        }
        self.advance(caller, outcome);
        let is_own = caller.number != ORGANIZER;
        if is_own
            && self.platform.chance.percent(3)
            && let Some((call, request, id)) = caller.booked.clone()
        {
            // Asks once more for the last booking, and is told how it is now.
            let outcome = Outcome::Done(Answer::Booking(self.platform.booking(id).clone()));
            let (from, request, caller) = (to + 1, Some(request), caller.number);
            to = from + 900;
            self.history.entries.push(Entry { caller, request, call, from, to, outcome });
        }
        to
    }

    fn note(&mut self, caller: &Caller, (from, to): (Moment, Moment), outcome: Outcome) {
        let (call, request, caller) = (caller.call.clone(), caller.request, caller.number);
        self.history.entries.push(Entry { caller, request, call, from, to, outcome });
    }

    /// What a caller makes of an outcome.
    fn advance(&mut self, caller: &mut Caller, outcome: Outcome) {
        use booking::State::{Confirmed, Pending};
        let answer = match outcome {
            Outcome::Done(answer) => answer,
            _ => {
                caller.stand = match caller.stand {
                    Stand::Booked(booking, _) => Stand::Over(booking),
                    _ => Stand::Idle,
                };
                return;
            }
        };
        caller.stand = match (&caller.call, answer, caller.stand.clone()) {
            (Call::Hold { .. }, Answer::Hold(HoldSeen { id, .. }), _) => Stand::Holding(id),
            (Call::Book(_), Answer::Booking(seen), _) => {
                let request = caller.request.expect("it changes something");
                caller.booked = Some((caller.call.clone(), request, seen.id));
                Stand::Booked(seen.id, 0)
            }
            (Call::Pay(..), Answer::Payment(paid), Stand::Booked(id, declines)) => {
                Stand::Paying(self.platform.booking(id).clone(), paid.id, declines)
            }
            (_, Answer::Payment(paid), Stand::Paying(seen, _, declines)) => {
                let seen = self.platform.booking(seen.id).clone();
                match seen.state {
                    Pending if paid.state == payment::State::Failed => {
                        Stand::Booked(seen.id, declines + 1)
                    }
                    Confirmed => Stand::Confirmed(seen, paid.id),
                    _ => Stand::Over(seen.id),
                }
            }
            (Call::Return { booking, .. } | Call::Cancel(booking), ..) => Stand::Over(*booking),
            (_, _, Stand::Confirmed(seen, _)) if caller.number == ORGANIZER => Stand::Over(seen.id),
            _ => Stand::Idle,
        };
    }
}
