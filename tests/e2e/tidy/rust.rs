//! Just enough of Rust's grammar to tell code from comments, strings and tests. Protos are alike.

/// A file taken apart. `code` has the lines of the file, with blanks where comments and strings
/// were; lines count from 1.
#[derive(Default)]
pub struct Scanned {
    pub code: String,
    pub strings: Vec<(usize, String)>,
    pub comments: Vec<(usize, String)>,
}

enum Kind {
    Code,
    Text,
    Comment,
}

pub fn scan(text: &str) -> Scanned {
    let chars: Vec<char> = text.chars().collect();
    let mut scanned = Scanned::default();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let (kind, end) = token(&chars, at);
        let part: String = chars[at..end].iter().collect();
        match kind {
            Kind::Code => scanned.code.push_str(&part),
            Kind::Text | Kind::Comment => {
                scanned.code.extend(part.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            }
        }
        let line_breaks = part.matches('\n').count();
        match kind {
            Kind::Code => {}
            Kind::Text => scanned.strings.push((line, part)),
            Kind::Comment => scanned.comments.push((line, part)),
        }
        line += line_breaks;
        at = end;
    }
    scanned
}

/// The kind of the token that begins here, and where it ends.
fn token(chars: &[char], at: usize) -> (Kind, usize) {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => (Kind::Comment, find(chars, at, |c| c == '\n')),
        '/' if next == Some('*') => (Kind::Comment, block_comment_end(chars, at)),
        '"' => (Kind::Text, quoted_end(chars, at, '"')),
        '\'' if next == Some('\\') || chars.get(at + 2) == Some(&'\'') => {
            (Kind::Text, quoted_end(chars, at, '\''))
        }
        c if is_word(c) => {
            let end = find(chars, at, |c| !is_word(c));
            let word: String = chars[at..end].iter().collect();
            match raw_string_end(chars, end) {
                Some(raw_end) if ["r", "br", "cr"].contains(&&*word) => (Kind::Text, raw_end),
                _ => (Kind::Code, end),
            }
        }
        _ => (Kind::Code, at + 1),
    }
}

fn find(chars: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| wanted(*c)).map_or(chars.len(), |offset| from + offset)
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut at) = (0, at);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(chars.len())
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut at = at + 1;
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// Where the raw string ends whose hashes and quote begin here, if one does.
fn raw_string_end(chars: &[char], at: usize) -> Option<usize> {
    let quote = find(chars, at, |c| c != '#');
    let hashes = quote - at;
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let closes = |end: &usize| {
        chars[*end] == '"' && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes
    };
    Some((quote + 1..chars.len()).find(closes).map_or(chars.len(), |end| end + 1 + hashes))
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The line of a byte of the code.
pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Where a piece of code stands: not as a part of a longer word.
pub fn occurrences(code: &str, piece: &str) -> Vec<usize> {
    let starts = piece.starts_with(is_word);
    let ends = piece.ends_with(is_word);
    let whole = |at: &usize| {
        let before = code[..*at].chars().next_back();
        let after = code[at + piece.len()..].chars().next();
        !(starts && before.is_some_and(is_word) || ends && after.is_some_and(is_word))
    };
    code.match_indices(piece).map(|(at, _)| at).filter(whole).collect()
}

/// All words of the code, each with the byte it begins at.
pub fn words(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = code[at..].find(is_word) {
        let start = at + offset;
        at = code[start..].find(|c| !is_word(c)).map_or(code.len(), |length| start + length);
        found.push((start, &code[start..at]));
    }
    found
}

/// Where the item that begins here ends: at its semicolon or its closing brace.
pub fn item_end(code: &str, from: usize) -> usize {
    let (mut depth, mut braces) = (0, 0);
    for (offset, byte) in code[from..].bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' => braces += 1,
            b'}' => braces -= 1,
            _ => {}
        }
        let closes = matches!(byte, b'}' | b';') && braces == 0 && depth == 0;
        if closes || braces < 0 {
            return from + offset + 1;
        }
    }
    code.len()
}

/// The code twice, with its lines in place: without what only tests see, and only that.
pub fn split_tests(code: &str) -> (String, String) {
    let blank = |part: &str| part.replace(|c: char| c != '\n', " ");
    let (mut production, mut tests) = (String::new(), String::new());
    let mut at = 0;
    while let Some(offset) = code[at..].find("#[cfg(test)]") {
        let start = at + offset;
        let end = item_end(code, start + "#[cfg(test)]".len());
        production += &code[at..start];
        production += &blank(&code[start..end]);
        tests += &blank(&code[at..start]);
        tests += &code[start..end];
        at = end;
    }
    (production + &code[at..], tests + &blank(&code[at..]))
}

#[test]
fn comments_and_strings_are_told_from_code() {
    let text = "let a = \"{ // \\\" x\"; // y {\n/* z /* { */ */ let b = '{'; fn f<'a>(x: &'a str)";
    let scanned = scan(text);
    assert_eq!(scanned.code.matches('{').count(), 0);
    assert!(scanned.code.contains("fn f<'a>(x: &'a str)"));
    assert_eq!(scanned.strings, [(1, "\"{ // \\\" x\"".to_owned()), (2, "'{'".to_owned())]);
    assert_eq!(scanned.comments[0], (1, "// y {".to_owned()));
    assert_eq!(scanned.comments.len(), 2);
}

#[test]
fn raw_strings_end_where_their_hashes_do() {
    let scanned = scan("let a = r#\"one \" two\n\"#; let r#type = b\"x\"; after");
    assert_eq!(scanned.strings[0], (1, "r#\"one \" two\n\"#".to_owned()));
    assert_eq!(scanned.strings[1].0, 2);
    assert!(scanned.code.contains("r#type") && scanned.code.ends_with("after"));
}

#[test]
fn test_items_are_cut_out_and_nothing_else() {
    let code =
        "#[cfg(test)]\nmod tests;\nfn a() {}\n#[cfg(test)]\nmod inner {\n fn b() {}\n}\nfn c() {}";
    let (production, tests) = split_tests(code);
    assert!(production.contains("fn a") && production.contains("fn c"));
    assert!(!production.contains("fn b") && tests.contains("fn b") && !tests.contains("fn c"));
    assert_eq!(production.matches('\n').count(), code.matches('\n').count());
}

#[test]
fn occurrences_are_whole_words() {
    assert_eq!(occurrences("sqlx::x; my_sqlx; sqlxy", "sqlx"), [0]);
    assert_eq!(occurrences("brand::a rand::b", "rand::"), [9]);
    assert_eq!(words("a1+b_c"), [(0, "a1"), (3, "b_c")]);
}
