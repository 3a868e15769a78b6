//! What a buyer can show at the gate without anything but the mail.

use std::collections::BTreeSet;

use boxoffice_sdk::booking::v1::booking;
use boxoffice_tests::{StagePlan, World, scenarios};
use mail_parser::{MessageParser, MimeHeaders};
use tiny_skia::Pixmap;

use crate::tickets::scanned;

scenarios! {
    async fn s_51_the_mail_of_a_booking_shows_the_code_of_each_ticket(world: &World) {
        let stage = world.stage(StagePlan { standing: 5, ..StagePlan::default() }).await;
        let buyer = world.guest().await;
        let wish = [(stage.standing.as_str(), 1)];
        let seats = [stage.seat(0), stage.seat(1)];
        let hold = buyer.hold_places(&stage.event_id, &seats, &wish).await.expect("free");
        let booking = buyer.book(&hold).await.expect("the hold is good");
        buyer.pay(&booking, "tok_success").await.expect("it is paid");
        buyer.wait_for(&booking, booking::State::Confirmed).await;
        let sent = "select count(*) from notification_notification
            where kind = 'BOOKING_CONFIRMED' and state = 'SENT'";
        world.database.wait_by_hand(sent, |count| count == 1).await;
        let folder = std::fs::read_dir(world.folder.path().join("mails")).expect("the mails");
        let mails = folder.map(|entry| std::fs::read(entry.expect("an entry").path()).expect("it"));
        let mails: Vec<Vec<u8>> = mails.collect();
        let mail = mails.iter().find_map(|mail| {
            let mail = MessageParser::default().parse(mail)?;
            let is_it = mail.subject().is_some_and(|subject| subject.starts_with("Your tickets"));
            is_it.then_some(mail)
        });
        let mail = mail.expect("the mail of the booking");
        let html = mail.body_html(0).expect("HTML").into_owned();
        let tickets = buyer.tickets_of(&booking).await;
        assert_eq!(tickets.len(), 3);
        let mut shown = BTreeSet::new();
        for image in mail.attachments() {
            let name = image.content_id().expect("a name");
            assert!(html.contains(&format!("cid:{name}")), "{name} is shown");
            let picture = Pixmap::decode_png(image.contents()).expect("a PNG");
            let ticket = tickets.iter().find(|ticket| ticket.ticket_id == name).expect("a ticket");
            assert_eq!(scanned(&picture), [ticket.code.as_str()]);
            shown.insert(name.to_owned());
        }
        assert_eq!(shown.len(), 3, "one each");
        assert!(html.contains("Standing") && html.contains("Stalls / A / 1"), "{html}");
    }
}
