//! The search of logs for secrets itself: it finds what is planted, and nothing else.

use boxoffice_tests::{ADMIN, PASSWORD, SECRET, leaks, search_logs};

/// A line of a log with something in it.
fn line(secret: &str) -> String {
    format!("2026-01-01T00:00:00.000001Z  WARN boxoffice: unavailable what=\"{secret}\"")
}

#[test]
fn every_kind_of_secret_is_found() {
    let token = format!("eyJ{}.eyJ{}.{}", "a1B2".repeat(8), "c3D4".repeat(8), "e5-_".repeat(8));
    for (secret, kind) in [
        ("a canary of this test", "a secret of the test"),
        (PASSWORD, "a secret of the test"),
        (SECRET, "a secret of the test"),
        (ADMIN, "a secret of the test"),
        ("somebody@shop.example", "an e-mail address"),
        ("some.body+tickets@mail.shop.example.", "an e-mail address"),
        (&format!("bor_{}", "x".repeat(43)), "a refresh token"),
        (&format!("bov_{}", "x".repeat(40)), "a token of a mail"),
        (&format!("bop_{}", "x".repeat(40)), "a token of a mail"),
        (&token, "an access token"),
        (&format!("Bearer {token}"), "an authorization"),
        ("tok_success", "the token of a card"),
    ] {
        let text = format!("{}\n{}\n", line("harmless"), line(secret));
        let found = leaks("server.log", &text, &["a canary of this test".to_owned()]);
        assert!(found.iter().any(|leak| leak.kind == kind), "{secret} is not found: {found:?}");
        for leak in found {
            assert_eq!((leak.place.as_str(), leak.line), ("server.log", 2));
            assert!(!leak.to_string().contains(secret), "the finding tells the secret: {leak}");
        }
    }
}

#[test]
fn what_is_no_secret_is_not_found() {
    for harmless in [
        "postgres://postgres@127.0.0.1:20123/boxoffice_0",
        "evt_0199a3b4 usr_0199 bkg_0199 request_id=5d0c",
        "the token has expired; token_expire_time=1796000000000000",
        "tokio::runtime tokens=3 keyJournal @ 5@x bor_ tok_",
        "select token_hash from identity_refresh_token where email = $1",
    ] {
        assert_eq!(leaks("server.log", &line(harmless), &[]), [], "{harmless}");
    }
}

#[test]
fn every_log_of_a_folder_is_searched_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("it is written");
    };
    write("boxoffice.db", &line("somebody@shop.example"));
    write("server.log", &line("nothing"));
    assert_eq!(search_logs(folder.path(), &[]), []);
    write("sandbox.log", &line("tok_success"));
    let found = search_logs(folder.path(), &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, "sandbox.log");
}
