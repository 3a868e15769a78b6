//! Migrations are numbered without gaps, and those that were applied somewhere never change.

use super::source::{Finding, Source, assert_none, lines, root, sources};
use std::fs;

const FROZEN: &str = "migrations/frozen.txt";
const ENGINES: [&str; 2] = ["sqlite", "postgres"];

/// The number of a migration and the engines that run it; nothing if its name is no such name.
fn parse_name(name: &str) -> Option<(usize, Vec<&'static str>)> {
    let mut parts = name.strip_suffix(".sql")?.split('.');
    let (number, noun) = parts.next()?.split_once('_')?;
    let named = noun.starts_with(|c: char| c.is_ascii_lowercase())
        && noun.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let engines = match parts.next() {
        None => ENGINES.to_vec(),
        Some(part) => vec![ENGINES.into_iter().find(|engine| *engine == part)?],
    };
    let complete = parts.next().is_none() && named && number.len() == 4;
    if complete { Some((number.parse().ok()?, engines)) } else { None }
}

fn misnumbered(migrations: &[&Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last = ENGINES.map(|engine| (engine, 0));
    for migration in migrations {
        let name = migration.path.trim_start_matches("migrations/");
        let Some((number, engines)) = parse_name(name) else {
            let advice = "call it NNNN_noun.sql, NNNN_noun.sqlite.sql or NNNN_noun.postgres.sql";
            findings.push(migration.at(1, advice));
            continue;
        };
        for (engine, last) in &mut last {
            if engines.contains(engine) {
                if number != *last + 1 {
                    let advice =
                        format!("{engine} has {last:04} before it: number it {:04}", *last + 1);
                    findings.push(migration.at(1, advice));
                }
                *last = number;
            }
        }
    }
    findings
}

/// FNV-1a with 64 bits: enough against accidents, and a few lines long.
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn changed(frozen: &str, migrations: &[&Source]) -> Vec<Finding> {
    let table = Source::new(FROZEN, frozen);
    let entries: Vec<(usize, &str, &str)> = (1..)
        .zip(frozen.lines())
        .filter(|(_, line)| !line.starts_with('#'))
        .filter_map(|(at, line)| line.split_once(' ').map(|(hash, file)| (at, hash, file)))
        .collect();
    let mut findings = Vec::new();
    for migration in migrations {
        let line = format!("{} {}", fingerprint(&migration.text), migration.path);
        match entries.iter().find(|(_, _, file)| *file == migration.path) {
            None => findings.push(migration.at(1, format!("add this line to {FROZEN}: {line}"))),
            Some((_, hash, _)) if line.starts_with(hash) => {}
            Some(_) => findings.push(migration.at(
                1,
                format!(
                    "it has changed, but databases that have it never run it again: write a new \
                     migration. If no database can have it yet, the line in {FROZEN} is: {line}"
                ),
            )),
        }
    }
    for (at, _, file) in entries {
        if !migrations.iter().any(|migration| migration.path == file) {
            findings
                .push(table.at(at, format!("{file} is gone, but databases have it: restore it")));
        }
    }
    findings
}

fn is_migration(source: &&Source) -> bool {
    source.path.starts_with("migrations/") && source.path.ends_with(".sql")
}

#[test]
fn migrations_are_numbered_without_gaps() {
    let sources = sources();
    assert_none(&misnumbered(&sources.iter().filter(is_migration).collect::<Vec<_>>()));
}

#[test]
fn applied_migrations_never_change() {
    let sources = sources();
    let frozen = fs::read_to_string(root().join(FROZEN)).expect("migrations/frozen.txt is there");
    assert_none(&changed(&frozen, &sources.iter().filter(is_migration).collect::<Vec<_>>()));
}

#[test]
fn wrong_numbers_are_found() {
    let find = |names: &[&str]| {
        let files: Vec<_> =
            names.iter().map(|name| Source::new(&format!("migrations/{name}"), "")).collect();
        misnumbered(&files.iter().collect::<Vec<_>>()).len()
    };
    assert_eq!(
        find(&["0001_venue.sql", "0002_a.postgres.sql", "0002_a.sqlite.sql", "0003_b.sql"]),
        0
    );
    assert_eq!(find(&["0001_venue.sql", "0003_event.sql"]), 2);
    assert_eq!(find(&["0001_venue.sql", "0002_a.sqlite.sql", "0003_b.sql"]), 1);
    assert_eq!(find(&["0001_a.sql", "0001_b.sql"]), 2);
    assert_eq!(find(&["1_a.sql", "0001-a.sql", "0001_a.mysql.sql", "0001_A.sql"]), 4);
}

#[test]
fn changed_missing_and_deleted_migrations_are_found() {
    assert_eq!(fingerprint(""), "cbf29ce484222325");
    assert_eq!(fingerprint("a"), "af63dc4c8601ec8c");
    let file = Source::new("migrations/0001_a.sql", "a");
    let find = |frozen: &str| lines(&changed(frozen, &[&file]));
    assert!(find("# why\naf63dc4c8601ec8c migrations/0001_a.sql\n").is_empty());
    assert_eq!(find("# nothing yet\n"), [1]);
    assert_eq!(find("0000000000000000 migrations/0001_a.sql\n"), [1]);
    let gone = "af63dc4c8601ec8c migrations/0001_a.sql\naf63dc4c8601ec8c migrations/0002_b.sql\n";
    assert_eq!(find(gone), [2]);
}
