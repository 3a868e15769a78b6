//! Which events a list shows.

use super::faults::Faults;
use crate::kernel::id::UserId;
use crate::kernel::text::{like_pattern, search_key};
use crate::kernel::time::Timestamp;

/// Words one search may have at the most.
pub const SEARCH_WORDS_MAX: usize = 8;
/// Characters of a filter at the most.
const FILTER_LENGTH_MAX: usize = 200;

/// Whose events, and in which states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's that are published and have not ended.
    OnSale,
    /// This organizer's that are published and have not ended.
    OnSaleOf(UserId),
    /// This organizer's, in every state, past ones too.
    Of(UserId),
}

/// What a list of events is asked for; nothing of it has been checked. Empty text filters nothing.
#[derive(Clone, Debug, Default)]
pub struct FilterPlan {
    /// The city, letter case and accents aside.
    pub city: String,
    /// The category, letter case aside.
    pub category: String,
    /// The tag, letter case aside.
    pub tag: String,
    /// Words that must all be there.
    pub text: String,
    /// The earliest start.
    pub start_time_from: Option<Timestamp>,
    /// The end of the range of starts; not in it.
    pub start_time_before: Option<Timestamp>,
}

/// A filter over events, its words folded as the stored ones are.
#[derive(Clone, Debug)]
pub struct EventFilter {
    pub(in crate::catalog) city_key: String,
    pub(in crate::catalog) category_key: String,
    pub(in crate::catalog) tag_pattern: String,
    pub(in crate::catalog) patterns: [String; SEARCH_WORDS_MAX],
    pub(in crate::catalog) start_time_from: Timestamp,
    pub(in crate::catalog) start_time_before: Timestamp,
}

impl EventFilter {
    /// Checks what was asked for; all faults are named, by the paths of ListEvents' fields.
    pub fn parse(plan: &FilterPlan) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let city = faults.line("city", &plan.city, 0..=FILTER_LENGTH_MAX);
        let category = faults.line("category", &plan.category, 0..=FILTER_LENGTH_MAX);
        let tag = faults.line("tag", &plan.tag, 0..=FILTER_LENGTH_MAX);
        // No tag is a pattern that everything matches.
        let tag = if tag.is_empty() { tag } else { format!("\n{}\n", folded(&tag)) };
        let text = search_key(&faults.line("text", &plan.text, 0..=FILTER_LENGTH_MAX));
        let mut words = text.split_whitespace();
        // A word that is not there is a pattern that everything matches.
        let patterns = std::array::from_fn(|_| like_pattern(words.next().unwrap_or_default()));
        if words.next().is_some() {
            faults.note("text", format!("must be {SEARCH_WORDS_MAX} words at the most"));
        }
        faults.or(Self {
            city_key: search_key(&city),
            category_key: folded(&category),
            tag_pattern: like_pattern(&tag),
            patterns,
            start_time_from: plan.start_time_from.unwrap_or(Timestamp::from_micros(i64::MIN)),
            start_time_before: plan.start_time_before.unwrap_or(Timestamp::from_micros(i64::MAX)),
        })
    }
}

/// A category or tag for comparison: letter case does not count.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// Tags for comparison. A line break stands before and after each, so that none is found within
/// another; tags themselves have none.
pub(super) fn tags_key(tags: &[String]) -> String {
    let mut key = String::new();
    for tag in tags {
        key.push('\n');
        key.push_str(&folded(tag));
    }
    if !key.is_empty() {
        key.push('\n');
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Result<EventFilter, Faults> {
        EventFilter::parse(&FilterPlan { text: text.to_owned(), ..FilterPlan::default() })
    }

    #[test]
    fn every_word_is_a_pattern_of_its_own_and_none_matches_everything() {
        let Ok(found) = filter(" Zürich,  OPÉRA ") else { panic!("two words") };
        assert_eq!(found.patterns[..3], ["%zurich%", "%opera%", "%%"]);
    }

    #[test]
    fn a_tag_is_found_whole_and_never_within_another() {
        let key = tags_key(&["Jazz".to_owned(), "Open air".to_owned()]);
        assert_eq!(key, "\njazz\nopen air\n");
        let pattern = |tag: &str| {
            let plan = FilterPlan { tag: tag.to_owned(), ..FilterPlan::default() };
            EventFilter::parse(&plan).map(|filter| filter.tag_pattern).unwrap_or_default()
        };
        assert_eq!((pattern("JAZZ"), pattern("")), ("%\njazz\n%".to_owned(), "%%".to_owned()));
    }

    #[test]
    fn wildcards_and_too_many_words_find_nothing_more() {
        let Ok(found) = filter("100%_") else { panic!("one word") };
        assert_eq!(found.patterns[..2], ["%100%", "%%"]);
        assert!(filter(&"a ".repeat(8)).is_ok());
        assert!(filter(&"a ".repeat(9)).is_err());
        assert!(filter("a\0b").is_err());
        assert!(filter(&"a".repeat(201)).is_err());
    }
}
