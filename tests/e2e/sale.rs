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
}
