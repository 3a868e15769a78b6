//! The SQL of a context names that context's tables only.

use super::contexts::{context_of, is_store};
use super::rust::{is_word, scan, split_tests};
use super::source::{Finding, Source, assert_none, lines, sources};

const OPENINGS: [&str; 10] =
    ["select", "insert", "update", "delete", "with", "from", "join", "left", "inner", "create"];

/// Whether a string is SQL, whose keywords are written in lower case: no sentence begins that way.
fn is_sql(text: &str) -> bool {
    let text = text.trim_start_matches(['r', '#', '"', '\\', '\n', ' ']);
    let opening = text.split(|c| !is_word(c)).next().unwrap_or_default();
    OPENINGS.contains(&opening) && (opening != "update" || text.contains("set"))
}

/// Words, numbers and names as they are, everything else one character at a time.
fn tokens(sql: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    for c in sql.chars() {
        match tokens.last_mut() {
            Some(token) if in_word && is_word(c) => token.push(c),
            _ if c.is_whitespace() || c == '\\' => {}
            _ => tokens.push(c.to_string()),
        }
        in_word = is_word(c);
    }
    tokens
}

/// The names that `with NAME as (…)` and `with NAME (columns) as (…)` give to queries.
fn named_queries(tokens: &[String]) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, window) in tokens.windows(2).enumerate() {
        if at == 0 || window[0] != "as" || !["(", "materialized", "not"].contains(&&*window[1]) {
            continue;
        }
        let columns = tokens[at - 1] == ")";
        let open = tokens[..at].iter().rposition(|token| token == "(");
        let name = if columns { open.and_then(|open| open.checked_sub(1)) } else { Some(at - 1) };
        names.extend(name.map(|name| tokens[name].as_str()));
    }
    names
}

/// The tables that a statement reads and writes.
fn tables(tokens: &[String]) -> Vec<&str> {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        let before = if at == 0 { "" } else { token(at - 1) };
        let mut next = at + 1;
        let reads = match token(at) {
            // `is distinct from` compares.
            "from" if before != "distinct" => true,
            "join" => true,
            "into" => false,
            // `on conflict do update`, `for update` and `for no key update` name no table.
            "update" if !["do", "for", "key"].contains(&before) => false,
            _ => continue,
        };
        while token(next).starts_with(is_word) {
            // What is followed by a parenthesis is a function where one reads.
            if !(reads && token(next + 1) == "(" || token(next) == "set") {
                names.push(token(next));
            }
            if token(at) != "from" {
                break;
            }
            // `from a, b` and `from a x, b y` name several.
            next += 1 + usize::from(token(next + 1).starts_with(is_word));
            if token(next) != "," {
                break;
            }
            next += 1;
        }
    }
    names
}

fn foreign_tables(source: &Source) -> Vec<Finding> {
    let Some(context) = context_of(source) else { return Vec::new() };
    let (production, _) = split_tests(&source.text);
    let statements: Vec<(usize, Vec<String>)> = scan(&production)
        .strings
        .iter()
        .filter(|(_, text)| is_sql(text))
        .map(|(line, text)| (*line, tokens(text)))
        .collect();
    let named: Vec<&str> = statements.iter().flat_map(|(_, sql)| named_queries(sql)).collect();
    let mut findings = Vec::new();
    for (line, sql) in &statements {
        for table in tables(sql) {
            if !table.starts_with(&format!("{context}_")) && !named.contains(&table) {
                let advice = format!(
                    "the table `{table}` is not {context}'s: ask the service of its context, or \
                     name a table of one's own {context}_…"
                );
                findings.push(source.at(*line, advice));
            }
        }
    }
    findings
}

#[test]
fn stores_touch_their_own_tables_only() {
    let sources = sources();
    let stores = sources.iter().filter(|source| is_store(source));
    assert_none(&stores.flat_map(foreign_tables).collect::<Vec<_>>());
}

#[test]
fn foreign_tables_are_found() {
    let find = |sql: &str| {
        let text = format!("const SQL: &str =\n    \"{sql}\";");
        foreign_tables(&Source::new("server/src/booking/store.rs", &text)).len()
    };
    assert_eq!(find("select a from payment_payment where b = $1"), 1);
    assert_eq!(find("select a from booking_seat s join ticket_ticket t on t.a = s.a"), 1);
    assert_eq!(find("insert into outbox(a, b) values ($1, $2)"), 1);
    assert_eq!(find("update seat set a = 1"), 1);
    assert_eq!(find("delete from seat"), 1);
    assert_eq!(find("select a from booking_seat s, payment_payment p"), 1);
    assert_eq!(find("from payment_payment where a = $1"), 1);
    let place = Source::new("server/src/booking/store/a.rs", "f(\n\"select 1 from x_y\");");
    assert_eq!(lines(&foreign_tables(&place)), [2]);
}

#[test]
fn own_tables_are_not_found() {
    let find = |sql: &str| {
        let text = format!("const SQL: &str = r#\"\n{sql}\"#;");
        foreign_tables(&Source::new("server/src/booking/store.rs", &text)).len()
    };
    assert_eq!(find("insert into booking_hold (a) values (1) on conflict do update set a = 2"), 0);
    assert_eq!(find("with w(a, b) as (values ($1, $2)), v as (select 1) select a from w, v"), 0);
    assert_eq!(find("select a from json_each($1) for update skip locked"), 0);
    assert_eq!(find("update booking_seat set a = 1 from (values ($1)) as v (a)"), 0);
    assert_eq!(find("delete from booking_hold where a is distinct from b"), 0);
    assert_eq!(find("A seat was taken from somebody; update the page"), 0);
    let other = Source::new("server/src/store/outbox.rs", "\"select 1 from outbox\"");
    assert!(foreign_tables(&other).is_empty());
}
