//! Every reason a call can be refused for is known to the contract and to the server.

use super::rust::{scan, words};
use super::source::{Finding, Source, assert_none, lines, sources};

const CONTRACT: &str = "proto/boxoffice/type/v1/error_reason.proto";
const SERVER: &str = "server/src/error.rs";
const PREFIX: &str = "ERROR_REASON_";

/// The server's own reasons, and the layer that adds those no rule has, such as an unknown method.
fn is_server(source: &&Source) -> bool {
    source.path == SERVER || source.path.starts_with("server/src/transport/")
}

/// `SEATS_TAKEN` as `SeatsTaken`.
fn camel(name: &str) -> String {
    let capitalise = |part: &str| part[..1].to_owned() + &part[1..].to_lowercase();
    name.split('_').filter(|part| !part.is_empty()).map(capitalise).collect()
}

fn missing(contract: &Source, server: &str) -> Vec<Finding> {
    let server = scan(server).code;
    let known: Vec<&str> = words(&server).into_iter().map(|(_, word)| word).collect();
    let mut findings = Vec::new();
    for (line, text) in (1..).zip(scan(&contract.text).code.lines()) {
        let Some(name) = text.trim().strip_prefix(PREFIX) else { continue };
        let name =
            name.split(|c: char| !c.is_ascii_uppercase() && c != '_').next().unwrap_or_default();
        let variant = camel(name);
        if name != "UNSPECIFIED" && !known.contains(&&*variant) {
            findings.push(contract.at(line, format!("add Reason::{variant} to {SERVER}")));
        }
    }
    findings
}

#[test]
fn the_server_knows_every_reason_of_the_contract() {
    let sources = sources();
    let contract = sources.iter().find(|source| source.path == CONTRACT);
    let server = sources.iter().filter(is_server).map(|source| source.text.as_str());
    let server = server.collect::<Vec<_>>().join("\n");
    assert_none(&missing(contract.expect("the contract has its reasons"), &server));
}

#[test]
fn missing_reasons_are_found() {
    let contract = Source::new(
        CONTRACT,
        "enum ErrorReason {\n  ERROR_REASON_UNSPECIFIED = 0;\n  // ERROR_REASON_OLD = 9;\n  \
         ERROR_REASON_SEATS_TAKEN = 1;\n  ERROR_REASON_NOT_FOUND = 2;\n}",
    );
    assert_eq!(lines(&missing(&contract, "enum Reason { SeatsTaken } // NotFound")), [5]);
    assert!(missing(&contract, "enum Reason { SeatsTaken, NotFound }").is_empty());
}
