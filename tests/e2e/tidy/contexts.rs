//! Contexts know each other in one direction, and never each other's tables.

use super::rust::{is_word, line_of, occurrences, scan, split_tests};
use super::source::{Finding, Source, assert_none, lines, sources};

/// Every context with those whose services it calls. Whatever runs the other way is an event.
const CALLS: [(&str, &[&str]); 7] = [
    ("catalog", &["booking", "identity"]),
    ("payment", &["booking", "identity"]),
    ("booking", &["ticket", "identity"]),
    ("ticket", &["identity"]),
    ("reporting", &["identity"]),
    ("notification", &["catalog", "payment", "booking", "ticket", "identity"]),
    ("identity", &[]),
];

/// The context a file of the server belongs to.
pub fn context_of(source: &Source) -> Option<&'static str> {
    let folder = source.path.strip_prefix("server/src/")?.split('/').next()?;
    CALLS.iter().map(|(context, _)| *context).find(|context| *context == folder)
}

/// Whether the file is a context's store or a part of it.
pub fn is_store(source: &Source) -> bool {
    let store = source.stem() == "store" || source.is_below("store");
    store && source.is_rust() && !source.is_test() && context_of(source).is_some()
}

/// Every path in the code that begins at `crate`, `self` or `super`, braces multiplied out, seen
/// from the root of the crate, with its line.
fn paths(source: &Source, code: &str) -> Vec<(usize, Vec<String>)> {
    let module = module_of(source);
    let mut found = Vec::new();
    for start in ["crate", "self", "super"] {
        for at in occurrences(code, start) {
            if !code[..at].trim_end().ends_with("::") {
                read_tree(code, at, &[], &mut found);
            }
        }
    }
    for (_, path) in &mut found {
        let mut absolute = module.clone();
        for part in std::mem::take(path) {
            match part.as_str() {
                "crate" => absolute.clear(),
                "self" => {}
                "super" => drop(absolute.pop()),
                _ => absolute.push(part),
            }
        }
        *path = absolute;
    }
    found
}

fn module_of(source: &Source) -> Vec<String> {
    let path = source.path.strip_prefix("server/src/").unwrap_or(&source.path);
    let mut parts: Vec<String> =
        path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if ["mod", "lib", "main"].contains(&source.stem()) {
        parts.pop();
    }
    parts
}

/// Reads the path, or the tree of paths in braces, that begins here; returns where it ends.
fn read_tree(
    code: &str,
    at: usize,
    prefix: &[String],
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let skip_space = |at: usize| code.len() - code[at..].trim_start().len();
    let mut path = prefix.to_vec();
    let start = skip_space(at);
    let mut at = start;
    loop {
        let length = code[at..].find(|c| !is_word(c)).unwrap_or(code.len() - at);
        if length > 0 {
            path.push(code[at..at + length].to_owned());
        }
        at = skip_space(at + length);
        let Some(rest) = code[at..].strip_prefix("::").map(str::trim_start) else { break };
        at = code.len() - rest.len();
        if rest.starts_with('{') {
            at += 1;
            while !code[skip_space(at)..].starts_with('}') && skip_space(at) < code.len() {
                at = read_tree(code, at, &path, found);
                // What stands between a name and the comma is `as` and a new name, or a glob.
                at += code[at..].find([',', '}']).unwrap_or(code.len() - at);
                at += usize::from(code[at..].starts_with(','));
            }
            return (skip_space(at) + 1).min(code.len());
        }
    }
    found.push((line_of(code, start), path));
    at
}

fn wrong_calls(source: &Source) -> Vec<Finding> {
    let code = split_tests(&scan(&source.text).code).0;
    let own = context_of(source);
    let mut findings = Vec::new();
    for (line, path) in paths(source, &code) {
        let Some((other, _)) =
            CALLS.iter().find(|(name, _)| path.first().is_some_and(|p| p == name))
        else {
            continue;
        };
        if own == Some(other) {
            continue;
        }
        if path.get(1).is_some_and(|part| part == "store") {
            let advice = format!("the store of {other} is {other}'s own: call {other}::service");
            findings.push(source.at(line, advice));
        }
        let Some((own, calls)) = CALLS.iter().find(|(name, _)| own == Some(name)) else { continue };
        if !calls.contains(other) {
            let advice = format!("{own} does not call {other}: what runs this way is an event");
            findings.push(source.at(line, advice));
        }
    }
    findings
}

#[test]
fn contexts_call_in_one_direction_and_leave_stores_alone() {
    let sources = sources();
    let server = sources.iter().filter(|source| {
        source.is_rust() && source.path.starts_with("server/src/") && !source.is_test()
    });
    assert_none(&server.flat_map(wrong_calls).collect::<Vec<_>>());
}

#[test]
fn wrong_calls_are_found() {
    let find = |path: &str, text: &str| {
        let mut found = lines(&wrong_calls(&Source::new(path, text)));
        found.sort_unstable();
        found
    };
    let service = "server/src/booking/service.rs";
    assert_eq!(find(service, "\nuse crate::payment::service;"), [2]);
    assert_eq!(find(service, "use crate::{error::Error,\n catalog::{self, domain}};"), [2, 2]);
    assert_eq!(find(service, "use crate::ticket::store;"), [1]);
    assert_eq!(find(service, "fn f() { super::super::ticket::store::insert() }"), [1]);
    assert_eq!(find("server/src/booking/mod.rs", "use super::payment::domain;"), [1]);
    assert_eq!(find("server/src/workers/sweeper.rs", "use crate::booking::{store, service};"), [1]);
    assert_eq!(find("server/src/identity/service.rs", "crate::booking::service::f();"), [1]);
}

#[test]
fn right_calls_are_not_found() {
    let find = |path: &str, text: &str| wrong_calls(&Source::new(path, text)).len();
    let service = "server/src/booking/service.rs";
    assert_eq!(find(service, "use super::store; use crate::booking::store::{self as s, A};"), 0);
    assert_eq!(find(service, "use crate::{identity::service as who, ticket::service::{a, b}};"), 0);
    assert_eq!(find(service, "use crate::store::Tx; // crate::payment::store"), 0);
    assert_eq!(find("server/src/app.rs", "use crate::{booking, payment::service};"), 0);
    assert_eq!(find("server/src/payment/service.rs", "use crate::booking::service;"), 0);
}
