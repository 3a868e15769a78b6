//! Text for searching.

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
    fn wildcards_lose_their_meaning() {
        assert_eq!(like_pattern(r"50%_\"), r"%50\%\_\\%");
    }
}
