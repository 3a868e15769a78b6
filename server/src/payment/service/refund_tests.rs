use super::*;
use crate::kernel::id::{BookingId, EventId, GuestId};
use crate::kernel::money::{Currency, Money};
use crate::payment::domain::payment::NewPayment;
use crate::ports::gateway::{ChargeOutcome, PaymentMethod};
use crate::store::testing::TestDatabase;

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

fn euro(minor: i64) -> Money {
    Money { currency: Currency::parse("EUR").unwrap(), minor }
}

#[tokio::test]
async fn a_cancelled_booking_gets_back_exactly_what_it_says_and_once() {
    for database in TestDatabase::each().await.unwrap() {
        let new = NewPayment {
            payment_id: PaymentId::new(NOW, [1; 10]),
            booking_id: BookingId::new(NOW, [2; 10]),
            event_id: EventId::new(NOW, [3; 10]),
            session: SessionId::Guest(GuestId::new(NOW, [4; 10])),
            amount: euro(500),
            method: PaymentMethod::Card,
            payment_token: "tok_success".into(),
        };
        let mut payment = Payment::begin(new, NOW);
        payment.hear(&ChargeOutcome::Succeeded { gateway_reference: "ref".into() }, NOW).unwrap();
        let mut tx = database.store.begin().await.unwrap();
        tx.insert_payments(&[&payment]).await.unwrap();
        let cancelled = |minor| CancelledBooking {
            cause: "owner".into(),
            payment_id: payment.payment_id,
            refund: euro(minor),
        };
        let less = give_back_cancelled(&mut tx, &cancelled(501), NOW).await;
        assert!(matches!(less, Err(Error::Internal(_))), "{less:?}");
        for _ in 0..2 {
            give_back_cancelled(&mut tx, &cancelled(300), NOW).await.unwrap();
        }
        let refunds = tx.refunds_of(&BTreeSet::from([payment.payment_id])).await.unwrap();
        let amounts: Vec<i64> = refunds.values().flatten().map(|r| r.amount.minor).collect();
        assert_eq!(amounts, [300]);
        drop(tx);
        database.discard().await.unwrap();
    }
}
