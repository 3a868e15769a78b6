//! What production code doesn't do, and what no code does.

use super::rust::{line_of, occurrences, scan, split_tests};
use super::source::{Finding, Source, assert_none, lines, sources};

const UNFINISHED: [&str; 3] = ["todo!", "unimplemented!", "#[ignore"];
const CARELESS: [(&str, &str); 5] = [
    (".unwrap()", "return an error, or build the value so that this cannot be"),
    (".expect(", "return an error, or build the value so that this cannot be"),
    ("panic!", "return an error"),
    ("#[allow", "use #[expect(…, reason = \"…\")]"),
    ("#![allow", "use #[expect(…, reason = \"…\")]"),
];

const SLEEPS: [&str; 2] = ["sleep(", "sleep_until("];
/// The file of `eventually`, by which tests wait.
const PATIENCE: &str = "tests/src/patience.rs";
/// What a comment says of a sleep that waits for nothing: it chooses the moment of a fault.
const CHOICE: &str = "chooses the moment";

fn find(source: &Source, code: &str, piece: &str, advice: &str) -> Vec<Finding> {
    let at = occurrences(code, piece);
    at.into_iter().map(|at| source.at(line_of(code, at), format!("`{piece}`: {advice}"))).collect()
}

fn unfinished(source: &Source) -> Vec<Finding> {
    let code = scan(&source.text).code;
    let advice = "finish it or leave it out";
    UNFINISHED.iter().flat_map(|piece| find(source, &code, piece, advice)).collect()
}

fn careless(source: &Source) -> Vec<Finding> {
    let production = ["server/src/", "sdk/", "cli/"];
    if source.is_test() || !production.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let code = split_tests(&scan(&source.text).code).0;
    CARELESS.iter().flat_map(|(piece, advice)| find(source, &code, piece, advice)).collect()
}

/// Sleeps of tests, unless a comment on the line or the one above says that it chooses the moment
/// of a fault.
fn sleeps(source: &Source) -> Vec<Finding> {
    if source.path == PATIENCE {
        return Vec::new();
    }
    let scanned = scan(&source.text);
    let tests = if source.is_test() { scanned.code } else { split_tests(&scanned.code).1 };
    let explained = |line: usize| {
        let near = |at: usize| at == line || at + 1 == line;
        scanned.comments.iter().any(|(at, comment)| near(*at) && comment.contains(CHOICE))
    };
    let advice = "wait by `eventually`, or say in a comment that it chooses the moment of a fault";
    let found = SLEEPS.iter().flat_map(|piece| find(source, &tests, piece, advice));
    found.filter(|finding| !explained(finding.line)).collect()
}

fn check(rule: fn(&Source) -> Vec<Finding>) {
    let sources = sources();
    let rust = sources.iter().filter(|source| source.is_rust());
    assert_none(&rust.flat_map(rule).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_unfinished() {
    check(unfinished);
}

#[test]
fn production_code_returns_errors() {
    check(careless);
}

#[test]
fn tests_wait_for_states_and_not_for_time() {
    check(sleeps);
}

#[test]
fn bad_habits_are_found() {
    let source = |path: &str, text: &str| Source::new(path, text);
    let text = "fn f() { todo!() }\n#[ignore = \"slow\"]\nfn g() { unimplemented!() }";
    assert_eq!(unfinished(&source("tests/e2e/a.rs", text)).len(), 3);
    let text =
        "#[allow(dead_code)]\nfn f() { a.unwrap(); }\nfn g() { b\n.expect(\"c\"); panic!() }";
    let mut found = lines(&careless(&source("server/src/a.rs", text)));
    found.sort_unstable();
    assert_eq!(found, [1, 2, 4, 4]);
    let text = "fn f() {\n  tokio::time::sleep(x).await;\n  sleep(y); // polls the state\n}";
    assert_eq!(lines(&sleeps(&source("tests/e2e/a.rs", text))), [2, 3]);
    let text = "// chooses the moment\n\nsleep(x);\n// chooses the\n// moment\nsleep_until(y);";
    assert_eq!(lines(&sleeps(&source("tests/src/a.rs", text))), [3, 6]);
    let text = "#[cfg(test)]\nmod tests {\n  fn f() { thread::sleep(x) }\n}";
    assert_eq!(lines(&sleeps(&source("server/src/a.rs", text))), [3]);
}

#[test]
fn good_habits_are_not_found() {
    let text = "#[expect(dead_code, reason = \"r\")]\nfn f() { a.unwrap_or(1); \"panic!\"; }\n\
                #[cfg(test)]\nmod tests { fn g() { a.unwrap() } }\n// todo!";
    let source = Source::new("server/src/a.rs", text);
    assert!(careless(&source).is_empty() && unfinished(&source).is_empty());
    assert!(careless(&Source::new("tests/e2e/a.rs", "a.unwrap()")).is_empty());
    let text =
        "// It chooses the moment of a kill.\nsleep(x);\n\nsleep(y); // chooses the moment, too";
    assert!(sleeps(&Source::new("tests/e2e/a.rs", text)).is_empty());
    assert!(sleeps(&Source::new("tests/src/patience.rs", "sleep(x)")).is_empty());
    assert!(sleeps(&Source::new("server/src/a.rs", "sleep(x)")).is_empty());
}
