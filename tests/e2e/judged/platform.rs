//! A server without a fault, in a few lines: what it would answer, and how things are at its end.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::booking::v1::{booking, hold};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::{Code, ErrorReason};
use boxoffice_tests::history::{Answer, BookingSeen, Call, HoldSeen, Moment, Outcome, PaymentSeen};
use boxoffice_tests::judge::{BookedPlace, TrueBooking, TrueHold, TruePayment, TrueTicket, Truth};
use boxoffice_tests::{Chance, LedgerLine};
use uuid::Uuid;

/// What a place costs, wherever it is.
pub const PRICE: i64 = 2_500;
/// How long a hold lasts, and a booking waits for its money: longer than a sale.
pub const TTL_MICROS: i64 = 600_000_000;
/// How many places of general admission there are.
pub const STANDING: i64 = 4_000;
/// How many places a buyer may have: more than anybody ever wants.
pub const PLACES_PER_BUYER_MAX: i64 = 100;

/// A place of a booking.
struct Place {
    id: Uuid,
    seat: Option<Uuid>,
    is_returned: bool,
    is_used: bool,
}

struct Booking {
    seen: BookingSeen,
    places: Vec<Place>,
    /// The payment that paid it.
    paid: Option<Uuid>,
}

/// Everything that the server knows.
pub struct Platform {
    pub chance: Chance,
    /// How far its clock was turned on.
    pub ahead: i64,
    owners: HashMap<Uuid, Uuid>,
    standing_left: i64,
    holds: HashMap<Uuid, (HoldSeen, i64)>,
    bookings: HashMap<Uuid, Booking>,
    payments: HashMap<Uuid, (PaymentSeen, &'static str)>,
    /// The booking of each place that was paid.
    tickets: HashMap<Uuid, Uuid>,
}

impl Platform {
    pub fn new(chance: Chance) -> Self {
        Self {
            chance,
            ahead: 0,
            owners: HashMap::new(),
            standing_left: STANDING,
            holds: HashMap::new(),
            bookings: HashMap::new(),
            payments: HashMap::new(),
            tickets: HashMap::new(),
        }
    }

    /// A booking as it is now.
    pub fn booking(&self, id: Uuid) -> &BookingSeen {
        &self.bookings[&id].seen
    }

    /// Does what is asked, at once.
    pub fn answer(&mut self, call: &Call, now: Moment) -> Outcome {
        let answer = match call {
            Call::Hold { seats, standing, .. } => return self.hold(seats, *standing, now),
            Call::Release(id) => {
                if self.holds[id].0.state == hold::State::Active {
                    self.end_hold(*id, hold::State::Released);
                    self.free_hold(*id);
                }
                Answer::Hold(self.holds[id].0.clone())
            }
            Call::Book(id) if self.holds[id].0.state == hold::State::Active => {
                Answer::Booking(self.book(*id, now))
            }
            Call::Book(_) => {
                return Outcome::refused(Code::FailedPrecondition, ErrorReason::HoldExpired);
            }
            Call::Pay(id, token) => return self.pay(*id, token),
            Call::LookAtPayment(id) => Answer::Payment(self.settle(*id)),
            Call::Cancel(id) => {
                let all: Vec<Uuid> = self.bookings[id].seen.places.clone();
                self.take_back(*id, &all);
                Answer::Booking(self.advance(*id, booking::State::Cancelled))
            }
            Call::Return { payment, booking, places } => {
                self.take_back(*booking, places);
                self.advance(*booking, booking::State::Confirmed);
                Answer::Payment(self.payments[payment].0.clone())
            }
            Call::LookAtBooking(id) => Answer::Booking(self.booking(*id).clone()),
            // The code of a ticket is the id of its place, which is that of the ticket as well.
            Call::Admit(code) => {
                let id = Uuid::try_parse(code).expect("a code");
                let booking = self.bookings.get_mut(&self.tickets[&id]).expect("it is of one");
                let its = booking.places.iter_mut().filter(|place| place.id == id);
                its.for_each(|place| place.is_used = true);
                Answer::Admitted(id)
            }
            other => unreachable!("{other:?}"),
        };
        Outcome::Done(answer)
    }

