use super::*;
use crate::kernel::id::GuestId;
use crate::kernel::limits::{PAY_BY_SPAN, SETTLE_BY_SPAN};
use crate::kernel::money::Currency;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn payment() -> Payment {
    let new = NewPayment {
        payment_id: PaymentId::new(NOW, [1; 10]),
        booking_id: BookingId::new(NOW, [2; 10]),
        event_id: EventId::new(NOW, [3; 10]),
        session: SessionId::Guest(GuestId::new(NOW, [4; 10])),
        amount: Money { currency: Currency::parse("EUR").unwrap(), minor: 500 },
        method: PaymentMethod::Card,
        payment_token: "tok_success".into(),
    };
    Payment::begin(new, NOW)
}

fn succeeded() -> ChargeOutcome {
    ChargeOutcome::Succeeded { gateway_reference: "ref".into() }
}

fn requires_action() -> ChargeOutcome {
    ChargeOutcome::RequiresAction { redirect_url: "https://bank.example".into() }
}

#[test]
fn an_action_is_answered_once_and_not_forgotten_when_the_gateway_is_silent() {
    let mut payment = payment();
    assert!(payment.answer_action("succeed".into(), NOW).is_err());
    let fact = payment.hear(&requires_action(), NOW).unwrap().0;
    assert_eq!((fact, payment.state.is_open()), (PaymentFact::RequiresAction, true));
    assert_eq!(payment.hear(&ChargeOutcome::Unknown, NOW), None);
    assert_eq!(payment.hear(&requires_action(), NOW), None);
    assert_eq!(payment.action_url, "https://bank.example");
    payment.answer_action("succeed".into(), NOW).unwrap();
    assert!(payment.answer_action("decline".into(), NOW).is_err());
    let (fact, _) = payment.hear(&succeeded(), NOW).unwrap();
    assert_eq!((fact, payment.action_url.as_str()), (PaymentFact::Succeeded, ""));
}

#[test]
fn parts_are_given_back_until_nothing_is_left() {
    let mut payment = payment();
    payment.hear(&succeeded(), NOW).unwrap();
    let wanted = |number: u8, minor| RefundWanted {
        refund_id: RefundId::new(NOW, [number; 10]),
        minor,
        cause: "organizer".into(),
        reason: "a storm".into(),
    };
    assert_eq!(payment.refund_part(wanted(1, 200), NOW).unwrap().amount.minor, 200);
    assert!(payment.refund_part(wanted(2, 0), NOW).is_none());
    assert_eq!(payment.refund_part(wanted(3, 400), NOW).unwrap().amount.minor, 300);
    assert!(payment.refund_part(wanted(4, 1), NOW).is_none());
    assert!(payment.refund("second_capture", NOW).is_none());
    assert_eq!(payment.refunded_minor, 500);
}

#[test]
fn a_late_failure_never_undoes_a_success() {
    let mut payment = payment();
    payment.hear(&succeeded(), NOW).unwrap();
    let late = [
        ChargeOutcome::Failed { failure_code: FailureCode::CardDeclined },
        ChargeOutcome::Canceled,
        requires_action(),
        ChargeOutcome::Unknown,
        succeeded(),
    ];
    for outcome in late {
        assert_eq!(payment.hear(&outcome, NOW), None);
        assert_eq!(payment.state, PaymentState::Succeeded);
    }
}

#[test]
fn an_unknown_outcome_is_asked_about_with_growing_pauses_and_told_once() {
    let mut payment = payment();
    assert_eq!(payment.hear(&ChargeOutcome::Unknown, NOW), Some((PaymentFact::Unknown, None)));
    assert_eq!(payment.next_ask_time, Some(NOW + Duration::from_secs(1)));
    assert_eq!(payment.hear(&ChargeOutcome::Unknown, NOW), None);
    assert_eq!(payment.next_ask_time, Some(NOW + Duration::from_secs(2)));
    let (fact, _) = payment.hear(&succeeded(), NOW).unwrap();
    assert_eq!((fact, payment.next_ask_time), (PaymentFact::Succeeded, None));
}

#[test]
fn money_is_given_back_once_and_only_if_it_was_taken() {
    let mut payment = payment();
    assert!(payment.refund("second_capture", NOW).is_none());
    payment.hear(&succeeded(), NOW).unwrap();
    let refund = payment.refund("second_capture", NOW).unwrap();
    assert_eq!(refund.amount.minor, 500);
    assert!(payment.refund("second_capture", NOW).is_none());
}

#[test]
fn nobody_waits_long_for_what_is_awaited_and_what_is_not_is_asked_about_once_an_hour() {
    let awaited: Duration = (0..GATEWAY_PATIENT_ASKS).map(pause).sum();
    assert!((0..GATEWAY_PATIENT_ASKS).all(|count| pause(count) <= GATEWAY_PAUSE_MAX));
    assert!(awaited >= PAY_BY_SPAN + SETTLE_BY_SPAN, "{awaited:?}");
    assert_eq!(pause(GATEWAY_PATIENT_ASKS), GATEWAY_PAUSE_MAX * 2);
    assert_eq!((pause(200), pause(u32::MAX)), (GATEWAY_LONG_PAUSE_MAX, GATEWAY_LONG_PAUSE_MAX));
}
