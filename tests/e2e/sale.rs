//! The sale as it should go.

use boxoffice_sdk::booking::v1::{SeatState, booking};
use boxoffice_tests::{StagePlan, World, scenarios};

scenarios! {
    async fn s_21_four_seats_paid_once_are_four_sold_seats_and_four_tickets(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let seats: Vec<&str> = (0..4).map(|index| stage.seat(index)).collect();
        let booking = buyer.buy(&stage.event_id, &seats).await;
        assert_eq!(booking.state(), booking::State::Confirmed);
        assert_eq!(booking.total.as_ref().expect("a total").minor_units, 10_000);
        let tickets = buyer.tickets_of(&booking).await;
        assert_eq!(tickets.len(), 4);
        // Long after every hold would have ended, they are still sold.
        world.clock.advance(std::time::Duration::from_secs(12 * 60));
        world.assert_sound().await;
        let states = stage.states(&buyer).await;
        for seat in seats {
            assert_eq!(states[seat], SeatState::Sold);
        }
    }

    async fn s_08_a_hold_whose_write_fails_leaves_the_seat_to_others(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let (unlucky, other) = (world.guest().await, world.guest().await);
        let seat = [stage.seat(0)];
        // The last of the tables a hold is written to is not there.
        world.database.by_hand("alter table booking_hold_seat rename to elsewhere").await;
        let failed = unlucky.hold(&stage.event_id, &seat).await.expect_err("it cannot be written");
        assert_eq!(failed.code(), boxoffice_sdk::Code::Internal);
        assert!(!failed.to_string().contains("booking_hold_seat"), "{failed}");
        world.database.by_hand("alter table elsewhere rename to booking_hold_seat").await;
        let begun = std::time::Instant::now();
        assert_eq!(stage.states(&other).await[seat[0]], SeatState::Available);
        other.hold(&stage.event_id, &seat).await.expect("it is free");
        assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    }
}