    fn hold(&mut self, seats: &[Uuid], standing: i32, now: Moment) -> Outcome {
        let is_taken = |seat: &&Uuid| self.owners.contains_key(*seat);
        let taken: Vec<Uuid> = seats.iter().filter(is_taken).copied().collect();
        if !taken.is_empty() {
            return Outcome::seats_taken(taken);
        }
        if i64::from(standing) > self.standing_left {
            return Outcome::too_few_left();
        }
        let id = self.chance.uuid();
        self.standing_left -= i64::from(standing);
        self.owners.extend(seats.iter().map(|seat| (*seat, id)));
        let (state, seats, made) = (hold::State::Active, seats.to_vec(), now + self.ahead);
        let expire_micros = made + TTL_MICROS;
        let seen = HoldSeen { id, state, seats, standing, expire_micros };
        self.holds.insert(id, (seen.clone(), made));
        Outcome::Done(Answer::Hold(seen))
    }

    fn end_hold(&mut self, id: Uuid, state: hold::State) {
        self.holds.get_mut(&id).expect("it was made").0.state = state;
    }

    fn free_hold(&mut self, id: Uuid) {
        let hold = &self.holds[&id].0;
        self.standing_left += i64::from(hold.standing);
        for seat in &hold.seats {
            self.owners.remove(seat);
        }
    }

    fn book(&mut self, id: Uuid, now: Moment) -> BookingSeen {
        self.end_hold(id, hold::State::Used);
        let hold = self.holds[&id].0.clone();
        let seats = hold.seats.iter().copied().map(Some);
        let standing = (0..hold.standing).map(|_| None);
        let places = seats.chain(standing).map(|seat| {
            let id = self.chance.uuid();
            Place { id, seat, is_returned: false, is_used: false }
        });
        let places: Vec<Place> = places.collect();
        let seen = BookingSeen {
            id: self.chance.uuid(),
            hold: id,
            state: booking::State::Pending,
            version: 1,
            seats: hold.seats,
            standing: hold.standing,
            places: places.iter().map(|place| place.id).collect(),
            total: PRICE * i64::try_from(places.len()).expect("it fits"),
            refunded: 0,
            pay_by_micros: now + self.ahead + TTL_MICROS,
        };
        self.bookings.insert(seen.id, Booking { seen: seen.clone(), places, paid: None });
        seen
    }

    fn pay(&mut self, id: Uuid, token: &'static str) -> Outcome {
        let (state, amount) = (self.booking(id).state, self.booking(id).total);
        if state != booking::State::Pending {
            return Outcome::refused(Code::FailedPrecondition, ErrorReason::BookingState);
        }
        self.advance(id, booking::State::AwaitingPayment);
        let (payment, state) = (self.chance.uuid(), payment::State::Pending);
        let seen = PaymentSeen { id: payment, booking: id, state, amount, refunded: 0 };
        self.payments.insert(payment, (seen.clone(), token));
        Outcome::Done(Answer::Payment(seen))
    }

    /// The gateway has decided about a payment.
    fn settle(&mut self, id: Uuid) -> PaymentSeen {
        let (seen, token) = self.payments.get_mut(&id).expect("it was begun");
        if seen.state == payment::State::Pending {
            let is_declined = *token == "tok_declined";
            let states = match is_declined {
                true => (payment::State::Failed, booking::State::Pending),
                false => (payment::State::Succeeded, booking::State::Confirmed),
            };
            seen.state = states.0;
            let seen = seen.clone();
            let booking = self.advance(seen.booking, states.1);
            if !is_declined {
                self.tickets.extend(booking.places.iter().map(|place| (*place, booking.id)));
                self.bookings.get_mut(&booking.id).expect("it was made").paid = Some(id);
            }
            return seen;
        }
        seen.clone()
    }

    fn advance(&mut self, id: Uuid, state: booking::State) -> BookingSeen {
        let seen = &mut self.bookings.get_mut(&id).expect("it was made").seen;
        seen.state = state;
        seen.version += 1;
        seen.clone()
    }

