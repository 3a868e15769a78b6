//! A sale that never was: what a server without a fault would have told a thousand callers at once.
//! Each call has its effect at one instant between its beginning and its end.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::history::{
    Answer, BookingSeen, Call, Entry, History, HoldSeen, Moment, NEVER, Outcome, PaymentSeen,
};
use boxoffice_tests::judge::{BookedPlace, TrueBooking, TruePayment, Truth};
use boxoffice_tests::{Chance, LedgerLine};
use uuid::Uuid;

const CALLERS: usize = 1_000;
const SEATS: u64 = 10_000;
/// What a seat costs.
const PRICE: i64 = 2_500;
/// How long a hold lasts: longer than the sale.
const TTL_MICROS: i64 = 600_000_000;

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
    Holding(HoldSeen),
    Booked(BookingSeen),
    Paying(BookingSeen, Uuid),
    Confirmed(BookingSeen),
}

struct Caller {
    stand: Stand,
    /// The call that is under way, its request, and when it began.
    call: Call,
    request: Option<Uuid>,
    from: Moment,
    /// The last request to make a booking, and the booking.
    booked: Option<(Call, Uuid, Uuid)>,
}

struct Sale {
    chance: Chance,
    owners: HashMap<Uuid, Uuid>,
    bookings: HashMap<Uuid, BookingSeen>,
    synthetic: Synthetic,
    event: Uuid,
}

/// A sale of so many calls, which the seed determines.
pub fn sale(calls: usize, seed: u64) -> Synthetic {
    let synthetic = Synthetic {
        history: History::default(),
        truth: Truth { standing: 10, ..Truth::default() },
        free_seat: Uuid::from_u128(u128::from(SEATS) + 1),
    };
    let mut sale = Sale {
        chance: Chance::part(seed, 0),
        owners: Default::default(),
        bookings: Default::default(),
        synthetic,
        event: Uuid::from_u128(u128::MAX),
    };
    let mut callers = Vec::new();
    let mut due = BinaryHeap::new();
    for number in 0..CALLERS {
        let from = sale.span(1_000);
        let (call, request) = sale.next_call(&Stand::Idle);
        callers.push(Caller { stand: Stand::Idle, call, request, from, booked: None });
        due.push(Reverse((from + sale.span(500), number)));
    }
    while sale.synthetic.history.entries.len() < calls {
        let Some(Reverse((now, number))) = due.pop() else { break };
        let caller = &mut callers[number];
        let outcome = sale.answer(caller, now);
        let to = now + sale.span(500);
        sale.note(number, caller, to, outcome);
        if sale.chance.percent(3)
            && let Some((call, request, id)) = caller.booked.clone()
        {
            sale.repeat(number, (call, request, id), to);
        }
        caller.from = to + sale.span(200) + 1_000;
        (caller.call, caller.request) = sale.next_call(&caller.stand);
        due.push(Reverse((caller.from + sale.span(500), number)));
    }
    sale.finish();
    sale.synthetic
}

impl Sale {
    fn span(&mut self, limit: u64) -> Moment {
        1 + i64::try_from(self.chance.below(limit)).expect("it fits")
    }

    fn next_call(&mut self, stand: &Stand) -> (Call, Option<Uuid>) {
        let call = match stand {
            Stand::Idle => {
                let first = u128::from(self.chance.below(SEATS - 1));
                let count = 1 + u128::from(self.chance.below(2));
                let seats = (first..first + count).map(Uuid::from_u128).collect();
                Call::Hold { event: self.event, seats, standing: 0 }
            }
            Stand::Holding(hold) if self.chance.percent(30) => Call::Release(hold.id),
            Stand::Holding(hold) => Call::Book(hold.id),
            Stand::Booked(booking) => Call::Pay(booking.id, "tok_success"),
            Stand::Paying(_, payment) => return (Call::LookAtPayment(*payment), None),
            Stand::Confirmed(booking) if self.chance.percent(60) => Call::Cancel(booking.id),
            Stand::Confirmed(booking) => return (Call::LookAtBooking(booking.id), None),
        };
        (call, Some(self.chance.uuid()))
    }

    fn note(&mut self, number: usize, caller: &Caller, to: Moment, outcome: Outcome) {
        let (call, request, from) = (caller.call.clone(), caller.request, caller.from);
        let to = if outcome == Outcome::Unknown { NEVER } else { to };
        let entry = Entry { caller: number, request, call, from, to, outcome };
        self.synthetic.history.entries.push(entry);
    }

    /// The caller asks once more for the last booking, and is told how it is now.
    fn repeat(&mut self, number: usize, last: (Call, Uuid, Uuid), after: Moment) {
        let (call, request, id) = last;
        let outcome = Outcome::Done(Answer::Booking(self.bookings[&id].clone()));
        let (from, to, request) = (after + 1, after + 900, Some(request));
        let entry = Entry { caller: number, request, call, from, to, outcome };
        self.synthetic.history.entries.push(entry);
    }

