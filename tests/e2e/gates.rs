//! Gates: who gets in, once, with and without a network.

use std::time::{Duration, SystemTime};

use boxoffice_sdk::ticket::v1::offline_entry_result::Outcome as Came;
use boxoffice_sdk::ticket::v1::{
    CheckIn, CheckInTicketRequest, GetTicketRequest, ListCheckInsRequest, ListEventTicketsRequest,
    OfflineEntry, OfflineEntryResult, SyncCheckInsRequest, Ticket, check_in, ticket,
};
use boxoffice_sdk::{Code, Error, ErrorReason};
use boxoffice_tests::{Backend, Person, Stage, StagePlan, World, request_id, scenarios};
use futures::future::join_all;

use crate::refusals::refused;

const GATES: usize = 50;

/// An event, its organizer, a buyer and the buyer's tickets.
struct Evening {
    organizer: Person,
    buyer: Person,
    stage: Stage,
    tickets: Vec<Ticket>,
}

async fn evening(world: &World, count: usize) -> Evening {
    let organizer = world.organizer().await;
    let stage = Stage::publish(&organizer, &StagePlan::default()).await;
    let buyer = world.guest().await;
    let seats: Vec<&str> = (0..count).map(|index| stage.seat(index)).collect();
    let booking = buyer.buy(&stage.event_id, &seats).await;
    let tickets = buyer.tickets_of(&booking).await;
    Evening { organizer, buyer, stage, tickets }
}

impl Evening {
    fn entry(&self, code: &str, gate: &str) -> CheckInTicketRequest {
        CheckInTicketRequest {
            request_id: request_id(),
            event_id: self.stage.event_id.clone(),
            code: code.into(),
            gate: gate.into(),
        }
    }

    async fn state(&self, ticket: &Ticket) -> Ticket {
        let request = GetTicketRequest { ticket_id: ticket.ticket_id.clone() };
        self.buyer.get_ticket(request).await.expect("it is the buyer's").ticket.expect("a ticket")
    }

    async fn sync(&self, entries: &[OfflineEntry]) -> Vec<OfflineEntryResult> {
        let (event_id, entries) = (self.stage.event_id.clone(), entries.to_vec());
        let request = SyncCheckInsRequest { event_id, entries };
        self.organizer.sync_check_ins(request).await.expect("they are told").results
    }

    async fn kept(&self, outcomes: &[check_in::Outcome]) -> Vec<CheckIn> {
        let request = ListCheckInsRequest {
            event_id: self.stage.event_id.clone(),
            outcomes: outcomes.iter().map(|outcome| (*outcome).into()).collect(),
            ..Default::default()
        };
        self.organizer.list_check_ins(request).await.expect("a list").check_ins
    }
}

fn offline(code: &str, gate: &str, time: SystemTime) -> OfflineEntry {
    OfflineEntry {
        request_id: request_id(),
        code: code.into(),
        gate: gate.into(),
        entry_time: Some(time.into()),
    }
}

async fn enter(person: &Person, request: CheckInTicketRequest) -> Result<CheckIn, Error> {
    Ok(person.check_in_ticket(request).await?.check_in.expect("a check-in"))
}

fn one_entered(answers: Vec<Result<CheckIn, Error>>) -> CheckIn {
    let (mut won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, GATES - 1));
    let won = won.remove(0).expect("it is one");
    for answer in lost {
        let error = refused(answer, Code::FailedPrecondition, ErrorReason::TicketUsed);
        assert_eq!(error.metadata()["gate"], won.gate);
        assert!(error.metadata()["entry_time"].ends_with('Z'));
    }
    won
}

