//! Tickets as people hold them, and as a scanner reads them.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use boxoffice_sdk::booking::v1::booking;
use boxoffice_sdk::ticket::v1::render_ticket_request::Format;
use boxoffice_sdk::ticket::v1::{
    GetVerificationKeysRequest, RenderTicketRequest, RenderTicketResponse, Ticket,
};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{Person, StagePlan, World, scenarios};
use ed25519_dalek::{Signature, Verifier, VerifyingKey};
use resvg::usvg;
use tiny_skia::{Pixmap, Transform};

use crate::refusals::refused;

/// The longest pause before a payment is asked about again, and a little.
const ASKED_AGAIN: Duration = Duration::from_secs(65);

async fn render(
    person: &Person,
    ticket: &Ticket,
    format: Format,
) -> Result<RenderTicketResponse, Error> {
    let ticket_id = ticket.ticket_id.clone();
    person.render_ticket(RenderTicketRequest { ticket_id, format: format.into() }).await
}

/// The picture that a browser would make of an SVG. Text is left out.
fn rasterised(svg: &[u8]) -> Pixmap {
    let tree = usvg::Tree::from_data(svg, &usvg::Options::default()).expect("an SVG");
    let size = tree.size().to_int_size();
    assert_eq!((size.width(), size.height()), (1_000, 400));
    let mut picture = Pixmap::new(2_000, 800).expect("a size");
    resvg::render(&tree, Transform::from_scale(2.0, 2.0), &mut picture.as_mut());
    picture
}

/// What a scanner reads in a picture.
pub fn scanned(picture: &Pixmap) -> Vec<String> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        picture.pixels()[y * width + x].green()
    });
    let codes = image.detect_grids();
    codes.iter().map(|code| code.decode().expect("it reads").1).collect()
}

/// The ids of the ticket and the event that a code names, if one of the server's keys signed it.
async fn verified(person: &Person, code: &str) -> (String, String) {
    let keys = person.get_verification_keys(GetVerificationKeysRequest {}).await.expect("keys");
    let (signed, signature) = code.rsplit_once('.').expect("a signature");
    let payload = signed.strip_prefix("BO1.").expect("our form");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("a payload");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let key = keys.keys.iter().find(|key| key.key_id == hex(&payload[..8])).expect("its key");
    let key = VerifyingKey::try_from(key.public_key.as_slice()).expect("an Ed25519 key");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("a signature");
    let signature = Signature::from_slice(&signature).expect("64 bytes");
    key.verify(signed.as_bytes(), &signature).expect("it is genuine");
    (format!("tkt_{}", hex(&payload[8..24])), format!("evt_{}", hex(&payload[24..40])))
}

scenarios! {
    async fn s_51_three_seats_are_three_tickets_each_with_a_code_that_scans(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let seats: Vec<&str> = (0..3).map(|index| stage.seat(index)).collect();
        let booking = buyer.buy(&stage.event_id, &seats).await;
        let tickets = buyer.tickets_of(&booking).await;
        let numbers: BTreeSet<&str> = tickets.iter().map(|t| t.ticket_id.as_str()).collect();
        let places: BTreeSet<&str> = tickets.iter().map(|t| t.seat_id.as_str()).collect();
        assert_eq!((numbers.len(), places), (3, seats.into_iter().collect()));
        for ticket in &tickets {
            let svg = render(&buyer, ticket, Format::Svg).await.expect("an image");
            assert_eq!(svg.media_type, "image/svg+xml");
            let text = String::from_utf8(svg.content.clone()).expect("UTF-8");
            for shown in ["Test Night", "Test Hall, Graz", &ticket.seat_label, &ticket.ticket_id] {
                assert!(text.contains(&format!(">{shown}<")), "{shown} in {text}");
            }
            assert_eq!(scanned(&rasterised(&svg.content)), [ticket.code.as_str()]);
            let png = render(&buyer, ticket, Format::Png).await.expect("an image");
            assert_eq!(png.media_type, "image/png");
            let picture = Pixmap::decode_png(&png.content).expect("a PNG");
            assert_eq!((picture.width(), picture.height()), (2_000, 800));
            assert_eq!(scanned(&picture), [ticket.code.as_str()]);
            let named = (ticket.ticket_id.clone(), stage.event_id.clone());
            assert_eq!(verified(&buyer, &ticket.code).await, named);
        }
    }

    async fn s_50_issuing_that_fails_twice_ends_with_one_ticket_a_seat(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let seats = [stage.seat(0), stage.seat(1)];
        let hold = buyer.hold(&stage.event_id, &seats).await.expect("they are free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        // Tickets cannot be written, so neither can anything else that the money brings.
        world.database.by_hand("alter table ticket_ticket rename to elsewhere").await;
        buyer.start_paying(&booking, "tok_success").await.expect("it is recorded");
        let next_ask = "select next_ask_time from payment_payment";
        for _ in 0..2 {
            let before = world.database.count_by_hand(next_ask).await;
            world.clock.advance(ASKED_AGAIN);
            world.database.wait_by_hand(next_ask, |now| now > before).await;
            let state = buyer.look_at(&booking).await.state();
            assert_eq!(state, booking::State::AwaitingPayment);
        }
        world.database.by_hand("alter table elsewhere rename to ticket_ticket").await;
        world.clock.advance(ASKED_AGAIN);
        buyer.wait_for(&booking, booking::State::Confirmed).await;
        let tickets = buyer.tickets_of(&booking).await;
        let issued: BTreeSet<&str> = tickets.iter().map(|ticket| ticket.seat_id.as_str()).collect();
        assert_eq!((tickets.len(), issued), (2, seats.into_iter().collect()));
        // Each is told of once.
        world.assert_sound().await;
        let told = "select count(*) from store_event_log where kind = 'TicketIssued'";
        assert_eq!(world.database.count_by_hand(told).await, 2);
    }

    async fn s_54_nobody_else_can_have_a_ticket_drawn(world: &World) {
        let stage = world.stage(StagePlan::default()).await;
        let owner = world.customer().await;
        let booking = owner.buy(&stage.event_id, &[stage.seat(0)]).await;
        let ticket = owner.tickets_of(&booking).await.remove(0);
        let others = [world.guest().await, world.customer().await, world.organizer().await];
        for format in [Format::Svg, Format::Png] {
            for other in &others {
                let answer = render(other, &ticket, format).await;
                refused(answer, Code::NotFound, ErrorReason::NotFound);
            }
            let answer = render(&world.anonymous().await, &ticket, format).await;
            refused(answer, Code::Unauthenticated, ErrorReason::TokenMissing);
            render(&owner, &ticket, format).await.expect("it is the owner's");
            render(&world.admin().await, &ticket, format).await.expect("an operator may");
        }
        let answer = render(&owner, &ticket, Format::Unspecified).await;
        let error = refused(answer, Code::InvalidArgument, ErrorReason::InvalidFields);
        assert_eq!(error.violations()[0].field, "format");
    }
}
