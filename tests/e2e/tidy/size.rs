//! Files, functions and lines stay short enough to be read.

use super::rust::{is_word, item_end, line_of, occurrences, scan};
use super::source::{Finding, Source, assert_none, lines, sources};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;

fn long_files(source: &Source) -> Vec<Finding> {
    let count = source.text.lines().count();
    let advice = format!(
        "{count} lines, at most {FILE_LINES_MAX}: split the file into a folder of its name, with \
         parts named for what they hold"
    );
    if count > FILE_LINES_MAX { vec![source.at(count, advice)] } else { Vec::new() }
}

fn long_lines(source: &Source) -> Vec<Finding> {
    let long =
        source.text.lines().enumerate().filter(|(_, line)| line.chars().count() > COLUMNS_MAX);
    long.map(|(index, line)| {
        let advice = format!("{} columns, at most {COLUMNS_MAX}: break it", line.chars().count());
        source.at(index + 1, advice)
    })
    .collect()
}

fn long_functions(source: &Source) -> Vec<Finding> {
    let code = scan(&source.text).code;
    let mut findings = Vec::new();
    for at in occurrences(&code, "fn") {
        let name = code[at + 2..].trim_start();
        let name = &name[..name.find(|c| !is_word(c)).unwrap_or(name.len())];
        if name.is_empty() {
            continue; // the type of a function pointer
        }
        let line = line_of(&code, at);
        let count = line_of(&code, item_end(&code, at)) - line + 1;
        if count > FUNCTION_LINES_MAX {
            findings.push(source.at(
                line,
                format!(
                    "`{name}` has {count} lines, at most {FUNCTION_LINES_MAX}: give its steps names"
                ),
            ));
        }
    }
    findings
}

#[test]
fn files_are_short() {
    assert_none(&sources().iter().flat_map(long_files).collect::<Vec<_>>());
}

#[test]
fn lines_are_short() {
    assert_none(&sources().iter().flat_map(long_lines).collect::<Vec<_>>());
}

#[test]
fn functions_are_short() {
    let sources = sources();
    let rust = sources.iter().filter(|source| source.is_rust());
    assert_none(&rust.flat_map(long_functions).collect::<Vec<_>>());
}

#[test]
fn what_is_too_long_is_found() {
    let file = |text: String| Source::new("server/src/a.rs", &text);
    assert_eq!(lines(&long_files(&file("x\n".repeat(401)))), [401]);
    assert!(long_files(&file("x\n".repeat(400))).is_empty());
    assert_eq!(lines(&long_lines(&file(format!("\n{}", "ü".repeat(101))))), [2]);
    assert!(long_lines(&file("ü".repeat(100))).is_empty());
    let function = |body: usize| {
        let body = "    let x: [u8; 2] = \"}\";\n".repeat(body);
        file(format!("type F = fn(u8);\nfn f(a: [u8; 2]) -> F {{\n{body}}}\nfn g() {{}}\n"))
    };
    assert_eq!(lines(&long_functions(&function(69))), [2]);
    assert!(long_functions(&function(68)).is_empty());
}
