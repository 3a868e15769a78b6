//! The seating of a house as a table: one seat a line, with its section, row and label, and the
//! offer that sells its section.

use std::collections::{HashMap, HashSet};

use boxoffice_sdk::catalog::v1::{RowDraft, SectionDraft};
use csv::{ByteRecord, ReaderBuilder, Trim};

/// Faults that are named at the most.
const FAULTS_MAX: usize = 10;
/// Seats of one venue at the most, as the server has it.
const SEATS_MAX: usize = 100_000;
/// Seats that a row may be given by their number, as the server has it.
const ROW_COUNT_MAX: usize = 1_000;
/// The columns, and how many characters each may have; all but the last are needed.
const COLUMNS: [(&str, usize); 4] = [("section", 100), ("row", 20), ("seat", 20), ("offer", 100)];

/// What a table says.
#[derive(Debug, Default)]
pub struct Seating {
    /// The sections in the order of their first lines, and so their rows and seats.
    pub sections: Vec<SectionDraft>,
    /// The name of the offer that sells each section; none for sections that are not on sale.
    pub offers: Vec<(String, String)>,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: u64,
    /// The column's name; none if it is about the whole line.
    pub column: Option<&'static str>,
    /// A sentence.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.column {
            Some(column) => write!(f, "line {}, column {column}: {}", self.line, self.what),
            None => write!(f, "line {}: {}", self.line, self.what),
        }
    }
}

/// A section as it grows.
struct Growing {
    name: String,
    rows: Vec<(String, Vec<String>)>,
    by_label: HashMap<String, usize>,
    /// The offer, and the line that named it first.
    offer: (String, u64),
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    sections: Vec<Growing>,
    by_name: HashMap<String, usize>,
    seen: HashSet<[String; 3]>,
    faults: Vec<Fault>,
}

/// Reads a table with the columns section, row, seat and, if wanted, offer, separated by commas or
/// semicolons. Without a column of offers, each section is sold by an offer of its own name.
///
/// # Errors
///
/// The first faults, each with its line and column.
pub fn read(table: &[u8]) -> Result<Seating, Vec<Fault>> {
    let table = table.strip_prefix(b"\xef\xbb\xbf").unwrap_or(table);
    let header = table.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = if header.contains(&b';') && !header.contains(&b',') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .trim(Trim::All)
        .from_reader(table);
    let mut lines = reader.byte_records();
    let mut reading = Reading::default();
    let columns = match lines.next() {
        Some(Ok(header)) => columns(&header).map_err(|fault| vec![fault])?,
        Some(Err(error)) => return Err(vec![at(1, None, error.to_string())]),
        None => return Err(vec![at(1, None, "the table is empty")]),
    };
    let has_offers = columns.contains(&3);
    for line in lines {
        match line {
            Ok(record) => reading.line(&record, &columns),
            Err(error) => {
                let number = error.position().map_or(0, csv::Position::line);
                reading.faults.push(at(number, None, error.to_string()));
            }
        }
        if reading.faults.len() >= FAULTS_MAX {
            return Err(reading.faults);
        }
    }
    if reading.faults.is_empty() && reading.sections.is_empty() {
        reading.faults.push(at(1, None, "there are no seats below the headings"));
    }
    if reading.faults.is_empty() { Ok(reading.seating(has_offers)) } else { Err(reading.faults) }
}

fn at(line: u64, column: Option<&'static str>, what: impl Into<String>) -> Fault {
    Fault { line, column, what: what.into() }
}

/// Which of the [`COLUMNS`] stands where.
fn columns(header: &ByteRecord) -> Result<Vec<usize>, Fault> {
    let mut columns = Vec::with_capacity(header.len());
    for name in header {
        let name = String::from_utf8_lossy(name).to_lowercase();
        let column = COLUMNS.iter().position(|(known, _)| *known == name);
        match column {
            Some(column) if !columns.contains(&column) => columns.push(column),
            Some(_) => return Err(at(1, None, format!("there are two columns \"{name}\""))),
            None => {
                let what = format!("no column is called \"{name}\": section, row, seat, offer are");
                return Err(at(1, None, what));
            }
        }
    }
    let needed = COLUMNS.iter().enumerate().take(3);
    for (column, (name, _)) in needed {
        if !columns.contains(&column) {
            return Err(at(1, None, format!("there is no column \"{name}\"")));
        }
    }
    Ok(columns)
}

