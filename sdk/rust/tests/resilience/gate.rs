//! A gate whose questions are answered late or not at all.

use boxoffice_sdk::{Code, ErrorReason, Gate, Refusal, Scan};

use super::scripted::refused;
use super::start;

const CODE: &str = "BO1.AAAA.AAAA";

#[tokio::test]
async fn a_gate_asks_about_a_code_under_one_id_until_it_is_answered() {
    let (server, client) = start().await;
    let mut gate = Gate::open(&client, "evt_1", "north").await.expect("it opens");
    // What came of these is not known: the holder may be in by now.
    server.script().check_ins.push_back(refused(Code::Internal, "INTERNAL"));
    gate.scan(&client, CODE).await.expect_err("no answer");
    let kept = serde_json::to_string(&gate).expect("it is kept");
    let mut gate: Gate = serde_json::from_str(&kept).expect("it is read back");
    // Without a network it cannot tell either: it does not know the key.
    server.script().check_ins.extend((0..5).map(|_| super::scripted::unavailable(None)));
    let scan = gate.scan(&client, CODE).await.expect("it decides by itself");
    assert_eq!(scan, Scan::Refused(Refusal::CodeInvalid));
    let scan = gate.scan(&client, CODE).await.expect("an answer");
    assert!(matches!(scan, Scan::Admitted { offline: false, .. }), "{scan:?}");
    let ids = server.script().entries.clone();
    assert_eq!(ids.len(), 7);
    assert!(ids.iter().all(|id| Some(id) == ids.first()), "{ids:?}");

    // It was answered, so that whoever comes next is another entry, and so is another code.
    gate.scan(&client, CODE).await.expect("an answer");
    gate.scan(&client, "BO1.BBBB.BBBB").await.expect("an answer");
    let mut ids = server.script().entries.clone();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_gate_has_a_name_that_the_server_will_take() {
    let (_server, client) = start().await;
    for name in ["", "  ", &"n".repeat(101), "north\ndoor", "north\0"] {
        let error = Gate::open(&client, "evt_1", name).await.expect_err("no name");
        assert_eq!(error.code(), Code::InvalidArgument, "{name:?}");
        assert_eq!(error.reason(), ErrorReason::InvalidFields);
    }
    let gate = Gate::open(&client, "evt_1", " \u{fc}ber 9 ").await.expect("it opens");
    assert_eq!(gate.name(), "\u{fc}ber 9");
}
