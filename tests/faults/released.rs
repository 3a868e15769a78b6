//! What is released has none of the faults in it.

use std::collections::BTreeSet;
use std::process::Command;

use boxoffice_server::faults::{Bug, Point, VARIABLE};
use boxoffice_tests::program;

/// Which of the names stand in a program's file.
fn found<'n>(file: &str, names: &BTreeSet<&'n str>) -> BTreeSet<&'n str> {
    let mut grep = Command::new("grep");
    grep.args(["--text", "--only-matching", "--fixed-strings"]).env("LC_ALL", "C");
    for name in names {
        grep.args(["-e", name]);
    }
    let printed = grep.arg(program(file)).output().expect("grep runs").stdout;
    let printed = String::from_utf8(printed).expect("names");
    let printed: BTreeSet<&str> = printed.lines().collect();
    names.iter().copied().filter(|name| printed.contains(name)).collect()
}

#[test]
fn the_released_program_has_no_fault_in_it() {
    let bugs = Bug::ALL.iter().map(|bug| bug.name());
    let points = Point::ALL.iter().map(|point| point.name());
    let names: BTreeSet<&str> = bugs.chain(points).chain([VARIABLE]).collect();
    assert_eq!(found("boxoffice-server-faulty", &names), names, "they are looked for wrongly");
    assert_eq!(found("boxoffice-server", &names), BTreeSet::new());
}