impl Reading {
    fn line(&mut self, record: &ByteRecord, columns: &[usize]) {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != columns.len() {
            let what = format!("{} values instead of {}", record.len(), columns.len());
            self.faults.push(at(line, None, what));
            return;
        }
        let mut values: [String; 4] = Default::default();
        let faults_before = self.faults.len();
        for (column, value) in columns.iter().zip(record) {
            let Some((name, length_max)) = COLUMNS.get(*column).copied() else { continue };
            match checked(value, length_max, name == "offer") {
                Ok(value) => {
                    if let Some(place) = values.get_mut(*column) {
                        *place = value;
                    }
                }
                Err(what) => self.faults.push(at(line, Some(name), what)),
            }
        }
        if self.faults.len() > faults_before {
            return;
        }
        let [section, row, seat, offer] = values;
        self.seat(line, section, row, seat, offer);
    }

    fn seat(&mut self, line: u64, section: String, row: String, seat: String, offer: String) {
        if !self.seen.insert([section.clone(), row.clone(), seat.clone()]) {
            let what = format!("{section} {row}-{seat} was there before");
            self.faults.push(at(line, Some("seat"), what));
            return;
        }
        if self.seen.len() > SEATS_MAX {
            self.faults.push(at(line, None, format!("more than {SEATS_MAX} seats")));
            return;
        }
        let next = self.sections.len();
        let index = *self.by_name.entry(section.clone()).or_insert(next);
        if index == next {
            self.sections.push(Growing {
                name: section,
                rows: Vec::new(),
                by_label: HashMap::new(),
                offer: (offer.clone(), line),
            });
        }
        let Some(growing) = self.sections.get_mut(index) else { return };
        if growing.offer.0 != offer {
            let (before, since) = &growing.offer;
            let what = format!(
                "a section has one offer: {} has \"{before}\" since line {since}",
                growing.name
            );
            self.faults.push(at(line, Some("offer"), what));
            return;
        }
        let next = growing.rows.len();
        let index = *growing.by_label.entry(row.clone()).or_insert(next);
        if index == next {
            growing.rows.push((row, Vec::new()));
        }
        if let Some((_, seats)) = growing.rows.get_mut(index) {
            seats.push(seat);
        }
    }

    fn seating(self, has_offers: bool) -> Seating {
        let mut seating = Seating::default();
        for growing in self.sections {
            let offer = if has_offers { growing.offer.0 } else { growing.name.clone() };
            if !offer.is_empty() {
                seating.offers.push((growing.name.clone(), offer));
            }
            let rows = growing.rows.into_iter().map(row_draft);
            let (name, rows) = (growing.name, rows.collect());
            seating.sections.push(SectionDraft { name, rows, section_id: String::new() });
        }
        seating
    }
}

/// A row, as short as it can be said: a large house must fit into one request.
fn row_draft((label, seat_labels): (String, Vec<String>)) -> RowDraft {
    let counted = seat_labels.len() <= ROW_COUNT_MAX
        && (1..).zip(&seat_labels).all(|(number, label): (usize, _)| *label == number.to_string());
    match i32::try_from(seat_labels.len()) {
        Ok(seat_count) if counted => RowDraft { label, seat_count, seat_labels: Vec::new() },
        _ => RowDraft { label, seat_count: 0, seat_labels },
    }
}

