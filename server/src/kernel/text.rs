//! Text as people write it, and text for searching.

use std::ops::RangeInclusive;

/// Bytes of an e-mail address at the most (RFC 5321, 4.5.3.1.3, without the brackets).
const EMAIL_BYTES_MAX: usize = 254;

/// One line of text without the white space around it; `None` unless all of it is printable and
/// its number of characters is within the range.
pub fn line(text: &str, length: RangeInclusive<usize>) -> Option<String> {
    clean(text, length, |_| false)
}

/// As [`line`], but line breaks and tabs may stand within it.
pub fn paragraphs(text: &str, length: RangeInclusive<usize>) -> Option<String> {
    clean(text, length, |character| matches!(character, '\n' | '\t'))
}

fn clean(text: &str, length: RangeInclusive<usize>, is_layout: fn(char) -> bool) -> Option<String> {
    let text = text.trim();
    let fits = length.contains(&text.chars().count());
    // These two are breaks as well, of lines and of paragraphs, and no control characters.
    let breaks = |c: char| matches!(c, '\u{2028}' | '\u{2029}');
    let printable = !text.chars().any(|c| (c.is_control() || breaks(c)) && !is_layout(c));
    (fits && printable).then(|| text.to_owned())
}

/// An e-mail address without the white space around it; `None` unless mail can be sent to it, as
/// far as its form tells. What the mailer would not take is refused here, by the same parser; and
/// quoted names with blanks or commas, which other systems stumble over.
pub fn email_address(text: &str) -> Option<String> {
    let text = text.trim();
    let plain =
        !text.chars().any(|c| c.is_whitespace() || matches!(c, ',' | '"') || c.is_control());
    let taken = plain && text.len() <= EMAIL_BYTES_MAX && text.parse::<lettre::Address>().is_ok();
    taken.then(|| text.to_owned())
}

/// Folds text for comparison: lower case, accents of Latin letters dropped, white space and
/// punctuation as single blanks. Both what is stored and what is looked for go through it.
pub fn search_key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for character in text.chars().flat_map(char::to_lowercase) {
        match plain_letters(character) {
            Some(letters) => key.push_str(letters),
            None if character.is_alphanumeric() => key.push(character),
            None if !key.is_empty() && !key.ends_with(' ') => key.push(' '),
            None => {}
        }
    }
    key.truncate(key.trim_end().len());
    key
}

/// A LIKE pattern (escape character `\`) that finds `word` anywhere.
pub fn like_pattern(word: &str) -> String {
    let mut pattern = String::from("%");
    for character in word.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

fn plain_letters(character: char) -> Option<&'static str> {
    Some(match character {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => "e",
        'ğ' => "g",
        'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => "i",
        'ł' | 'ľ' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' | 'ő' => "o",
        'ŕ' | 'ř' => "r",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ß' => "ss",
        'ť' | 'ț' | 'ţ' => "t",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' | 'ů' | 'ű' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ž' | 'ż' => "z",
        'æ' => "ae",
        'œ' => "oe",
        // Combining marks, so that decomposed letters fold like composed ones.
        '\u{300}'..='\u{36f}' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_punctuation_do_not_count() {
        assert_eq!(search_key("  Zürich, Opéra!  "), "zurich opera");
        assert_eq!(search_key("ŁÓDŹ"), "lodz");
        assert_eq!(search_key("e\u{301}te\u{301}"), "ete");
        assert_eq!(search_key("…"), "");
    }

    #[test]
    fn control_characters_are_refused_and_line_breaks_only_where_there_is_one_line() {
        assert_eq!(line("  Stalls ", 1..=6), Some("Stalls".to_owned()));
        assert_eq!(line("a\nb", 1..=9), None);
        assert_eq!(paragraphs("a\nb", 1..=9), Some("a\nb".to_owned()));
        for wrong in ["a\0b", "a\u{7f}b", "a\rb"] {
            assert_eq!(paragraphs(wrong, 1..=9), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_length_counts_characters_not_bytes() {
        assert_eq!(line("éé", 1..=2), Some("éé".to_owned()));
        assert_eq!(line("   ", 1..=2), None);
        assert_eq!(line("abc", 1..=2), None);
    }

    #[test]
    fn wildcards_lose_their_meaning() {
        assert_eq!(like_pattern(r"50%_\"), r"%50\%\_\\%");
    }
}
