//! The table of scenarios in ARCHITECTURE.md and the tests tell the same: every test that is named
//! after a scenario stands in its row, and what a row names exists.

use super::rust::{line_of, scan, words};
use super::source::{Finding, Source, assert_none, lines, root, sources};
use std::fs;

const PAGE: &str = "ARCHITECTURE.md";
const FOLDERS: [&str; 4] = ["tests/", "server/src/", "sdk/", "cli/"];
/// A shorter beginning of a name would fit too many tests.
const BEGINNING_LENGTH_MIN: usize = 5;

/// A scenario's number: 17 and "b" of S-17b.
type Number = (u32, String);

/// A test, by its name.
struct Test {
    name: String,
    path: String,
    line: usize,
}

/// A row of the table.
struct Row {
    line: usize,
    number: Option<Number>,
    tests: Vec<String>,
    state: String,
}

fn shown((number, letter): &Number) -> String {
    format!("S-{number:02}{letter}")
}

/// What the names of a scenario's tests begin with: `s_17b_`.
fn beginning((number, letter): &Number) -> String {
    format!("s_{number:02}{letter}_")
}

/// Reads `17b`; two digits and perhaps a letter.
fn parse_number(text: &str) -> Option<Number> {
    let (digits, letter) = text.split_at_checked(2)?;
    let lettered = letter.len() <= 1 && letter.chars().all(|c| c.is_ascii_lowercase());
    let digits = digits.chars().all(|c| c.is_ascii_digit()).then_some(digits)?;
    if lettered { Some((digits.parse().ok()?, letter.to_owned())) } else { None }
}

/// The scenario that a test is named after, if it is named after one.
fn number_of(test: &str) -> Option<Number> {
    parse_number(test.strip_prefix("s_")?.split('_').next()?)
}

/// The tests of a file: functions with an attribute that says so, and those that a macro makes
/// tests of, which stand in `tests/e2e` or are named after a scenario.
fn tests_of(source: &Source) -> Vec<Test> {
    if !source.is_rust() || !FOLDERS.iter().any(|folder| source.path.starts_with(folder)) {
        return Vec::new();
    }
    let code = scan(&source.text).code;
    let mut tests = Vec::new();
    for pair in words(&code).windows(2) {
        let ((fn_at, keyword), (at, name)) = (pair[0], pair[1]);
        let before = &code[..fn_at];
        let begin = before.rfind([';', '{', '}']).map_or(0, |end| end + 1);
        let marked = before[begin..].contains("test]") || before[begin..].contains("test(");
        let made = source.path.starts_with("tests/e2e/") || number_of(name).is_some();
        if keyword == "fn" && (marked || made) {
            let line = line_of(&code, at);
            tests.push(Test { name: name.to_owned(), path: source.path.clone(), line });
        }
    }
    tests
}

/// The rows of the table: lines that begin with `| S-`.
fn rows(page: &str) -> Vec<Row> {
    let numbered = (1..).zip(page.lines()).filter(|(_, line)| line.starts_with("| S-"));
    numbered
        .map(|(line, text)| {
            let mut cells = text.trim_matches('|').split('|').map(str::trim);
            let name = cells.next().unwrap_or_default().trim_start_matches("S-");
            let tests = cells.next().unwrap_or_default().split('`').skip(1).step_by(2);
            Row {
                line,
                number: name.split(' ').next().and_then(parse_number),
                tests: tests.map(str::to_owned).collect(),
                state: cells.next().unwrap_or_default().to_owned(),
            }
        })
        .collect()
}

/// What is wrong with the table by itself: numbers, their order, and states.
fn malformed(rows: &[Row]) -> Vec<Finding> {
    let page = Source::new(PAGE, "");
    let mut findings = Vec::new();
    let mut last = None;
    for row in rows {
        let Some(number) = &row.number else {
            findings.push(page.at(row.line, "begin the row with its number: `| S-05 few words |`"));
            continue;
        };
        if last.is_some_and(|last: &Number| last >= number) {
            let advice = format!("{} comes again or too late: order the rows", shown(number));
            findings.push(page.at(row.line, advice));
        }
        last = Some(number);
        let says = |kind: &str| row.state.strip_prefix(kind).is_some_and(|rest| rest.len() > 3);
        if row.state != "done" && !says("part: ") && !says("later: ") {
            let advice = format!(
                "the state of {} is `{}`: write `done`, `part: what is missing` or `later: what \
                 it needs`",
                shown(number),
                row.state
            );
            findings.push(page.at(row.line, advice));
        }
    }
    findings
}

/// Tests that do not stand in the row of the scenario they are named after.
fn untold(tests: &[Test], rows: &[Row]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for test in tests {
        let Some(number) = number_of(&test.name) else { continue };
        let at = |advice| Finding { path: test.path.clone(), line: test.line, advice };
        let (name, wanted) = (shown(&number), beginning(&number));
        match rows.iter().find(|row| row.number.as_ref() == Some(&number)) {
            None => findings.push(at(format!(
                "add a row to the table of {PAGE}: | {name} few words | `{wanted}` | done |"
            ))),
            Some(row) if row.tests.iter().any(|known| test.name.starts_with(known)) => {}
            Some(row) => findings.push(at(format!(
                "put `{wanted}` into the second column of {name} ({PAGE}:{}), and `done` or \
                 `part: what is missing` into the third",
                row.line
            ))),
        }
    }
    findings
}