    /// Does what is asked, at once.
    fn answer(&mut self, caller: &mut Caller, now: Moment) -> Outcome {
        let (answer, stand) = match (&caller.call, caller.stand.clone()) {
            (Call::Hold { seats, .. }, _) => {
                let taken: Vec<Uuid> =
                    seats.iter().filter(|seat| self.owners.contains_key(seat)).copied().collect();
                if !taken.is_empty() {
                    let (code, reason) = (Code::Aborted, ErrorReason::SeatsTaken);
                    return Outcome::Refused { code, reason, seats: taken };
                }
                let id = self.chance.uuid();
                for seat in seats {
                    self.owners.insert(*seat, id);
                }
                let (state, seats) = (hold::State::Active, seats.clone());
                let expire_micros = now + TTL_MICROS;
                let hold = HoldSeen { id, state, seats, standing: 0, expire_micros };
                (Answer::Hold(hold.clone()), Stand::Holding(hold))
            }
            (Call::Release(_), Stand::Holding(mut hold)) => {
                self.free(&hold.seats);
                hold.state = hold::State::Released;
                (Answer::Hold(hold), Stand::Idle)
            }
            (Call::Book(_), Stand::Holding(hold)) => {
                let booking = self.book(hold, now);
                let request = caller.request.expect("it changes something");
                caller.booked = Some((caller.call.clone(), request, booking.id));
                (Answer::Booking(booking.clone()), Stand::Booked(booking))
            }
            (Call::Pay(..), Stand::Booked(booking)) => {
                let payment = self.pay(&booking);
                let stand = Stand::Paying(booking, payment.id);
                (Answer::Payment(payment), stand)
            }
            (Call::LookAtPayment(id), Stand::Paying(booking, _)) => {
                let booking = self.advance(booking.id, booking::State::Confirmed);
                let (state, amount) = (payment::State::Succeeded, booking.total);
                let (id, stand) = (*id, Stand::Confirmed(booking.clone()));
                let booking = booking.id;
                let seen = PaymentSeen { id, booking, state, amount, refunded: 0 };
                (Answer::Payment(seen), stand)
            }
            (Call::Cancel(id), _) => {
                let mut booking = self.advance(*id, booking::State::Cancelled);
                self.free(&booking.seats);
                booking.refunded = booking.total;
                self.bookings.insert(*id, booking.clone());
                (Answer::Booking(booking), Stand::Idle)
            }
            (Call::LookAtBooking(id), _) => {
                (Answer::Booking(self.bookings[id].clone()), Stand::Idle)
            }
            (call, _) => unreachable!("{call:?}"),
        };
        caller.stand = stand;
        Outcome::Done(answer)
    }

    fn free(&mut self, seats: &[Uuid]) {
        for seat in seats {
            self.owners.remove(seat);
        }
    }

    fn book(&mut self, hold: HoldSeen, now: Moment) -> BookingSeen {
        let total = PRICE * i64::try_from(hold.seats.len()).expect("it fits");
        let booking = BookingSeen {
            id: self.chance.uuid(),
            hold: hold.id,
            state: booking::State::Pending,
            version: 1,
            places: hold.seats.clone(),
            seats: hold.seats,
            standing: 0,
            total,
            refunded: 0,
            pay_by_micros: now + TTL_MICROS,
        };
        self.bookings.insert(booking.id, booking.clone());
        booking
    }

    fn pay(&mut self, booking: &BookingSeen) -> PaymentSeen {
        let id = self.chance.uuid();
        let (amount, booking) = (booking.total, booking.id);
        let payment = TruePayment { booking, state: "SUCCEEDED".into(), amount, refunded: 0 };
        self.synthetic.truth.payments.insert(id, payment);
        let state = payment::State::Pending;
        PaymentSeen { id, booking, state, amount, refunded: 0 }
    }

    fn advance(&mut self, id: Uuid, state: booking::State) -> BookingSeen {
        let booking = self.bookings.get_mut(&id).expect("it was made");
        booking.state = state;
        booking.version += 1;
        booking.clone()
    }

    /// Pays what was begun to be paid, and writes down how things are.
    fn finish(&mut self) {
        for seen in self.bookings.values() {
            let place =
                |seat: &Uuid| BookedPlace { seat: Some(*seat), price: PRICE, is_returned: false };
            let places: Vec<_> = seen.seats.iter().map(place).collect();
            let truth = TrueBooking { state: seen.state, places, live_tickets: 0 };
            self.synthetic.truth.bookings.insert(seen.id, truth);
        }
        let Truth { bookings, payments, ledger, .. } = &mut self.synthetic.truth;
        for (id, payment) in payments {
            let booking = bookings.get_mut(&payment.booking).expect("it is there");
            if booking.state == booking::State::Cancelled {
                payment.refunded = payment.amount;
            } else {
                booking.state = booking::State::Confirmed;
                booking.live_tickets = i64::try_from(booking.places.len()).expect("it fits");
            }
            ledger.push(LedgerLine {
                payment_id: *id,
                state: "CAPTURED".into(),
                currency_code: "EUR".into(),
                amount_minor: payment.amount,
                refunded_minor: payment.refunded,
            });
        }
    }
}
