use super::*;

fn facts() -> Facts {
    let place = |label: &str| PlaceFacts { label: label.into(), price: "25.00 EUR".into() };
    let ticket = |label: &str| TicketFacts {
        ticket_id: "tkt_0190aa".into(),
        label: label.into(),
        code: "BO1.AZ-a_0".repeat(16),
    };
    Facts {
        public_url: "https://shop.example".into(),
        name: "Ada <script>".into(),
        token: "a-token_0".into(),
        amount: Some("50.00 EUR".into()),
        reason: "The card was declined.".into(),
        booking: Some(BookingFacts {
            booking_id: "bkg_0190bb".into(),
            event: EventFacts {
                event_id: "evt_0190cc".into(),
                title: "Romeo & Julia\r\nBcc: x".into(),
                venue: "Große Halle".into(),
                city: "Graz".into(),
                when: "Saturday, 5 December 2026, 19:30".into(),
                time_zone: "Europe/Vienna".into(),
            },
            places: vec![place("Stalls / A / 1"), place("Stalls / A / 2")],
            total: "50.00 EUR".into(),
            returned: vec![place("Stalls / A / 3")],
            may_be_paid: false,
            can_be_paid: true,
            pay_by: "Saturday, 5 December 2026, 12:10".into(),
            tickets: vec![ticket("Stalls / A / 1"), ticket("Stalls / A / 2")],
        }),
    }
}

#[test]
fn every_kind_is_told_whole_in_both_forms() {
    for kind in Kind::ALL {
        let written = written(*kind, &facts()).unwrap();
        assert!(!written.subject.contains(char::is_control), "{}", written.subject);
        for form in [&written.text, &written.html] {
            assert!(!form.contains("{{") && !form.contains("{%"), "{kind:?}: {form}");
            let told = match kind {
                Kind::Welcome | Kind::PasswordReset => "token=a-token_0",
                _ => "Saturday, 5 December 2026, 19:30",
            };
            assert!(form.contains(told), "{kind:?}: {form}");
        }
        assert!(!written.text.contains("\n\n\n"), "{kind:?}: {}", written.text);
        assert!(written.text.lines().all(|line| !line.contains("<p")), "{kind:?}");
        if let Ok(folder) = std::env::var("BOXOFFICE_TEST_MAILS") {
            // For looking at them.
            let path = |ending: &str| format!("{folder}/{}.{ending}", kind.name());
            std::fs::write(path("html"), &written.html).unwrap();
            std::fs::write(path("txt"), &written.text).unwrap();
        }
    }
}

#[test]
fn what_strangers_wrote_is_text_and_no_html() {
    let html = |kind| written(kind, &facts()).unwrap().html;
    assert!(!html(Kind::Welcome).contains("<script>"));
    assert!(html(Kind::EventCancelled).contains("Romeo &#38; Julia"));
    assert!(written(Kind::EventCancelled, &facts()).unwrap().text.contains("Romeo & Julia"));
}

#[test]
fn amounts_are_told_where_money_goes_back_and_only_there() {
    let nothing_back = Facts { amount: None, ..facts() };
    for kind in [Kind::BookingCancelled, Kind::EventCancelled, Kind::PlacesReturned] {
        assert!(written(kind, &facts()).unwrap().text.contains("You get 50.00 EUR back"));
        assert!(!written(kind, &nothing_back).unwrap().text.contains("You get"));
    }
    assert!(written(Kind::RefundSucceeded, &facts()).unwrap().text.contains("50.00 EUR"));
}

#[test]
fn nobody_hears_of_having_paid_nothing_while_that_is_not_known() {
    let mut may_be_paid = facts();
    may_be_paid.booking.as_mut().unwrap().may_be_paid = true;
    for kind in [Kind::BookingExpired, Kind::BookingFailed] {
        let known = written(kind, &facts()).unwrap();
        for form in [&known.text, &known.html] {
            assert!(form.contains("You have paid nothing.") && !form.contains("after all"));
        }
        let unknown = written(kind, &may_be_paid).unwrap();
        for form in [&unknown.text, &unknown.html] {
            assert!(form.contains("a payment after all") && !form.contains("paid nothing"));
        }
    }
}

#[test]
fn returned_places_are_named_and_what_is_left_only_if_something_is() {
    let mut nothing_left = facts();
    nothing_left.booking.as_mut().unwrap().tickets.clear();
    let (some, none) =
        (written(Kind::PlacesReturned, &facts()), written(Kind::PlacesReturned, &nothing_left));
    let (some, none) = (some.unwrap(), none.unwrap());
    for form in [&some.text, &some.html] {
        assert!(form.contains("Stalls / A / 3") && form.contains("Whatever is left is yours."));
    }
    assert!(!none.text.contains("Whatever is left") && !none.html.contains("Whatever is left"));
}
