//! Taking many seats off sale at once.

use std::collections::BTreeSet;

use boxoffice_sdk::catalog::v1::{BlockSeatsRequest, UnblockSeatsRequest};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{Stage, StagePlan, World, request_id, scenarios};

use crate::refusals::refused;

const BUYERS: usize = 10;
const SEATS_A_BUYER: usize = 100;

/// Asserts that a refusal tells of a thousand seats and names the first hundred of them.
fn assert_counts_all<T: std::fmt::Debug>(answer: Result<T, Error>, stage: &Stage) {
    let error = refused(answer, Code::Aborted, ErrorReason::SeatsTaken);
    assert_eq!(error.metadata()["conflict_count"], "1000");
    let named: BTreeSet<&str> = error.conflicts().iter().map(|c| c.seat_id.as_str()).collect();
    assert_eq!(named.len(), 100);
    assert!(named.iter().all(|seat| stage.seats.iter().any(|known| known == seat)));
}

scenarios! {
    async fn s_86_a_refusal_about_a_thousand_seats_can_be_read(world: &World) {
        let organizer = world.organizer().await;
        let plan = StagePlan {
            rows: BUYERS,
            seats_a_row: 100,
            places_per_buyer_max: 100,
            ..StagePlan::default()
        };
        let stage = Stage::publish(&organizer, &plan).await;
        for seats in stage.seats.chunks(SEATS_A_BUYER) {
            let seats: Vec<&str> = seats.iter().map(String::as_str).collect();
            world.guest().await.hold(&stage.event_id, &seats).await.expect("they are free");
        }
        let request = BlockSeatsRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            seat_ids: stage.seats.clone(),
        };
        assert_counts_all(organizer.block_seats(request).await, &stage);
        let request = UnblockSeatsRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            seat_ids: stage.seats.clone(),
        };
        assert_counts_all(organizer.unblock_seats(request).await, &stage);
    }
}
