//! Names say what a thing is; the words below say nothing.

use super::rust::{item_end, line_of, occurrences, scan, words};
use super::source::{Finding, Source, assert_none, lines, sources};

const BANNED: [&str; 7] = ["manager", "handler", "helper", "util", "utils", "common", "impl"];

/// The parts of a name that are written like `SeatMap`, in lower case.
fn camel_parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    if name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase) {
        for c in name.chars() {
            match parts.last_mut() {
                Some(part) if !c.is_uppercase() => part.push(c),
                _ => parts.push(c.to_lowercase().collect()),
            }
        }
    }
    parts
}

/// The empty word in a type's name, if there is one. Alone, `Common` is an adjective: a value may
/// well be called that.
fn banned_in_camel(name: &str) -> Option<&'static str> {
    let parts = camel_parts(name);
    let empty = |word: &&'static str| match *word {
        "common" => parts.len() > 1 && parts.iter().any(|part| part == word),
        _ => parts.iter().any(|part| part == word),
    };
    BANNED.into_iter().find(empty)
}

/// The empty word in the name of a file or function. `common` is empty only where it is the noun:
/// `is_common_password` means something.
fn banned_in_snake(name: &str) -> Option<&'static str> {
    let parts: Vec<&str> = name.split('_').collect();
    let empty = |word: &&'static str| match *word {
        "common" => parts.last() == Some(word),
        _ => parts.contains(word),
    };
    BANNED.into_iter().find(empty)
}

fn empty_names(source: &Source) -> Vec<Finding> {
    let advice = |name: &str, word: &str| {
        format!("`{name}` has the empty word `{word}` in it: say what it holds or does")
    };
    let mut findings = Vec::new();
    for part in source.path.split(['/', '.']) {
        if let Some(word) = banned_in_snake(part) {
            findings.push(source.at(1, advice(part, word)));
        }
    }
    let code = without_imports(&scan(&source.text).code);
    let mut declares_function = false;
    for (at, name) in words(&code) {
        let banned = match declares_function {
            true => banned_in_snake(name),
            false => banned_in_camel(name),
        };
        if let Some(word) = banned {
            findings.push(source.at(line_of(&code, at), advice(name, word)));
        }
        declares_function = name == "fn" || name == "rpc" || name == "mod";
    }
    findings
}

/// The code with blanks where it imports: what others call theirs can be given a better name there.
fn without_imports(code: &str) -> String {
    let mut kept = code.to_owned();
    for at in occurrences(code, "use") {
        let end = item_end(code, at);
        let end = code[at..end].find(';').map_or(end, |length| at + length);
        let blank = code[at..end].replace(|c: char| c.is_ascii() && c != '\n', " ");
        kept.replace_range(at..end, &blank);
    }
    kept
}

#[test]
fn no_name_is_empty_of_meaning() {
    let sources = sources();
    let named = sources.iter().filter(|source| !source.path.ends_with(".sql"));
    assert_none(&named.flat_map(empty_names).collect::<Vec<_>>());
}

#[test]
fn empty_names_are_found() {
    let find = |path: &str, text: &str| lines(&empty_names(&Source::new(path, text)));
    assert_eq!(find("server/src/a.rs", "\nstruct SeatManager;\nenum A { CommonX }"), [2, 3]);
    assert_eq!(find("server/src/a.rs", "fn seat_util() {}\nfn utils() {}"), [1, 2]);
    assert_eq!(find("server/src/utils/a.rs", ""), [1]);
    assert_eq!(find("server/src/seat_helper.rs", ""), [1]);
    assert_eq!(find("proto/a.proto", "message HoldImpl {}"), [1]);
}

#[test]
fn meaningful_names_are_not_found() {
    let text = "use axum::{Handler as _, a};\nimpl A { fn is_common_password(x: impl B) {} }\n\
                // a Manager\nconst A: &str = \"Handler\"; struct Commonwealth; \
                let helper = Weakness::Common;";
    assert!(empty_names(&Source::new("server/src/a.rs", text)).is_empty());
}
