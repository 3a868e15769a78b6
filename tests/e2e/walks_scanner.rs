//! A walk with scanners that lose their network.

use std::time::Duration;

use boxoffice_sdk::ticket::v1::offline_entry_result::Outcome;
use boxoffice_sdk::ticket::v1::{ListCheckInsRequest, OfflineEntryResult, check_in};
use boxoffice_sdk::{Client, Gate, Refusal, Scan};
use boxoffice_tests::{Person, Stage, StagePlan, World, scenarios};

/// A network that leads nowhere: nothing listens there.
async fn no_network() -> Client {
    let client = Client::connect("http://127.0.0.1:1").await.expect("an address");
    client.with_deadline(Duration::from_millis(200))
}

/// The scanner is switched off and on again.
fn restarted(gate: &Gate) -> Gate {
    let kept = serde_json::to_string(gate).expect("it is kept");
    serde_json::from_str(&kept).expect("it is read back")
}

fn admitted(place_label: &str, offline: bool) -> Scan {
    Scan::Admitted { place_label: place_label.into(), offline }
}

fn used_at(scan: Scan) -> String {
    match scan {
        Scan::Refused(Refusal::Used { gate, entry_time }) => {
            assert!(entry_time.ends_with('Z'), "{entry_time}");
            gate
        }
        other => panic!("{other:?}"),
    }
}

/// What each entry came to, and which gate the other entry was at.
fn told(results: &[OfflineEntryResult]) -> Vec<(&str, Outcome, &str)> {
    let told = results.iter().map(|result| {
        let place = result.check_in.as_ref().map_or("", |entry| &entry.place_label);
        let other = result.other.as_ref().map_or("", |entry| &entry.gate);
        (place, result.outcome(), other)
    });
    told.collect()
}

/// The gate and place of each entry that should not have been given.
async fn entries_too_many(organizer: &Person, stage: &Stage) -> Vec<(String, String)> {
    let request = ListCheckInsRequest {
        event_id: stage.event_id.clone(),
        outcomes: vec![check_in::Outcome::DoubleEntry.into()],
        ..Default::default()
    };
    let entries = organizer.list_check_ins(request).await.expect("a list").check_ins;
    entries.into_iter().map(|entry| (entry.gate, entry.place_label)).collect()
}

/// A gate without a network refuses a code that was changed, one that is none, and another event's.
async fn assert_refuses_strangers(gate: &mut Gate, lost: &Client, genuine: &str, foreign: &str) {
    let forged = genuine.replacen("BO1.A", "BO1.B", 1).replace('9', "8");
    assert_ne!(forged, genuine);
    for (code, why) in [
        (forged.as_str(), Refusal::CodeInvalid),
        ("BO1.AAAA.AAAA", Refusal::CodeInvalid),
        (foreign, Refusal::OtherEvent),
    ] {
        let scan = gate.scan(lost, code).await.expect("it decides by itself");
        assert_eq!(scan, Scan::Refused(why));
    }
}

