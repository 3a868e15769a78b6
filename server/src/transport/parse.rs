//! Parsing request fields into values. Every fault of a request is collected, so that a caller
//! learns of all of them at once.

use std::ops::RangeInclusive;
use std::time::Duration;

use uuid::Uuid;

use crate::error::{Error, Reason, Violation};
use crate::kernel::limits::FAULTS_NAMED_MAX;
use crate::kernel::page::{Cursor, PageRequest};
use crate::kernel::text::{email_address, line, paragraphs};
use crate::kernel::time::Timestamp;

/// The faults found so far. Each parser answers `None` and notes why, so that a `let … else` over
/// all of them either has every value or answers with [`Fields::error`].
#[derive(Debug, Default)]
pub struct Fields {
    violations: Vec<Violation>,
}

impl Fields {
    /// Notes a fault; those after the first [`FAULTS_NAMED_MAX`] go unnamed.
    pub fn fault<T>(&mut self, field: impl Into<String>, must: impl Into<String>) -> Option<T> {
        if self.violations.len() < FAULTS_NAMED_MAX {
            self.violations.push(Violation { field: field.into(), description: must.into() });
        }
        None
    }

    /// Whether nothing was wrong.
    pub fn are_good(&self) -> bool {
        self.violations.is_empty()
    }

    /// The refusal that names every fault.
    pub fn error(self) -> Error {
        let mut rejection = Reason::InvalidFields.rejection();
        let named: Vec<&str> = self.violations.iter().map(|fault| fault.field.as_str()).collect();
        rejection.message = format!("invalid: {}", named.join(", "));
        rejection.violations = self.violations;
        rejection.into()
    }

    /// A prefixed identifier: `fields.id("event_id", &request.event_id, EventId::parse)`.
    pub fn id<T>(&mut self, field: &str, text: &str, parse: fn(&str) -> Option<T>) -> Option<T> {
        parse(text).or_else(|| self.fault(field, "must be an id as the server gave it"))
    }

    /// A request id: a UUID.
    pub fn request_id(&mut self, text: &str) -> Option<Uuid> {
        self.uuid("request_id", text)
    }

    /// A request id in a field of another name.
    pub fn uuid(&mut self, field: &str, text: &str) -> Option<Uuid> {
        let parsed = Uuid::try_parse(text).ok().filter(|id| !id.is_nil());
        parsed.or_else(|| self.fault(field, "must be a UUID made by the caller"))
    }

    /// A line of text whose number of characters is within the range; white space around it is
    /// dropped.
    pub fn text(
        &mut self,
        field: &str,
        text: &str,
        length: RangeInclusive<usize>,
    ) -> Option<String> {
        let (least, most) = (*length.start(), *length.end());
        line(text, length).or_else(|| {
            self.fault(field, format!("must be one line of {least} to {most} printable characters"))
        })
    }

    /// As [`Fields::text`], but line breaks and tabs may stand within it.
    pub fn paragraphs(
        &mut self,
        field: &str,
        text: &str,
        length: RangeInclusive<usize>,
    ) -> Option<String> {
        let (least, most) = (*length.start(), *length.end());
        paragraphs(text, length).or_else(|| {
            self.fault(field, format!("must be {least} to {most} printable characters"))
        })
    }

    /// An e-mail address, by its form only.
    pub fn email(&mut self, field: &str, text: &str) -> Option<String> {
        email_address(text)
            .or_else(|| self.fault(field, "must be an e-mail address of at most 254 characters"))
    }

    /// A number within the range.
    pub fn number<N>(&mut self, field: &str, number: N, range: RangeInclusive<N>) -> Option<N>
    where
        N: PartialOrd + std::fmt::Display,
    {
        if range.contains(&number) {
            return Some(number);
        }
        self.fault(field, format!("must be {} to {}", range.start(), range.end()))
    }

    /// A required instant between the years 1970 and 9999.
    pub fn time(
        &mut self,
        field: &str,
        time: Option<&prost_types::Timestamp>,
    ) -> Option<Timestamp> {
        time.and_then(instant).or_else(|| self.fault(field, "must be a time"))
    }

    /// A span within the range, or the default when it is not set.
    pub fn span(
        &mut self,
        field: &str,
        span: Option<&prost_types::Duration>,
        range: RangeInclusive<Duration>,
        default: Duration,
    ) -> Option<Duration> {
        let Some(span) = span else { return Some(default) };
        duration(span).filter(|span| range.contains(span)).or_else(|| {
            let (least, most) = (range.start().as_secs(), range.end().as_secs());
            self.fault(field, format!("must be {least} to {most} seconds"))
        })
    }