fn checked(value: &[u8], length_max: usize, may_be_empty: bool) -> Result<String, String> {
    let Ok(text) = std::str::from_utf8(value) else {
        return Err("it is not UTF-8 text: save the table as UTF-8".to_owned());
    };
    let length = text.chars().count();
    if length == 0 && !may_be_empty {
        return Err("it is empty".to_owned());
    }
    if length > length_max || text.chars().any(char::is_control) {
        return Err(format!("it must be {length_max} printable characters at the most"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(table: &str) -> Vec<String> {
        let faults = read(table.as_bytes()).err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn lines_become_sections_rows_and_seats_in_their_order() {
        let table = "\u{feff}Section; Row ;SEAT;offer\r\nStalls;A;1;Full\r\nCircle;A;7a;\r\n\
                     Stalls;B;1;Full\r\n\r\nStalls;A;2;Full\r\n";
        let seating = read(table.as_bytes()).unwrap_or_default();
        let stalls = &seating.sections[0];
        let rows: Vec<(&str, i32)> =
            stalls.rows.iter().map(|row| (row.label.as_str(), row.seat_count)).collect();
        assert_eq!(rows, [("A", 2), ("B", 1)]);
        assert_eq!(seating.sections[1].rows[0].seat_labels, ["7a"]);
        assert_eq!(seating.offers, [("Stalls".to_owned(), "Full".to_owned())]);
    }

    #[test]
    fn without_offers_sections_are_sold_by_their_own_names() {
        let seating = read(b"seat,row,section\n2,A,\"Box, left\"\n").unwrap_or_default();
        assert_eq!(seating.offers, [("Box, left".to_owned(), "Box, left".to_owned())]);
        assert_eq!(seating.sections[0].rows[0].seat_labels, ["2"], "not 1 to 1");
    }

    #[test]
    fn faults_name_their_line_and_column() {
        let head = "section,row,seat,offer\n";
        let named = |lines: &str| faults(&format!("{head}{lines}")).join(" | ");
        assert_eq!(
            named("S,A,1,F\nS,,2,F\n,A,,F"),
            "line 3, column row: it is empty | \
            line 4, column section: it is empty | line 4, column seat: it is empty"
        );
        assert_eq!(named("S,A,1,F\nS,A,1,F"), "line 3, column seat: S A-1 was there before");
        let other = named("S,A,1,F\nS,A,2,Half");
        assert_eq!(
            other,
            "line 3, column offer: a section has one offer: S has \"F\" since line 2"
        );
        assert_eq!(named("S,A\n"), "line 2: 2 values instead of 4");
        assert!(
            named(&format!("S,A,{},F", "9".repeat(21))).contains("line 2, column seat: it must")
        );
        assert!(named("S,A\u{7},1,F").contains("line 2, column row"));
        let broken = read(b"section,row,seat\nS,A,1\nS,\xff,2\n").err().unwrap_or_default();
        assert_eq!((broken[0].line, broken[0].column), (3, Some("row")));
    }

    #[test]
    fn headings_and_sizes_are_checked() {
        assert_eq!(faults(""), ["line 1: the table is empty"]);
        assert_eq!(faults("section,row,seat"), ["line 1: there are no seats below the headings"]);
        assert_eq!(faults("section,seat\n"), ["line 1: there is no column \"row\""]);
        assert_eq!(faults("section,row,row\n"), ["line 1: there are two columns \"row\""]);
        assert!(faults("section,row,seat,price\n")[0].contains("no column is called \"price\""));
        let many = "S,,1\n".repeat(50);
        assert_eq!(faults(&format!("section,row,seat\n{many}")).len(), FAULTS_MAX);
        let mut hall = "section,row,seat\n".to_owned();
        for seat in 0..=SEATS_MAX {
            hall.push_str(&format!("S,{},{}\n", seat / 1_000, seat % 1_000 + 1));
        }
        assert_eq!(faults(&hall), ["line 100002: more than 100000 seats"]);
        let whole = hall.trim_end().rsplit_once('\n').map_or("", |(whole, _)| whole);
        let seating = read(whole.as_bytes()).unwrap_or_default();
        assert!(seating.sections[0].rows.iter().all(|row| row.seat_count == 1_000));
    }
}