scenarios! {
    async fn s_53_scanners_lose_their_network_and_all_is_known_afterwards(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let elsewhere = world.stage(StagePlan::default()).await;
        let buyer = world.guest().await;
        let seats: Vec<&str> = (0..3).map(|index| stage.seat(index)).collect();
        let booking = buyer.buy(&stage.event_id, &seats).await;
        let mut tickets = buyer.tickets_of(&booking).await;
        tickets.sort_by(|one, other| one.seat_label.cmp(&other.seat_label));
        let [one, two, three] = [0, 1, 2].map(|index| tickets[index].code.as_str());
        let booking = buyer.buy(&elsewhere.event_id, &[elsewhere.seat(0)]).await;
        let foreign = buyer.tickets_of(&booking).await.remove(0).code;

        // Both gates open with a network; one lets somebody in.
        let mut north = Gate::open(&organizer, &stage.event_id, "north").await.expect("it opens");
        let mut south = Gate::open(&organizer, &stage.event_id, "south").await.expect("it opens");
        let scan = north.scan(&organizer, one).await.expect("an answer");
        assert_eq!(scan, admitted("Stalls / A / 1", false));
        assert_eq!(used_at(south.scan(&organizer, one).await.expect("an answer")), "north");

        // The network is lost.
        let lost = no_network().await;
        let scan = north.scan(&lost, two).await.expect("it decides by itself");
        assert_eq!(scan, admitted("Stalls / A / 2", true));
        let mut north = restarted(&north);
        for code in [one, two] {
            assert_eq!(used_at(north.scan(&lost, code).await.expect("it knows")), "north");
        }
        assert_refuses_strangers(&mut south, &lost, two, &foreign).await;
        // What south cannot know: who came in at north meanwhile.
        for (code, place) in [(two, "Stalls / A / 2"), (three, "Stalls / A / 3")] {
            let scan = south.scan(&lost, code).await.expect("it decides by itself");
            assert_eq!(scan, admitted(place, true));
        }
        assert_eq!((north.untold_count(), south.untold_count()), (1, 2));

        // The network comes and goes. The server knows nothing of north's entry yet; north does.
        for network in [&organizer, &lost] {
            let scan = north.scan(network, two).await.expect("an answer");
            assert_eq!(used_at(scan), "north");
        }
        assert_eq!(north.untold_count(), 1);
        assert!(south.sync(&lost).await.is_err());
        assert_eq!(south.untold_count(), 2, "what was not told stays");

        // The network is back. South is faster to tell, but north was earlier.
        let kept = restarted(&south);
        let results = south.sync(&organizer).await.expect("it is told");
        let counts = Outcome::Admitted;
        let expected = [("Stalls / A / 2", counts, ""), ("Stalls / A / 3", counts, "")];
        assert_eq!(told(&results), expected);
        let results = north.sync(&organizer).await.expect("it is told");
        assert_eq!(told(&results), [("Stalls / A / 2", counts, "south")]);
        // An old copy of south's file tells it all again, and learns who was first.
        let results = restarted(&kept).sync(&organizer).await.expect("it is told");
        let double = ("Stalls / A / 2", Outcome::DoubleEntry, "north");
        assert_eq!(told(&results), [double, ("Stalls / A / 3", counts, "")]);
        assert!(south.sync(&organizer).await.expect("nothing to tell").is_empty());

        // North learns who came in at south, and the organizer of the entry too many.
        north.refresh(&organizer).await.expect("it learns");
        assert_eq!(used_at(north.scan(&lost, three).await.expect("it knows")), "south");
        let wrong = entries_too_many(&organizer, &stage).await;
        assert_eq!(wrong, [("south".to_owned(), "Stalls / A / 2".to_owned())]);
    }

    async fn s_53_a_holder_whose_answer_was_lost_gets_in_at_the_next_scan(world: &World) {
        let organizer = world.organizer().await;
        let stage = Stage::publish(&organizer, &StagePlan::default()).await;
        let buyer = world.guest().await;
        let booking = buyer.buy(&stage.event_id, &[stage.seat(0)]).await;
        let code = buyer.tickets_of(&booking).await.remove(0).code;
        let mut gate = Gate::open(&organizer, &stage.event_id, "north").await.expect("it opens");
        let mut asked = Box::pin(gate.scan(&organizer, &code));
        assert!(futures::poll!(&mut asked).is_pending(), "it is on its way");
        let entered = "select count(*) from ticket_check_in";
        world.database.wait_by_hand(entered, |count| count == 1).await;
        // The scanner is switched off before it hears the answer. It even learns that the ticket is
        // used before the holder tries again.
        drop(asked);
        let mut gate = restarted(&gate);
        gate.refresh(&organizer).await.expect("it learns");
        assert_eq!(gate.spent_count(), 1);
        let scan = gate.scan(&organizer, &code).await.expect("an answer");
        assert_eq!(scan, admitted("Stalls / A / 1", false));
        for network in [&organizer, &no_network().await.into()] {
            let scan = gate.scan(network, &code).await.expect("an answer");
            assert_eq!(used_at(scan), "north", "it was answered");
        }
        assert_eq!(gate.untold_count(), 0);
    }
}