    /// Takes places of a paid booking back, and gives back what they have cost.
    fn take_back(&mut self, id: Uuid, wanted: &[Uuid]) {
        let Booking { seen, places, paid } = self.bookings.get_mut(&id).expect("it was made");
        for place in places.iter_mut().filter(|place| wanted.contains(&place.id)) {
            place.is_returned = true;
            seen.places.retain(|kept| *kept != place.id);
            seen.refunded += PRICE;
            match place.seat {
                Some(seat) => {
                    seen.seats.retain(|kept| *kept != seat);
                    self.owners.remove(&seat);
                }
                None => {
                    seen.standing -= 1;
                    self.standing_left += 1;
                }
            }
        }
        if let Some((payment, _)) = paid.and_then(|paid| self.payments.get_mut(&paid)) {
            payment.refunded = seen.refunded;
        }
    }

    /// The time of all that is held and unpaid passes. What is being paid waits for its outcome.
    pub fn pass_time(&mut self, by: i64) {
        self.ahead += by;
        let held = self.holds.values().filter(|(hold, _)| hold.state == hold::State::Active);
        for id in held.map(|(hold, _)| hold.id).collect::<Vec<_>>() {
            self.end_hold(id, hold::State::Expired);
            self.free_hold(id);
        }
        let unpaid = self.bookings.values().map(|booking| &booking.seen);
        let unpaid = unpaid.filter(|seen| seen.state == booking::State::Pending);
        for (id, hold) in unpaid.map(|seen| (seen.id, seen.hold)).collect::<Vec<_>>() {
            self.advance(id, booking::State::Expired);
            self.free_hold(hold);
        }
    }
}

/// How things are once everything that was begun to be paid is.
impl From<Platform> for Truth {
    fn from(mut platform: Platform) -> Self {
        for id in platform.payments.keys().copied().collect::<Vec<_>>() {
            platform.settle(id);
        }
        let holds = platform.holds.into_iter().map(|(id, (seen, create_micros))| {
            let HoldSeen { state, seats, standing, expire_micros, .. } = seen;
            let (seats, standing) = (seats.into_iter().collect(), i64::from(standing));
            (id, TrueHold { state, seats, standing, create_micros, expire_micros })
        });
        let mut payments = HashMap::new();
        let mut ledger = Vec::new();
        for (id, (seen, _)) in platform.payments {
            let PaymentSeen { booking, state, amount, refunded, .. } = seen;
            let (ours, theirs) = match state {
                payment::State::Succeeded => ("SUCCEEDED", "CAPTURED"),
                _ => ("FAILED", "DECLINED"),
            };
            payments.insert(id, TruePayment { booking, state: ours.into(), amount, refunded });
            ledger.push(LedgerLine {
                payment_id: id,
                state: theirs.into(),
                currency_code: "EUR".into(),
                amount_minor: amount,
                refunded_minor: refunded,
            });
        }
        let bookings = platform.bookings.into_iter();
        let bookings = bookings.map(|(id, booking)| (id, true_booking(booking)));
        Self {
            bookings: bookings.collect(),
            payments,
            ledger,
            standing: STANDING,
            holds: holds.collect(),
            blocked: HashSet::new(),
            hold_life_max_micros: Some(TTL_MICROS),
            places_per_buyer_max: Some(PLACES_PER_BUYER_MAX),
        }
    }
}

fn true_booking(Booking { seen, places, paid }: Booking) -> TrueBooking {
    let tickets = places.iter().filter(|_| paid.is_some()).map(|place| {
        let state = match place {
            Place { is_returned: true, .. } => "VOID",
            Place { is_used: true, .. } => "USED",
            _ => "VALID",
        };
        let (id, entries) = (place.id, i64::from(place.is_used));
        TrueTicket { id, place: place.id, state: state.to_owned(), entries }
    });
    let tickets = tickets.collect();
    let place = |place: Place| {
        let Place { id, seat, is_returned, .. } = place;
        BookedPlace { id, seat, price: PRICE, is_returned }
    };
    TrueBooking { state: seen.state, places: places.into_iter().map(place).collect(), tickets }
}
