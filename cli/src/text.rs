//! Money, times and states as people write them, and back.

use std::time::{Duration, SystemTime};

use boxoffice_sdk::Timestamp;
use boxoffice_sdk::booking::v1::{SeatState, booking, hold};
use boxoffice_sdk::catalog::v1::event;
use boxoffice_sdk::operations::v1::{dead_letter, notification};
use boxoffice_sdk::payment::v1::payment;
use boxoffice_sdk::ticket::v1::{check_in, ticket};
use boxoffice_sdk::r#type::v1::Money;

use crate::output::Paint;
use crate::table::Cell;

/// An amount with its currency, e.g. `12.50 EUR` or `500 JPY`.
pub fn money(amount: Option<&Money>) -> String {
    let Some(amount) = amount else {
        return "-".to_owned();
    };
    let digits = minor_digits(&amount.currency_code);
    let magnitude = amount.minor_units.unsigned_abs();
    let sign = if amount.minor_units < 0 { "-" } else { "" };
    let number = match 10_u64.pow(digits) {
        1 => magnitude.to_string(),
        unit => {
            let (whole, part) = (magnitude / unit, magnitude % unit);
            format!("{whole}.{part:0width$}", width = usize::try_from(digits).unwrap_or_default())
        }
    };
    format!("{sign}{number} {}", amount.currency_code)
}

