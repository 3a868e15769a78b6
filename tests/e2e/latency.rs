//! Answers leave at once.

use std::time::{Duration, Instant};

use boxoffice_tests::{StagePlan, World, scenarios};

scenarios! {
    /// A connection that waits to fill its packets adds 40 ms to every answer.
    async fn an_answer_does_not_wait_for_more_to_send(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        let mut times = Vec::new();
        for _ in 0..20 {
            let begun = Instant::now();
            buyer.look_at(&booking).await;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        // The quickest, so that a busy machine makes no difference: it would add to each of them.
        assert!(times[0] < Duration::from_millis(35), "{times:?}");
    }
}
