use super::*;
use crate::adapters::database_holds::DatabaseHolds;
use crate::adapters::sandbox::SandboxGateway;
use crate::adapters::system_clock::SystemClock;
use crate::booking::service::BookingService;
use crate::kernel::id::{BookingId, EventId, PaymentId, RefundId};
use crate::kernel::limits::GATEWAY_CALLS_MAX;
use crate::kernel::money::{Currency, Money};
use crate::payment::domain::RefundState;
use crate::ports::clock::Clock;
use crate::store::Lanes;
use crate::store::testing::TestDatabase;
use crate::tasks::Tasks;

fn refund(number: usize, clock: &dyn Clock) -> Refund {
    let number = u128::try_from(number).unwrap();
    let now = clock.now();
    Refund {
        refund_id: RefundId::from(uuid::Uuid::from_u128(number)),
        payment_id: PaymentId::from(uuid::Uuid::from_u128(number)),
        booking_id: BookingId::from(uuid::Uuid::from_u128(number)),
        event_id: EventId::from(uuid::Uuid::from_u128(1)),
        state: RefundState::Pending,
        amount: Money { currency: Currency::parse("EUR").unwrap(), minor: 100 },
        cause: "organizer".into(),
        reason: String::new(),
        ask_count: 0,
        create_time: now,
        update_time: now,
    }
}

#[tokio::test]
async fn a_round_that_is_full_is_followed_by_the_next_unless_nothing_can_be_asked() {
    for database in TestDatabase::each().await.unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
        let (store, tasks) = (database.store.clone(), Tasks::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let lanes = Lanes::start(&store, &clock, &tasks);
        let holds = DatabaseHolds::new(store.clone(), lanes.clone(), Arc::clone(&clock));
        let bookings =
            BookingService::new(store.clone(), lanes.clone(), Arc::new(holds), Arc::clone(&clock));
        let gateway = SandboxGateway::open(&url, Arc::clone(&clock), Vec::new()).await.unwrap();
        let payments = PaymentService::new(
            store.clone(),
            lanes,
            bookings,
            Arc::new(gateway),
            Arc::clone(&clock),
            tasks.clone(),
        );
        let mut tx = store.begin().await.unwrap();
        let refunds: Vec<Refund> = (0..100).map(|number| refund(number, &*clock)).collect();
        let due = clock.now();
        tx.insert_refunds(&refunds, due).await.unwrap();
        tx.commit().await.unwrap();
        let all = u32::try_from(GATEWAY_CALLS_MAX).unwrap();
        let busy = payments.turns.acquire_many(all).await.unwrap();
        assert!(!payments.ask_due().await.unwrap(), "whoever cannot ask takes nothing");
        drop(busy);
        assert!(payments.ask_due().await.unwrap(), "64 of 100");
        while payments.ask_due().await.unwrap() {}
        let mut tx = store.begin().await.unwrap();
        let left = tx.take_due_refunds(due, clock.now(), 100).await.unwrap();
        assert!(left.is_empty(), "{} were neither taken nor put off", left.len());
        drop(tx);
        tasks.finish().await;
        database.discard().await.unwrap();
    }
}
