//! How results reach the terminal, or a program that reads them.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};

use serde_json::Value;

/// How a piece of text stands out, where colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// Of less weight.
    Dim,
    /// Good, or free.
    Green,
    /// On its way.
    Yellow,
    /// Bad, or gone.
    Red,
}

/// Whether paint is visible: only on a terminal, and only unless `NO_COLOR` is set
/// (<https://no-color.org>).
#[derive(Clone, Copy, Debug)]
pub struct Style {
    color: bool,
}

impl Style {
    /// A style that shows paint or not.
    pub fn new(color: bool) -> Style {
        Style { color }
    }

    /// Text that stands out as asked.
    pub fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Plain => return text.to_owned(),
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Green => "32",
            Paint::Yellow => "33",
            Paint::Red => "31",
        };
        if self.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// What a command found, for people and for programs.
pub struct Report {
    /// What `--json` prints.
    pub json: Value,
    /// What is printed otherwise.
    pub text: String,
    /// The command to try next.
    pub next: Option<String>,
    /// True when the answer itself is bad news, which scripts learn from the exit code.
    pub failed: bool,
}

impl Report {
    /// A result.
    pub fn new(json: Value, text: impl Into<String>) -> Report {
        Report { json, text: text.into(), next: None, failed: false }
    }

    /// Adds the command to try next.
    pub fn next(mut self, command: impl Into<String>) -> Report {
        self.next = Some(command.into());
        self
    }

    /// A result that was told already, line by line.
    pub fn told() -> Report {
        Report::new(Value::Null, "")
    }
}

/// The way out of the program.
pub struct Output {
    json: bool,
    style: Style,
    note_style: Style,
}

impl Output {
    /// An output that prints JSON or text.
    pub fn new(json: bool) -> Output {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Output {
            json,
            style: Style::new(wanted && io::stdout().is_terminal()),
            note_style: Style::new(wanted && io::stderr().is_terminal()),
        }
    }

    /// Whether a program reads it.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// The style of what is printed.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Prints a result.
    ///
    /// # Errors
    ///
    /// When the standard output is closed or full.
    pub fn report(&self, report: &Report) -> io::Result<()> {
        if self.json {
            if report.json.is_null() { Ok(()) } else { self.line(&format!("{:#}", report.json)) }
        } else {
            if !report.text.is_empty() {
                self.line(report.text.trim_end())?;
            }
            if let Some(next) = &report.next {
                self.note(&format!("next: {next}"));
            }
            Ok(())
        }
    }

    /// Prints a line at once, for whoever watches it grow.
    ///
    /// # Errors
    ///
    /// When the standard output is closed or full.
    pub fn line(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()
    }

    /// Says something beside the result, on the standard error.
    pub fn note(&self, text: &str) {
        complain(&self.note_style.paint(Paint::Dim, text));
    }

    /// Says why there is no result, on the standard error.
    pub fn error(&self, text: &str) {
        complain(&format!("{} {text}", self.note_style.paint(Paint::Red, "error:")));
    }

    /// Says the same to a program.
    pub fn error_json(&self, error: &Value) {
        complain(&error.to_string());
    }
}

/// Writes to the standard error. If that is closed there is nobody left to tell.
fn complain(text: &str) {
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}

/// Makes text of strangers safe to show: a title must not move the cursor or set a colour.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => cleaned.push(' '),
            other if other.is_control() => cleaned.push('\u{fffd}'),
            other => cleaned.push(other),
        }
    }
    cleaned
}

/// Appends formatted text; a `String` takes everything.
pub fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paint_shows_only_where_colours_are_wanted() {
        assert_eq!(Style::new(false).paint(Paint::Red, "x"), "x");
        assert_eq!(Style::new(true).paint(Paint::Plain, "x"), "x");
        assert_eq!(Style::new(true).paint(Paint::Red, "x"), "\u{1b}[31mx\u{1b}[0m");
    }

    #[test]
    fn a_title_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb c");
    }
}
