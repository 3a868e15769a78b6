//! Which technology may be known where.

use super::rust::{line_of, occurrences, scan, split_tests};
use super::source::{Finding, Source, assert_none, lines, sources};

const WIRE: [&str; 9] = [
    "tonic",
    "tonic_health",
    "tonic_prost",
    "tonic_prost_build",
    "tonic_reflection",
    "tonic_types",
    "tonic_web",
    "boxoffice_proto",
    "prost_reflect",
];
const IMPURE: [&str; 8] = [
    "tokio",
    "async_trait",
    "SystemTime",
    "Instant::now",
    "rand::",
    "now_v7",
    "new_v4",
    "std::env",
];

fn may_know_sqlx(source: &Source) -> bool {
    let server = source.path.starts_with("server/src/");
    source.path.starts_with("tests/")
        || server && (source.stem() == "store" || source.is_below("store"))
}

fn may_know_the_wire(source: &Source) -> bool {
    let outside = ["proto/", "sdk/", "cli/", "tests/", "server/src/transport/"];
    let edge = ["grpc", "events"];
    outside.iter().any(|folder| source.path.starts_with(folder))
        || edge.iter().any(|part| source.stem() == *part || source.is_below(part))
}

/// Whether the file decides or holds values only: `domain.rs`, what is below a `domain` folder, and
/// the kernel.
fn is_pure(source: &Source) -> bool {
    let server = source.path.starts_with("server/src/");
    server && (source.stem() == "domain" || source.is_below("domain") || source.is_below("kernel"))
}

fn misplaced_knowledge(source: &Source) -> Vec<Finding> {
    let code = scan(&source.text).code;
    let production = split_tests(&code).0;
    let mut findings = Vec::new();
    let mut forbid = |code: &str, piece: &str, advice: &str| {
        for at in occurrences(code, piece) {
            findings.push(source.at(line_of(code, at), format!("`{piece}` {advice}")));
        }
    };
    if !may_know_sqlx(source) {
        forbid(&code, "sqlx", "belongs into store.rs and server/src/store/ only");
    }
    if !may_know_the_wire(source) {
        for piece in WIRE {
            forbid(&code, piece, "belongs into transport/, grpc.rs and events.rs only");
        }
    }
    if is_pure(source) && !source.is_test() {
        for piece in IMPURE {
            forbid(
                &production,
                piece,
                "has no place in pure code: take time, ids and randomness as arguments",
            );
        }
    }
    findings
}

#[test]
fn technology_stays_in_its_layer() {
    let sources = sources();
    let rust = sources.iter().filter(|source| source.is_rust());
    assert_none(&rust.flat_map(misplaced_knowledge).collect::<Vec<_>>());
}

#[test]
fn misplaced_technology_is_found() {
    let find = |path: &str, text: &str| lines(&misplaced_knowledge(&Source::new(path, text)));
    assert_eq!(find("server/src/booking/service.rs", "\nuse sqlx::Row;"), [2]);
    assert_eq!(find("server/src/main.rs", "use tonic::Status;\nuse boxoffice_proto::x;"), [1, 2]);
    assert_eq!(find("server/src/booking/domain.rs", "let a = Instant::now();"), [1]);
    assert_eq!(find("server/src/booking/domain/hold.rs", "use sqlx::Row;\nuse tonic::A;"), [1, 2]);
    assert_eq!(find("server/src/kernel/id.rs", "rand::rng();\nUuid::now_v7();"), [1, 2]);
}

#[test]
fn technology_in_its_place_is_not_found() {
    let find = |path: &str, text: &str| misplaced_knowledge(&Source::new(path, text)).len();
    assert_eq!(find("server/src/booking/store.rs", "use sqlx::Row;"), 0);
    assert_eq!(find("server/src/booking/grpc.rs", "use tonic::Status;"), 0);
    assert_eq!(find("tests/e2e/races.rs", "use sqlx::Row; use tonic::Status;"), 0);
    assert_eq!(find("server/src/kernel/time.rs", "fn f() {}\n#[cfg(test)]\nuse tokio::x;"), 0);
    assert_eq!(find("server/src/booking/domain.rs", "// tokio and sqlx\nlet operand = brand;"), 0);
}
