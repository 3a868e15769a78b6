use super::*;
use crate::kernel::caller::SessionId;
use crate::kernel::id::{BookingId, EventId, GuestId};
use crate::kernel::money::{Currency, Money};
use crate::kernel::time::Timestamp;
use crate::payment::domain::payment::NewPayment;
use crate::ports::gateway::{FailureCode, PaymentMethod, RefundRecord};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const LATER: Timestamp = Timestamp::from_micros(1_800_000_000_000_001);

fn euro(minor: i64) -> Money {
    Money { currency: Currency::parse("EUR").unwrap(), minor }
}

fn payment(state: PaymentState) -> Payment {
    let new = NewPayment {
        payment_id: PaymentId::new(NOW, [1; 10]),
        booking_id: BookingId::new(NOW, [2; 10]),
        event_id: EventId::new(NOW, [3; 10]),
        session: SessionId::Guest(GuestId::new(NOW, [4; 10])),
        amount: euro(500),
        method: PaymentMethod::Card,
        payment_token: "tok_success".into(),
    };
    Payment { state, ..Payment::begin(new, NOW) }
}

fn refund(state: RefundState) -> Refund {
    let payment = payment(PaymentState::Succeeded);
    Refund {
        refund_id: RefundId::new(NOW, [5; 10]),
        payment_id: payment.payment_id,
        booking_id: payment.booking_id,
        event_id: payment.event_id,
        state,
        amount: euro(200),
        cause: "organizer".into(),
        reason: String::new(),
        ask_count: 0,
        create_time: NOW,
        update_time: NOW,
    }
}

fn theirs(outcome: ChargeOutcome, minor: i64, refunds: &[RefundRecord]) -> ChargeRecord {
    ChargeRecord {
        payment_id: Some(payment(PaymentState::Pending).payment_id),
        gateway_reference: "ref".into(),
        amount: euro(minor),
        outcome,
        refunds: refunds.to_vec(),
        position: 1,
        change_time: NOW,
    }
}

fn captured() -> ChargeOutcome {
    ChargeOutcome::Succeeded { gateway_reference: "ref".into() }
}

fn kinds(compared: &Compared) -> Vec<DifferenceKind> {
    compared.differences.iter().map(|difference| difference.kind).collect()
}

#[test]
fn every_pair_of_outcomes_is_told_apart() {
    let declined = || ChargeOutcome::Failed { failure_code: FailureCode::CardDeclined };
    let action = || ChargeOutcome::RequiresAction { redirect_url: String::new() };
    let (missed, unfounded) = (DifferenceKind::OutcomeMissed, DifferenceKind::CaptureUnfounded);
    for state in PaymentState::ALL {
        for outcome in [captured(), declined(), action(), ChargeOutcome::Canceled] {
            let taken = outcome == captured();
            let over = taken || outcome == declined() || outcome == ChargeOutcome::Canceled;
            let expected = match state {
                PaymentState::Succeeded if taken => vec![],
                PaymentState::Succeeded => vec![unfounded],
                PaymentState::Failed | PaymentState::Canceled if taken => vec![missed],
                PaymentState::Failed | PaymentState::Canceled => vec![],
                _ if over => vec![missed],
                _ => vec![],
            };
            let ours = payment(state);
            let compared = compare(&theirs(outcome.clone(), 500, &[]), Some((&ours, &[])), LATER);
            assert_eq!(kinds(&compared), expected, "{state:?} {outcome:?}");
            assert_eq!(compared.hears, expected == [missed], "{state:?} {outcome:?}");
        }
    }
}

#[test]
fn what_cannot_be_settled_by_itself_changes_nothing() {
    let ours = payment(PaymentState::Pending);
    let other_amount = compare(&theirs(captured(), 501, &[]), Some((&ours, &[])), LATER);
    assert_eq!(kinds(&other_amount), [DifferenceKind::AmountDiffers]);
    let unknown = compare(&theirs(captured(), 500, &[]), None, LATER);
    assert_eq!(kinds(&unknown), [DifferenceKind::ChargeUnknown]);
    for compared in [other_amount, unknown] {
        assert!(!compared.hears && compared.done.is_empty() && !compared.differences[0].settled);
    }
}

#[test]
fn refunds_are_compared_one_by_one() {
    let ours = payment(PaymentState::Succeeded);
    let made = |minor| RefundRecord {
        refund_id: Some(refund(RefundState::Pending).refund_id),
        amount_minor: minor,
    };
    let strange = RefundRecord { refund_id: None, amount_minor: 1 };
    let compared = |state, records: &[RefundRecord]| {
        compare(&theirs(captured(), 500, records), Some((&ours, &[refund(state)])), LATER)
    };
    let missed = compared(RefundState::Pending, &[made(200)]);
    assert_eq!(kinds(&missed), [DifferenceKind::RefundMissed]);
    assert_eq!(missed.done, [refund(RefundState::Pending).refund_id]);
    assert!(kinds(&compared(RefundState::Pending, &[])).is_empty());
    assert!(kinds(&compared(RefundState::Succeeded, &[made(200)])).is_empty());
    assert_eq!(kinds(&compared(RefundState::Succeeded, &[])), [DifferenceKind::RefundUnfounded]);
    let unknown = [DifferenceKind::RefundUnknown];
    assert_eq!(kinds(&compared(RefundState::Succeeded, &[made(201)])), unknown);
    assert_eq!(kinds(&compared(RefundState::Succeeded, &[made(200), strange])), unknown);
}

#[test]
fn a_refund_of_another_amount_is_another_one() {
    let ours = payment(PaymentState::Succeeded);
    let other =
        RefundRecord { refund_id: Some(refund(RefundState::Pending).refund_id), amount_minor: 199 };
    let refunds = [refund(RefundState::Pending)];
    let compared = compare(&theirs(captured(), 500, &[other]), Some((&ours, &refunds)), LATER);
    assert_eq!(kinds(&compared), [DifferenceKind::RefundUnknown]);
    assert!(compared.done.is_empty());
}

#[test]
fn what_we_have_known_for_less_long_than_they_is_no_difference() {
    let ours = payment(PaymentState::Succeeded);
    let refunds = [refund(RefundState::Succeeded)];
    let behind = theirs(ChargeOutcome::Unknown, 500, &[]);
    let both = [DifferenceKind::CaptureUnfounded, DifferenceKind::RefundUnfounded];
    assert_eq!(kinds(&compare(&behind, Some((&ours, &refunds)), LATER)), both);
    assert_eq!(kinds(&compare(&behind, Some((&ours, &refunds)), NOW)), []);
}

#[test]
fn a_refund_that_is_not_made_is_told_of_after_a_while() {
    let ours = payment(PaymentState::Succeeded);
    let refunds = [refund(RefundState::Pending)];
    let (soon, late) = (NOW + REFUND_DURATION_MAX, LATER + REFUND_DURATION_MAX);
    let compared = |before| compare(&theirs(captured(), 500, &[]), Some((&ours, &refunds)), before);
    assert_eq!(kinds(&compared(soon)), []);
    assert_eq!(kinds(&compared(late)), [DifferenceKind::RefundOverdue]);
    assert!(!compared(late).differences[0].settled);
}