    /// Which page of a list is wanted.
    pub fn page(&mut self, size: i32, token: &str) -> Option<PageRequest> {
        if token.is_empty() {
            return Some(PageRequest::new(size, None));
        }
        match Cursor::parse(token) {
            Some(cursor) => Some(PageRequest::new(size, Some(cursor))),
            None => self.fault("page_token", "must be a next_page_token of this list"),
        }
    }
}

/// An instant between the years 1970 and 9999; `None` if it is no such instant.
pub fn instant(time: &prost_types::Timestamp) -> Option<Timestamp> {
    const SECONDS_MAX: i64 = 253_402_300_799;
    let seconds = Some(time.seconds).filter(|s| (0..=SECONDS_MAX).contains(s))?;
    let nanos = Some(time.nanos).filter(|n| (0..1_000_000_000).contains(n))?;
    Some(Timestamp::from_micros(seconds * 1_000_000 + i64::from(nanos) / 1_000))
}

/// A span that is not negative; `None` if it is not well formed.
pub fn duration(span: &prost_types::Duration) -> Option<Duration> {
    let whole = u64::try_from(span.seconds).ok().map(Duration::from_secs)?;
    let nanos = u32::try_from(span.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(whole.saturating_add(Duration::new(0, nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::mail_message::{message, sender};
    use crate::kernel::id::NotificationId;
    use crate::ports::mailer::Mail;

    fn letter() -> Mail {
        let time = Timestamp::from_micros(1_800_000_000_000_000);
        Mail {
            notification_id: NotificationId::derived(&[b"a letter"]),
            to: String::new(),
            subject: "Hello".into(),
            text: "Hello.".into(),
            html: "<p>Hello.</p>".into(),
            images: Vec::new(),
            time,
        }
    }

    #[test]
    fn every_fault_is_named() {
        let mut fields = Fields::default();
        fields.request_id("x");
        fields.email("email", "nobody");
        fields.number("count", 0, 1..=9);
        let Error::Rejected(rejection) = fields.error() else { panic!("a refusal") };
        let named: Vec<_> = rejection.violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(named, ["request_id", "email", "count"]);
    }

    #[test]
    fn a_line_is_one_line_and_paragraphs_may_be_several() {
        let mut fields = Fields::default();
        for text in ["Ada\nwon a prize", "Ada\tB", "Ada\u{2028}B", "Ada\u{2029}B", "Ada\u{85}B"] {
            assert_eq!(fields.text("display_name", text, 1..=100), None, "{text:?}");
        }
        assert_eq!(fields.text("name", " Ada ", 1..=3).as_deref(), Some("Ada"));
        let reason = fields.paragraphs("reason", "rain\nand wind", 0..=100);
        assert_eq!(reason.as_deref(), Some("rain\nand wind"));
    }

    #[test]
    fn an_address_is_taken_if_mail_can_be_sent_to_it() {
        let sender = sender("Boxoffice <tickets@shop.example>").expect("an address");
        let mail = |to: &str| Mail { to: to.to_owned(), ..letter() };
        let long = format!("{}@example.com", "a".repeat(64));
        let good = ["ada@example.com", "a+b@sub.example.co", "ad\u{e4}@b\u{fc}cher.example", &long];
        for text in good {
            let taken = Fields::default().email("email", &format!(" {text} "));
            assert_eq!(taken.as_deref(), Some(text));
            assert!(message(&sender, &mail(text)).is_ok(), "{text}");
        }
        let longer = format!("a{long}");
        let labels = format!("a@{}.com", "b".repeat(64));
        let bad = [
            "",
            "ada",
            "@",
            "ada@",
            "@example.com",
            "a@b@example.com",
            "ada@.com",
            "ada@example..com",
            "ada@-example.com",
            "a..b@example.com",
            ".ada@example.com",
            "ada.@example.com",
            "a(b@example.com",
            "a<b>@example.com",
            "ada@example.com.",
            "a b@c.de",
            "a,b@example.com",
            "ada@exam\nple.com",
            "a\"b@example.com",
            "a;b@c.de",
            &longer,
            &labels,
        ];
        for text in bad {
            assert_eq!(Fields::default().email("email", text), None, "{text:?}");
        }
    }

    #[test]
    fn impossible_times_and_spans_are_faults_not_panics() {
        let mut fields = Fields::default();
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, i32::MAX)] {
            let time = prost_types::Timestamp { seconds, nanos };
            assert_eq!(fields.time("t", Some(&time)), None);
            let span = prost_types::Duration { seconds, nanos };
            let range = Duration::ZERO..=Duration::from_secs(9);
            assert_eq!(fields.span("s", Some(&span), range, Duration::ZERO), None);
        }
    }
}