scenarios! {
    async fn s_53_a_forged_code_is_refused_and_a_genuine_one_lets_one_person_in(world: &World) {
        let evening = evening(world, 1).await;
        let (organizer, ticket) = (&evening.organizer, &evening.tickets[0]);
        let code = &ticket.code;
        let edited = format!("{}{}", &code[..60], code[60..].replacen('A', "B", 1));
        let swapped = code.replace("BO1.", "BO2.");
        for forged in [edited.as_str(), &swapped, &code[1..], "BO1.AAAA.AAAA", "a ticket, honest"] {
            assert_ne!(forged, code);
            let answer = enter(organizer, evening.entry(forged, "north")).await;
            refused(answer, Code::InvalidArgument, ErrorReason::TicketCodeInvalid);
        }
        let request = evening.entry(code, "north");
        let entry = enter(organizer, request.clone()).await.expect("it is genuine");
        assert_eq!((entry.gate.as_str(), entry.place_label.as_str()), ("north", "Stalls / A / 1"));
        assert_eq!(entry.outcome(), check_in::Outcome::Admitted);
        // The answer was lost: the same request again is the same entry.
        assert_eq!(enter(organizer, request.clone()).await.expect("a repeat"), entry);
        let another = CheckInTicketRequest { gate: "south".into(), ..request };
        let answer = enter(organizer, another).await;
        refused(answer, Code::FailedPrecondition, ErrorReason::RequestIdReused);
        // Another person with the same code is not let in, whoever tries it.
        for gate in ["north", "south"] {
            let answer = enter(&world.admin().await, evening.entry(code, gate)).await;
            let error = refused(answer, Code::FailedPrecondition, ErrorReason::TicketUsed);
            assert_eq!(error.metadata()["gate"], "north");
        }
        let used = evening.state(ticket).await;
        assert_eq!((used.state(), used.gate.as_str()), (ticket::State::Used, "north"));
        assert_eq!(used.use_time, entry.entry_time);
        assert_eq!(evening.kept(&[]).await, [entry]);
    }

    async fn s_53_of_fifty_gates_at_once_one_lets_the_holder_in(world: &World) {
        let evening = evening(world, 1).await;
        let code = &evening.tickets[0].code;
        let calls = (0..GATES).map(|number| {
            enter(&evening.organizer, evening.entry(code, &format!("gate {number}")))
        });
        let entry = one_entered(join_all(calls).await);
        assert_eq!(evening.state(&evening.tickets[0]).await.gate, entry.gate);
        assert_eq!(evening.kept(&[]).await, [entry]);
    }

    async fn s_53_gates_are_kept_by_their_events_organizer(world: &World) {
        let (evening, other) = (evening(world, 1).await, evening(world, 1).await);
        let code = &evening.tickets[0].code;
        let event_id = evening.stage.event_id.clone();
        let foreign = &other.organizer;
        let answer = enter(foreign, evening.entry(code, "north")).await;
        refused(answer, Code::NotFound, ErrorReason::NotFound);
        let entries = vec![offline(code, "north", SystemTime::now())];
        let request = SyncCheckInsRequest { event_id: event_id.clone(), entries };
        let answer = foreign.sync_check_ins(request).await;
        refused(answer, Code::NotFound, ErrorReason::NotFound);
        let request = ListCheckInsRequest { event_id: event_id.clone(), ..Default::default() };
        refused(foreign.list_check_ins(request).await, Code::NotFound, ErrorReason::NotFound);
        let request = ListEventTicketsRequest { event_id: event_id.clone(), ..Default::default() };
        refused(foreign.list_event_tickets(request).await, Code::NotFound, ErrorReason::NotFound);
        let answer = enter(&evening.buyer, evening.entry(code, "north")).await;
        refused(answer, Code::PermissionDenied, ErrorReason::RoleMissing);
        // At a gate of one's own, a ticket for another evening opens nothing.
        let answer = enter(foreign, other.entry(code, "north")).await;
        let error = refused(answer, Code::FailedPrecondition, ErrorReason::TicketOtherEvent);
        assert_eq!(error.metadata()["event_id"], event_id);
        let told = other.sync(&[offline(code, "north", SystemTime::now())]).await;
        assert_eq!(told[0].outcome(), Came::OtherEvent);
        assert_eq!(evening.state(&evening.tickets[0]).await.state(), ticket::State::Valid);
    }

    async fn s_53_of_two_gates_without_a_network_the_earlier_entry_counts(world: &World) {
        let evening = evening(world, 3).await;
        let codes: Vec<&str> = evening.tickets.iter().map(|ticket| ticket.code.as_str()).collect();
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let doors = since_1970.expect("after 1970").as_secs();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(doors + seconds);
        world.clock.advance(Duration::from_secs(600));
        let north = [offline(codes[0], "north", at(90)), offline(codes[1], "north", at(30))];
        let forged = offline("BO1.AAAA.AAAA", "south", at(1));
        let south = [offline(codes[0], "south", at(60)), offline(codes[2], "south", at(5)), forged];
        // A gate with a network let the third in, later than the other gate did.
        enter(&evening.organizer, evening.entry(codes[2], "west")).await.expect("it is genuine");

        let told = evening.sync(&north).await;
        assert!(told.iter().all(|one| one.outcome() == Came::Admitted && one.other.is_none()));
        let told = evening.sync(&south).await;
        let outcomes: Vec<Came> = told.iter().map(OfflineEntryResult::outcome).collect();
        assert_eq!(outcomes, [Came::Admitted, Came::Admitted, Came::CodeInvalid]);
        assert_eq!(told[2].check_in, None);
        for (result, before) in told.iter().zip(["north", "west"]) {
            let other = result.other.as_ref().expect("the one before");
            assert_eq!(other.gate, before);
            assert_eq!(other.outcome(), check_in::Outcome::DoubleEntry);
        }
        // A third one comes last and is no better.
        let late = [offline(codes[0], "east", at(61))];
        let told_late = evening.sync(&late).await;
        assert_eq!(told_late[0].outcome(), Came::DoubleEntry);
        let first = told_late[0].other.as_ref().expect("the one that counts");
        assert_eq!((first.gate.as_str(), first.entry_time), ("south", Some(at(60).into())));

        let used = evening.state(&evening.tickets[0]).await;
        assert_eq!((used.gate.as_str(), used.use_time), ("south", Some(at(60).into())));
        let doubles = evening.kept(&[check_in::Outcome::DoubleEntry]).await;
        let mut gates: Vec<&str> = doubles.iter().map(|entry| entry.gate.as_str()).collect();
        gates.sort_unstable();
        assert_eq!(gates, ["east", "north", "west"]);
        // Telling it all again changes nothing.
        let before = evening.kept(&[]).await;
        evening.sync(&north).await;
        evening.sync(&late).await;
        let again: Vec<Came> = evening.sync(&south).await.iter().map(|one| one.outcome()).collect();
        assert_eq!(again, outcomes);
        assert_eq!(evening.kept(&[]).await, before);
        assert_eq!(before.len(), 6);
    }

    async fn s_53_an_entry_whose_answer_was_lost_is_no_double_entry(world: &World) {
        let evening = evening(world, 1).await;
        let request = evening.entry(&evening.tickets[0].code, "north");
        let entry = enter(&evening.organizer, request.clone()).await.expect("it is genuine");
        // The gate heard nothing, let the holder in by itself, and tells of it under the same id.
        let told = OfflineEntry {
            request_id: request.request_id,
            ..offline(&request.code, "north", SystemTime::now())
        };
        let result = evening.sync(&[told]).await.remove(0);
        assert_eq!((result.outcome(), result.other.as_ref()), (Came::Admitted, None));
        assert_eq!(result.check_in, Some(entry));
    }

    async fn an_organizer_sees_who_is_in_and_a_gate_what_has_changed(world: &World) {
        let evening = evening(world, 5).await;
        let list = async |states: &[ticket::State], since, page_size| {
            let mut request = ListEventTicketsRequest {
                event_id: evening.stage.event_id.clone(),
                states: states.iter().map(|state| (*state).into()).collect(),
                changed_since: since,
                page_size,
                page_token: String::new(),
            };
            let mut tickets = Vec::new();
            loop {
                let page = evening.organizer.list_event_tickets(request.clone()).await;
                let page = page.expect("a page");
                tickets.extend(page.tickets);
                request.page_token = page.next_page_token;
                if request.page_token.is_empty() {
                    return (tickets, page.read_time);
                }
            }
        };
        let (all, read_time) = list(&[], None, 2).await;
        assert_eq!(all.len(), 5);
        assert!(all.iter().all(|ticket| ticket.offer_name.is_empty() || ticket.gate.is_empty()));
        let spent = [ticket::State::Used, ticket::State::Void];
        assert!(list(&spent, None, 50).await.0.is_empty());
        world.clock.advance(Duration::from_secs(300));
        let code = &evening.tickets[2].code;
        enter(&evening.organizer, evening.entry(code, "north")).await.expect("it is genuine");
        let (new, _) = list(&spent, read_time, 50).await;
        assert_eq!((new.len(), new[0].gate.as_str()), (1, "north"));
        assert_eq!(new[0].ticket_id, evening.tickets[2].ticket_id);
        let (_, read_time) = list(&[], None, 50).await;
        world.clock.advance(Duration::from_secs(300));
        let (_, later) = list(&spent, read_time, 50).await;
        assert!(list(&spent, later, 50).await.0.is_empty(), "nothing since");
        assert_eq!(list(&[ticket::State::Valid], None, 1).await.0.len(), 4);
    }

    async fn wrong_fields_of_entries_are_named_one_by_one(world: &World) {
        let evening = evening(world, 1).await;
        let entries = vec![
            offline(&evening.tickets[0].code, "north", SystemTime::now()),
            OfflineEntry::default(),
        ];
        let request = SyncCheckInsRequest { event_id: "evt_1".into(), entries };
        let error = evening.organizer.sync_check_ins(request).await;
        let error = refused(error, Code::InvalidArgument, ErrorReason::InvalidFields);
        let fields: Vec<&str> = error.violations().iter().map(|one| one.field.as_str()).collect();
        let wrong = ["request_id", "code", "gate", "entry_time"];
        let mut expected = vec!["event_id".to_owned()];
        expected.extend(wrong.map(|field| format!("entries[1].{field}")));
        assert_eq!(fields, expected);
        let request = SyncCheckInsRequest {
            event_id: evening.stage.event_id.clone(),
            entries: vec![offline("x", "north", SystemTime::now()); 501],
        };
        let error = evening.organizer.sync_check_ins(request).await;
        let error = refused(error, Code::InvalidArgument, ErrorReason::InvalidFields);
        assert_eq!(error.violations()[0].field, "entries");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_53_of_fifty_gates_at_two_servers_one_lets_the_holder_in() {
    let world = World::start(Backend::Postgres).await;
    let replica = world.replica().await;
    let evening = evening(&world, 1).await;
    let there = replica.same(&evening.organizer).await;
    let code = &evening.tickets[0].code;
    let calls = (0..GATES).map(|number| {
        let person = if number % 2 == 0 { &there } else { &evening.organizer };
        enter(person, evening.entry(code, &format!("gate {number}")))
    });
    one_entered(join_all(calls).await);
    replica.finish().await;
    world.finish().await;
}
