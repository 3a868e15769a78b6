use super::*;

/// The kinds that say what may no longer be so, and the states in which they still say the truth.
#[test]
fn mails_are_written_only_while_what_they_say_is_so() {
    use BookingState::{AwaitingPayment, Confirmed, Expired, Failed, Pending};
    let unpaid = [Pending, AwaitingPayment, Failed, Expired];
    for (kind, states) in [
        (Kind::BookingConfirmed, &[Confirmed][..]),
        (Kind::PaymentFailed, &unpaid[..]),
        (Kind::BookingFailed, &unpaid[..]),
        (Kind::BookingExpired, &unpaid[..]),
        (Kind::BookingCancelled, &BookingState::ALL[..]),
        (Kind::PlacesReturned, &BookingState::ALL[..]),
        (Kind::RefundSucceeded, &BookingState::ALL[..]),
    ] {
        for state in BookingState::ALL {
            assert_eq!(is_still_so(kind, state), states.contains(&state), "{kind:?} {state:?}");
        }
    }
}
