//! The methods that a context's store gives to transactions are called by that context alone.

use super::contexts::{context_of, is_store};
use super::rust::{item_end, line_of, occurrences, scan, split_tests, words};
use super::source::{Finding, Source, assert_none, lines, sources};

/// The statements of all stores, each with its context.
fn statements(sources: &[Source]) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| is_store(source)) {
        let code = split_tests(&scan(&source.text).code).0;
        let context = context_of(source).unwrap_or_default();
        for at in occurrences(&code, "impl Tx") {
            let methods = words(&code[at..item_end(&code, at)]);
            let names = methods.windows(2).filter(|pair| pair[0].1 == "fn").map(|pair| pair[1].1);
            found.extend(names.map(|name| (context, name.to_owned())));
        }
    }
    found
}

fn borrowed(source: &Source, statements: &[(&'static str, String)]) -> Vec<Finding> {
    let code = split_tests(&scan(&source.text).code).0;
    let words = words(&code);
    let mut findings = Vec::new();
    for pair in words.windows(2) {
        let ((receiver_at, receiver), (at, name)) = (pair[0], pair[1]);
        let between = code[receiver_at + receiver.len()..at].trim();
        let called = code[at + name.len()..].starts_with('(');
        if receiver != "tx" || between != "." || !called {
            continue;
        }
        let owner = statements.iter().find(|(_, statement)| statement == name);
        if let Some((owner, _)) = owner.filter(|(owner, _)| context_of(source) != Some(owner)) {
            let advice = format!("`{name}` is a statement of {owner}: call {owner}::service");
            findings.push(source.at(line_of(&code, at), advice));
        }
    }
    findings
}

#[test]
fn statements_are_called_by_their_own_context() {
    let sources = sources();
    let statements = statements(&sources);
    let server = sources.iter().filter(|source| {
        source.is_rust() && source.path.starts_with("server/src/") && !source.is_test()
    });
    let findings = server.flat_map(|source| borrowed(source, &statements));
    assert_none(&findings.collect::<Vec<_>>());
}

#[test]
fn borrowed_statements_are_found() {
    let store =
        "use x;\nimpl Tx {\n    pub(crate) async fn seat_map(&mut self) {}\n}\nfn free() {}";
    let statements = statements(&[Source::new("server/src/booking/store/a.rs", store)]);
    assert_eq!(statements, [("booking", "seat_map".to_owned())]);
    let find = |path: &str, text: &str| lines(&borrowed(&Source::new(path, text), &statements));
    assert_eq!(find("server/src/catalog/service.rs", "\ntx.seat_map(id).await"), [2]);
    assert_eq!(find("server/src/workers/a.rs", "let a = tx\n    .seat_map(id)"), [2]);
    assert!(find("server/src/booking/service.rs", "tx.seat_map(id)").is_empty());
    assert!(find("server/src/catalog/service.rs", "service.seat_map(tx, id)").is_empty());
    assert!(find("server/src/catalog/service.rs", "tx.commit()").is_empty());
}
