//! Text in columns.

use unicode_width::UnicodeWidthStr;

use crate::output::{Paint, Style, clean, push};

/// A piece of text and how it stands out.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// Text that stands out.
    pub fn painted(paint: Paint, text: impl AsRef<str>) -> Cell {
        Cell { text: clean(text.as_ref()), paint }
    }

    /// The cell alone.
    pub fn render(&self, style: Style) -> String {
        style.paint(self.paint, &self.text)
    }

    fn width(&self) -> usize {
        self.text.width()
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell::painted(Paint::Plain, text)
    }
}

/// Rows under headings, each column as wide as it needs to be.
pub struct Table {
    headings: Vec<Cell>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these headings. Columns whose heading begins with `>` are for numbers, which
    /// stand on the right.
    pub fn new(headings: &[&str]) -> Table {
        let heading = |text: &&str| Cell { text: (*text).to_owned(), paint: Paint::Dim };
        Table { headings: headings.iter().map(heading).collect(), rows: Vec::new() }
    }

    /// Adds a row. Cells beyond the headings are left out.
    pub fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.rows.push(cells.into());
    }

    /// The table as text, every line indented by so many spaces.
    pub fn render(&self, style: Style, indent: usize) -> String {
        let mut columns: Vec<(usize, bool)> = Vec::with_capacity(self.headings.len());
        let mut headings = self.headings.clone();
        for heading in &mut headings {
            let on_the_right = heading.text.starts_with('>');
            heading.text = heading.text.trim_start_matches('>').to_owned();
            columns.push((heading.width(), on_the_right));
        }
        for row in &self.rows {
            for ((width, _), cell) in columns.iter_mut().zip(row) {
                *width = cell.width().max(*width);
            }
        }
        let mut text = String::new();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = " ".repeat(indent);
            for ((width, on_the_right), cell) in columns.iter().zip(row) {
                let padding = " ".repeat(width.saturating_sub(cell.width()));
                let painted = cell.render(style);
                if *on_the_right {
                    push(&mut line, format_args!("{padding}{painted}  "));
                } else {
                    push(&mut line, format_args!("{painted}{padding}  "));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// One thing: what it is, and its properties under each other.
pub struct Sheet {
    title: String,
    fields: Vec<(&'static str, Cell)>,
}

impl Sheet {
    /// A sheet with a heading.
    pub fn new(title: impl AsRef<str>) -> Sheet {
        Sheet { title: clean(title.as_ref()), fields: Vec::new() }
    }

    /// Adds a property.
    pub fn field(mut self, name: &'static str, value: impl Into<Cell>) -> Sheet {
        self.fields.push((name, value.into()));
        self
    }

    /// Adds a property unless it is empty.
    pub fn field_if_any(self, name: &'static str, value: impl AsRef<str>) -> Sheet {
        if value.as_ref().is_empty() { self } else { self.field(name, value.as_ref()) }
    }

    /// The sheet as text.
    pub fn render(&self, style: Style) -> String {
        let width = self.fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let mut text = style.paint(Paint::Bold, &self.title);
        text.push('\n');
        for (name, value) in &self.fields {
            let name = style.paint(Paint::Dim, &format!("{name:width$}"));
            let value = value.render(style);
            push(&mut text, format_args!("  {name}  {value}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        let mut table = Table::new(&["TITLE", ">PRICE"]);
        table.row(["交響曲".into(), "5.00 EUR".into()]);
        table.row([Cell::painted(Paint::Green, "Opera"), "125.00 EUR".into()]);
        let plain = "TITLE        PRICE\n交響曲    5.00 EUR\nOpera   125.00 EUR\n";
        assert_eq!(table.render(Style::new(false), 0), plain);
        let colored = table.render(Style::new(true), 0);
        assert!(colored.contains("\u{1b}[32mOpera\u{1b}[0m   125.00 EUR"));
    }

    #[test]
    fn a_sheet_aligns_its_values_and_leaves_empty_ones_out() {
        let sheet = Sheet::new("Hold hld_1").field("state", "ACTIVE").field("expires", "soon");
        let text = sheet.field_if_any("failure", "").render(Style::new(false));
        assert_eq!(text, "Hold hld_1\n  state    ACTIVE\n  expires  soon\n");
    }
}