/// Rows that claim what is not there. `exists` tells whether there is a file.
fn unfounded(tests: &[Test], rows: &[Row], exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let page = Source::new(PAGE, "");
    let mut findings = Vec::new();
    for row in rows {
        let name = row.number.as_ref().map(shown).unwrap_or_default();
        let later = row.state.starts_with("later");
        if later && !row.tests.is_empty() {
            let advice = format!(
                "{name} names tests: call it `done` or `part: what is missing`, or write – there"
            );
            findings.push(page.at(row.line, advice));
        }
        if !later && row.tests.is_empty() {
            let advice =
                format!("name a test that shows {name}, or call it `later: what it needs`");
            findings.push(page.at(row.line, advice));
        }
        for known in &row.tests {
            let found = match known.contains('/') {
                true => exists(known),
                false => {
                    let fits = |test: &Test| test.name.starts_with(known.as_str());
                    known.len() >= BEGINNING_LENGTH_MIN && tests.iter().any(fits)
                }
            };
            if !found {
                let advice = format!(
                    "{name} names `{known}`, but there is none: write it, or take it out; if \
                     nothing else shows {name}, call it `later: what it needs`"
                );
                findings.push(page.at(row.line, advice));
            }
        }
    }
    findings
}

#[test]
fn the_table_of_scenarios_tells_what_the_tests_show() {
    let page = fs::read_to_string(root().join(PAGE)).expect("ARCHITECTURE.md is there");
    let rows = rows(&page);
    assert!(rows.len() > 10, "{PAGE} has a table whose rows begin with `| S-`");
    let tests: Vec<Test> = sources().iter().flat_map(tests_of).collect();
    let mut findings = malformed(&rows);
    findings.extend(untold(&tests, &rows));
    findings.extend(unfounded(&tests, &rows, |path| root().join(path).exists()));
    assert_none(&findings);
}

#[test]
fn numbers_are_read_from_names() {
    assert_eq!(number_of("s_05_one_seat"), Some((5, String::new())));
    assert_eq!(number_of("s_17b_again"), Some((17, "b".to_owned())));
    for other in ["s_5_seats", "s_105_seats", "s_17bc_x", "seats_05", "s_a5_x", "s_ü_x"] {
        assert_eq!(number_of(other), None, "{other}");
    }
    assert_eq!(
        (shown(&(5, "b".into())), beginning(&(5, "b".into()))),
        ("S-05b".into(), "s_05b_".into())
    );
}

#[test]
fn tests_are_told_from_other_functions() {
    let names = |path: &str, text: &str| {
        let tests = tests_of(&Source::new(path, text));
        tests.into_iter().map(|test| test.name).collect::<Vec<_>>()
    };
    let text = "fn a() {}\n#[test]\nfn b() {}\n#[tokio::test(flavor = \"x\")]\nasync fn c() {}\n\
                scenarios! { async fn s_05_d(world: &World) {} } // fn s_06_e() {}";
    assert_eq!(names("server/src/a.rs", text), ["b", "c", "s_05_d"]);
    assert_eq!(names("tests/e2e/a.rs", "races! { async fn f(w: &World) {} }"), ["f"]);
    assert!(names("proto/build.rs", "#[test]\nfn b() {}").is_empty());
}

#[test]
fn wrong_rows_are_found() {
    let find = |table: &str| lines(&malformed(&rows(table)));
    let good = "| S-05 a | `s_05_` | done |\n| S-05b b | – | later: words |\n";
    assert!(find(good).is_empty());
    assert_eq!(find("| S-06 a | – | later: words |\n| S-05 a | – | later: words |"), [2]);
    assert_eq!(find("| S-05 a | – | later: words |\n| S-05 a | – | later: words |"), [2]);
    assert_eq!(
        find("text\n| S-05 a | – | later |\n| S-06 a | – | ready |\n| S-x | – | done |").len(),
        3
    );
}

#[test]
fn tests_without_a_row_and_rows_without_a_test_are_found() {
    let source = Source::new("tests/e2e/a.rs", "\nfn s_05_one_seat() {}\nfn a_rule_holds() {}");
    let tests = tests_of(&source);
    let untold = |table: &str| lines(&untold(&tests, &rows(table)));
    assert!(untold("| S-05 a | `s_05_` | done |").is_empty());
    assert_eq!(untold("| S-05 a | `a_rule_` | done |"), [2]);
    assert_eq!(untold("| S-06 a | `s_05_` | done |"), [2]);
    let unfounded =
        |table: &str| lines(&unfounded(&tests, &rows(table), |path| path == "script/test"));
    assert!(
        unfounded("| S-05 a | `s_05_`, `a_rule_holds`, `script/test` | part: words |").is_empty()
    );
    assert!(unfounded("| S-06 a | – | later: words |").is_empty());
    assert_eq!(unfounded("| S-06 a | `s_06_` | done |\n| S-07 a | – | done |"), [1, 2]);
    assert_eq!(
        unfounded("| S-06 a | `s_05_` | later: words |\n| S-07 | `script/x` | done |"),
        [1, 2]
    );
    assert_eq!(unfounded("| S-06 a | `s_` | done |"), [1]);
}
