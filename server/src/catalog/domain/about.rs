//! What an event says about itself.

use std::collections::HashSet;

use super::faults::Faults;
use super::search::folded;
use crate::kernel::text::{line, paragraphs};

/// Characters of a description at the most.
const DESCRIPTION_LENGTH_MAX: usize = 10_000;
/// Tags of an event at the most.
const TAGS_MAX: usize = 20;
/// Characters of a picture's address at the most.
const IMAGE_URL_LENGTH_MAX: usize = 2_000;

/// A description; white space around it is dropped.
pub(super) fn description(faults: &mut Faults, text: &str) -> String {
    let must = format!("must be {DESCRIPTION_LENGTH_MAX} printable characters at the most");
    let text = paragraphs(text, 0..=DESCRIPTION_LENGTH_MAX);
    faults.some("event.description", text, &must).unwrap_or_default()
}

/// Tags: no two of them differ by letter case alone.
pub(super) fn tags(faults: &mut Faults, tags: &[String]) -> Vec<String> {
    if tags.len() > TAGS_MAX {
        faults.note("event.tags", format!("must be {TAGS_MAX} at the most"));
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut clean = Vec::with_capacity(tags.len());
    for (index, tag) in tags.iter().enumerate() {
        let field = format_args!("event.tags[{index}]");
        let tag = faults.line(field, tag, 1..=30);
        if !tag.is_empty() && !seen.insert(folded(&tag)) {
            faults.note(field, "must differ from the others, letter case aside");
        }
        clean.push(tag);
    }
    clean
}

/// The address of a picture, which browsers load: nothing but http and https, so that it can't be a
/// script.
pub(super) fn image_url(faults: &mut Faults, text: &str) -> String {
    let text = text.trim();
    if text.is_empty() || is_web_address(text) {
        return text.to_owned();
    }
    let must = format!(
        "must be an http or https address of {IMAGE_URL_LENGTH_MAX} characters at the most"
    );
    faults.note("event.image_url", must);
    String::new()
}

/// By its form: a scheme, a host, and printable ASCII without blanks, quotes and the like
/// (RFC 3986 writes all else as %XX).
fn is_web_address(text: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let Some(rest) = rest else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}".contains(c);
    let named = host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[');
    let fits = line(text, 1..=IMAGE_URL_LENGTH_MAX).is_some();
    // A name or password before the host would end up on every page that shows the picture.
    fits && named && !host.contains('@') && rest.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faulty(check: impl FnOnce(&mut Faults)) -> Vec<String> {
        let mut faults = Faults::default();
        check(&mut faults);
        faults.into_violations().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn tags_are_few_short_and_different() {
        let checked = |given: &[&str]| {
            let given: Vec<String> = given.iter().map(ToString::to_string).collect();
            faulty(|faults| drop(tags(faults, &given)))
        };
        assert!(checked(&["jazz", " Open air ", "jazz trio"]).is_empty());
        assert_eq!(checked(&["Jazz", "jazz "]), ["event.tags[1]"]);
        assert_eq!(checked(&["", "a\nb", &"x".repeat(31)]).len(), 3);
        let numbers: Vec<String> = (0..=TAGS_MAX).map(|number| number.to_string()).collect();
        let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
        assert_eq!(checked(&numbers), ["event.tags"]);
        assert!(checked(&numbers[1..]).is_empty());
    }

    #[test]
    fn pictures_are_on_the_web() {
        let checked = |text: &str| faulty(|faults| drop(image_url(faults, text))).is_empty();
        for good in ["", "https://a.example/b.png?c=d#e", "HTTP://a", "http://[::1]:80/x"] {
            assert!(checked(good), "{good}");
        }
        let long = format!("https://a.example/{}", "x".repeat(IMAGE_URL_LENGTH_MAX));
        for wrong in [
            "a.png",
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "ftp://a/b",
            "https://",
            "https:///b",
            "https://a b",
            "https://a/\"onload",
            "https://user:secret@a/",
            "https://ä/",
            &long,
        ] {
            assert!(!checked(wrong), "{wrong}");
        }
    }
}