/// How many digits of an amount stand behind the point (ISO 4217).
fn minor_digits(currency_code: &str) -> u32 {
    match currency_code {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// A time in RFC 3339, UTC, to the second.
pub fn time(time: Option<&Timestamp>) -> String {
    match time {
        Some(time) => Timestamp { seconds: time.seconds, nanos: 0 }.to_string(),
        None => "-".to_owned(),
    }
}

/// A time and how far away it is, e.g. `2026-05-01T19:30:00Z (in 9m 58s)`.
pub fn deadline(deadline: Option<&Timestamp>, now: SystemTime) -> String {
    let Some(moment) = deadline else {
        return "-".to_owned();
    };
    let away = SystemTime::try_from(*moment).ok().and_then(|at| at.duration_since(now).ok());
    let away = away.map_or_else(|| "over".to_owned(), |away| format!("in {}", span(away)));
    format!("{} ({away})", time(deadline))
}

/// A length of time in its two largest units, e.g. `9m 58s`.
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{}s", seconds % 60),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

/// A moment given on the command line: in itself, or so long after another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Moment {
    /// This very moment.
    At(Timestamp),
    /// So long after a moment that the command names.
    After(Duration),
}

impl Moment {
    /// Reads `2026-05-01T19:30:00+02:00` or `+2h30m`.
    ///
    /// # Errors
    ///
    /// A sentence when it is neither.
    pub fn parse(text: &str) -> Result<Moment, String> {
        if let Some(span) = text.strip_prefix('+') {
            return parse_span(span).map(Moment::After);
        }
        let moment = text.parse().map_err(|_| {
            "expected RFC 3339 such as 2026-05-01T19:30:00+02:00, or a span such as +2d".to_owned()
        })?;
        Ok(Moment::At(moment))
    }

    /// The moment itself, counted from another where it is relative.
    pub fn resolve(self, from: Timestamp) -> Timestamp {
        match self {
            Moment::At(moment) => moment,
            Moment::After(span) => {
                let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
                Timestamp { seconds: from.seconds.saturating_add(seconds), nanos: from.nanos }
            }
        }
    }
}

/// Reads a length of time in days, hours, minutes and seconds, e.g. `1d`, `2h30m` or `90s`.
///
/// # Errors
///
/// A sentence when it is anything else.
pub fn parse_span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no length of time: expected e.g. 90s, 10m, 2h30m or 7d");
    let mut total = Duration::ZERO;
    let mut number = String::new();
    for character in text.chars() {
        let unit_seconds = match character {
            '0'..='9' => {
                number.push(character);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let count: u64 = number.parse().map_err(|_| wrong())?;
        let seconds = count.checked_mul(unit_seconds).ok_or_else(wrong)?;
        total = total.checked_add(Duration::from_secs(seconds)).ok_or_else(wrong)?;
        number.clear();
    }
    if text.is_empty() || !number.is_empty() {
        return Err(wrong());
    }
    Ok(total)
}

/// The name of an enum's value without its prefix, e.g. `SOLD` for `SEAT_STATE_SOLD`.
pub fn short(name: &str) -> &str {
    let prefixes = [
        "SEAT_STATE_",
        "STATE_",
        "ROLE_",
        "ERROR_REASON_",
        "KIND_",
        "OUTCOME_",
        "TYPE_",
        "FAILURE_CODE_",
        "PAYMENT_METHOD_",
        "OUTCOME_",
    ];
    prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name)
}

/// An argument as a shell takes it in whole.
pub fn quote(argument: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./:=+@".contains(character);
    if !argument.is_empty() && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', "'\\''"))
}

/// A state with the colour of what it means to a buyer.
pub trait State {
    /// The state as a cell.
    fn cell(&self) -> Cell;
}

impl State for SeatState {
    fn cell(&self) -> Cell {
        let paint = match self {
            SeatState::Available => Paint::Green,
            SeatState::Held | SeatState::Claimed => Paint::Yellow,
            SeatState::Sold => Paint::Red,
            SeatState::Blocked | SeatState::Unspecified => Paint::Dim,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

impl State for event::State {
    fn cell(&self) -> Cell {
        let paint = match self {
            event::State::Published => Paint::Green,
            event::State::Cancelled => Paint::Red,
            event::State::Draft | event::State::Unspecified => Paint::Dim,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

impl State for hold::State {
    fn cell(&self) -> Cell {
        let paint = match self {
            hold::State::Active | hold::State::Used => Paint::Green,
            hold::State::Frozen => Paint::Yellow,
            hold::State::Expired | hold::State::Lost => Paint::Red,
            hold::State::Released | hold::State::Unspecified => Paint::Dim,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

impl State for booking::State {
    fn cell(&self) -> Cell {
        let paint = match self {
            booking::State::Confirmed => Paint::Green,
            booking::State::Pending | booking::State::AwaitingPayment => Paint::Yellow,
            booking::State::Failed | booking::State::Expired => Paint::Red,
            booking::State::Cancelled | booking::State::Unspecified => Paint::Dim,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

impl State for check_in::Outcome {
    fn cell(&self) -> Cell {
        let paint = match self {
            check_in::Outcome::Admitted => Paint::Green,
            check_in::Outcome::DoubleEntry | check_in::Outcome::VoidEntry => Paint::Red,
            check_in::Outcome::Unspecified => Paint::Dim,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

impl State for payment::State {
    fn cell(&self) -> Cell {
        let paint = match self {
            payment::State::Succeeded => Paint::Green,
            payment::State::Pending | payment::State::RequiresAction | payment::State::Unknown => {
                Paint::Yellow
            }
            payment::State::Failed => Paint::Red,
            payment::State::Canceled | payment::State::Unspecified => Paint::Dim,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

impl State for ticket::State {
    fn cell(&self) -> Cell {
        let paint = match self {
            ticket::State::Valid => Paint::Green,
            ticket::State::Used | ticket::State::Unspecified => Paint::Dim,
            ticket::State::Void => Paint::Red,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

impl State for notification::State {
    fn cell(&self) -> Cell {
        let paint = match self {
            notification::State::Pending => Paint::Yellow,
            notification::State::Sent => Paint::Green,
            notification::State::Failed => Paint::Red,
            notification::State::Skipped | notification::State::Unspecified => Paint::Dim,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

impl State for dead_letter::State {
    fn cell(&self) -> Cell {
        let paint = match self {
            dead_letter::State::Parked => Paint::Red,
            dead_letter::State::Replayed => Paint::Green,
            dead_letter::State::Discarded | dead_letter::State::Unspecified => Paint::Dim,
        };
        Cell::painted(paint, short(self.as_str_name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(currency_code: &str, minor_units: i64) -> String {
        money(Some(&Money { currency_code: currency_code.to_owned(), minor_units }))
    }

    #[test]
    fn amounts_have_the_digits_of_their_currency() {
        assert_eq!(amount("EUR", 1_250), "12.50 EUR");
        assert_eq!(amount("EUR", 5), "0.05 EUR");
        assert_eq!(amount("JPY", 500), "500 JPY");
        assert_eq!(amount("KWD", 1_005), "1.005 KWD");
        assert_eq!(amount("EUR", -150), "-1.50 EUR");
        assert_eq!(amount("EUR", i64::MIN), "-92233720368547758.08 EUR");
    }

    #[test]
    fn spans_are_read_and_written() {
        assert_eq!(parse_span("2h30m"), Ok(Duration::from_secs(9_000)));
        assert_eq!(parse_span("7d"), Ok(Duration::from_secs(604_800)));
        for wrong in ["", "5", "h", "2w", "-5s", "1.5h", "99999999999999999999d"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
        assert_eq!(span(Duration::from_secs(59)), "59s");
        assert_eq!(span(Duration::from_secs(598)), "9m 58s");
        assert_eq!(span(Duration::from_secs(9_000)), "2h 30m");
        assert_eq!(span(Duration::from_secs(90_000)), "1d 1h");
    }

    #[test]
    fn moments_are_absolute_or_relative() {
        let from = Timestamp { seconds: 1_000, nanos: 5 };
        let after = Moment::parse("+1m").map(|moment| moment.resolve(from));
        assert_eq!(after, Ok(Timestamp { seconds: 1_060, nanos: 5 }));
        let at = Moment::parse("1970-01-01T02:00:00+01:00").map(|moment| moment.resolve(from));
        assert_eq!(at, Ok(Timestamp { seconds: 3_600, nanos: 0 }));
        assert!(Moment::parse("tomorrow").is_err());
    }

    #[test]
    fn times_are_shown_in_utc_to_the_second() {
        let moment = Timestamp { seconds: 0, nanos: 123_456_789 };
        assert_eq!(time(Some(&moment)), "1970-01-01T00:00:00Z");
        let (early, late) =
            (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::from_secs(9));
        let at = Timestamp { seconds: 5, nanos: 0 };
        assert_eq!(deadline(Some(&at), early), "1970-01-01T00:00:05Z (in 5s)");
        assert_eq!(deadline(Some(&at), late), "1970-01-01T00:00:05Z (over)");
    }

    #[test]
    fn arguments_survive_the_shell() {
        assert_eq!(quote("Stalls/A/1"), "Stalls/A/1");
        assert_eq!(quote("Upper circle"), "'Upper circle'");
        assert_eq!(quote("it's $5"), "'it'\\''s $5'");
    }

    #[test]
    fn states_lose_their_prefix() {
        assert_eq!(short(SeatState::Sold.as_str_name()), "SOLD");
        assert_eq!(short(booking::State::AwaitingPayment.as_str_name()), "AWAITING_PAYMENT");
    }
}
