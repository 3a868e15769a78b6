//! Looks for what no log may hold.

use std::fmt;
use std::path::Path;

use crate::door::{ADMIN, PASSWORD};
use crate::process::SECRET;

/// What tests use everywhere and no server may tell.
const ALWAYS: [&str; 3] = [ADMIN, PASSWORD, SECRET];
/// What the secrets that the platform makes, and the tokens of cards, begin with, and how many
/// characters follow at the least.
const BEGINNINGS: [(&str, usize, &str); 6] = [
    ("bor_", 20, "a refresh token"),
    ("bov_", 20, "a token of a mail"),
    ("bop_", 20, "a token of a mail"),
    ("eyJ", 20, "an access token"),
    ("tok_", 3, "the token of a card"),
    ("Bearer ", 4, "an authorization"),
];
/// How much of a line is shown before what is secret in it.
const SHOWN_BEFORE: usize = 60;

/// Something secret that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// Where it was found.
    pub place: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What kind of secret it is.
    pub kind: String,
    /// What stands before it.
    pub before: String,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} after `{}`", self.place, self.line, self.kind, self.before)
    }
}

/// Searches every log in a folder, of which there must be one: for the canaries, which are secrets
/// that a test has used, and for whatever looks like a token or an e-mail address.
pub fn search_logs(folder: &Path, canaries: &[String]) -> Vec<Leak> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let (mut found, mut logs) = (Vec::new(), 0);
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let text = std::fs::read(&path).expect("a log");
            logs += 1;
            let place = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.extend(leaks(&place, &String::from_utf8_lossy(&text), canaries));
        }
    }
    assert!(logs > 0, "there is no log in {}", folder.display());
    found
}

/// The same for a text, such as what a server says of itself.
pub fn leaks(place: &str, text: &str, canaries: &[String]) -> Vec<Leak> {
    assert!(canaries.iter().all(|canary| canary.len() >= 5), "a canary that is anywhere");
    let always = ALWAYS.iter().map(|word| (*word).to_owned());
    let canaries: Vec<String> = canaries.iter().cloned().chain(always).collect();
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut note = |at: usize, kind: &str| {
            let begin = line.floor_char_boundary(at.saturating_sub(SHOWN_BEFORE));
            found.push(Leak {
                place: place.to_owned(),
                line: index + 1,
                kind: kind.to_owned(),
                before: line[begin..at].to_owned(),
            });
        };
        for canary in &canaries {
            if let Some(at) = line.find(canary.as_str()) {
                note(at, "a secret of the test");
            }
        }
        for (beginning, length, kind) in BEGINNINGS {
            if let Some(at) = find_token(line, beginning, length) {
                note(at, kind);
            }
        }
        if let Some(at) = find_email(line) {
            note(at, "an e-mail address");
        }
    }
    found
}

/// Where a word begins in this way and goes on for so long.
fn find_token(line: &str, beginning: &str, length: usize) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    line.match_indices(beginning).map(|(at, _)| at).find(|at| {
        let starts = !line[..*at].ends_with(is_part);
        let rest = &line[at + beginning.len()..];
        starts && rest.chars().take_while(|c| is_part(*c)).count() >= length
    })
}

/// Where an e-mail address begins. A host that is a number, as in a database's URL, is none.
fn find_email(line: &str) -> Option<usize> {
    let is_local = |c: char| c.is_ascii_alphanumeric() || ".+-_%".contains(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    line.match_indices('@').map(|(at, _)| at).find_map(|at| {
        let local = line[..at].chars().rev().take_while(|c| is_local(*c)).count();
        let domain = line[at + 1..].split(|c| !is_domain(c)).next().unwrap_or_default();
        let top = domain.trim_end_matches('.').rsplit_once('.').map(|(_, top)| top);
        let is_name =
            top.is_some_and(|top| top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic()));
        (local > 0 && is_name).then_some(at - local)
    })
}
