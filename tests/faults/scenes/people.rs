//! Who may come in, and see what.

use boxoffice_sdk::booking::v1::GetBookingRequest;
use boxoffice_sdk::identity::v1::RefreshTokenRequest;
use boxoffice_sdk::ticket::v1::CheckInTicketRequest;
use boxoffice_tests::{Stage, StagePlan, World, request_id};

use crate::verdict::Findings;

/// Two people show the same ticket.
pub async fn two_gates(world: &World, findings: &mut Findings) {
    let organizer = world.organizer().await;
    let stage = Stage::publish(&organizer, &StagePlan::default()).await;
    let buyer = world.guest().await;
    let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
    let ticket = buyer.tickets_of(&booking).await.remove(0);
    let enter = async |gate: &str| {
        let request = CheckInTicketRequest {
            request_id: request_id(),
            event_id: stage.event_id.clone(),
            code: ticket.code.clone(),
            gate: gate.into(),
        };
        organizer.check_in_ticket(request).await
    };
    enter("north").await.expect("it is good");
    findings.unless_refused(&enter("south").await, "a ticket lets two people in");
}

/// Somebody has a token that was used, and somebody knows another one's booking.
pub async fn strangers(world: &World, findings: &mut Findings) {
    let (buyer, stranger) = (world.guest().await, world.guest().await);
    let refresh = async |token: &str| {
        let request = RefreshTokenRequest { refresh_token: token.to_owned() };
        let answer = world.anonymous().await.refresh_token(request).await?;
        Ok::<_, boxoffice_sdk::Error>(answer.tokens.expect("tokens").refresh_token)
    };
    let first = world.guest().await.tokens().expect("a sign-in").refresh_token;
    let second = refresh(&first).await.expect("it is unused");
    refresh(&second).await.expect("it is unused");
    findings.unless_refused(&refresh(&first).await, "a used refresh token works");
    let stage = world.stage(StagePlan::default()).await;
    let hold = buyer.hold(&stage.event_id, &[stage.seat(0)]).await.expect("it is free");
    let booking = buyer.book(&hold).await.expect("the hold is good");
    let request = GetBookingRequest { booking_id: booking.booking_id };
    findings.unless_refused(&stranger.get_booking(request).await, "a stranger reads a booking");
}
