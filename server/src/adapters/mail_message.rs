//! Mails in the form that travels (RFC 5322, MIME).

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};

use crate::error::{Error, Result};
use crate::kernel::time::Timestamp;
use crate::ports::mailer::Mail;

/// Whom mails come from: an address, with a name if there is one.
pub fn sender(text: &str) -> Result<Mailbox, String> {
    text.parse()
        .map_err(|_| "must be an address such as \"Boxoffice <tickets@example.com>\"".into())
}

fn system_time(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(time.unix_millis())
}

/// The message of a mail. The same mail is always the same message, to the last byte.
pub fn message(from: &Mailbox, mail: &Mail) -> Result<Message> {
    // What the parser says could repeat the address.
    let refused = || Error::internal("the address is none that mail can be sent to");
    let to: Address = mail.to.parse().map_err(|_| refused())?;
    let id = mail.notification_id;
    let body = MultiPart::alternative()
        .boundary(format!("boxoffice_{id}"))
        .singlepart(SinglePart::plain(mail.text.clone()));
    let html = SinglePart::html(mail.html.clone());
    let body = if mail.images.is_empty() {
        body.singlepart(html)
    } else {
        let boundary = format!("boxoffice_{id}_images");
        let mut related = MultiPart::related().boundary(boundary).singlepart(html);
        for image in &mail.images {
            let png = ContentType::parse("image/png").map_err(Error::internal)?;
            let inline = Attachment::new_inline(image.name.clone());
            related = related.singlepart(inline.body(image.png.clone(), png));
        }
        body.multipart(related)
    };
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(mail.subject.clone())
        .date(system_time(mail.time))
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .multipart(body)
        .map_err(|_| Error::internal("the mail cannot be put into its form"))?;
    // Answering machines stay quiet (RFC 3834).
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    message.headers_mut().insert_raw(HeaderValue::new(name, "auto-generated".to_owned()));
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::id::NotificationId;
    use crate::ports::mailer::MailImage;

    fn mail() -> Mail {
        Mail {
            notification_id: NotificationId::derived(&[b"a"]),
            to: "buyer@example.com".into(),
            subject: "Grüße\r\nBcc: everybody@example.com".into(),
            text: "Zwölf".into(),
            html: "<p>Zwölf</p>".into(),
            images: vec![MailImage { name: "tkt_1".into(), png: vec![1, 2, 3] }],
            time: Timestamp::from_micros(1_800_000_000_000_000),
        }
    }

    #[test]
    fn the_same_mail_is_the_same_message() {
        let from = sender("Boxoffice <tickets@example.com>").unwrap();
        let formatted = || message(&from, &mail()).unwrap().formatted();
        assert_eq!(formatted(), formatted());
        let text = String::from_utf8(formatted()).unwrap();
        assert!(text.contains(&format!("Message-ID: <{}@example.com>", mail().notification_id)));
        assert!(text.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000"), "{text}");
    }

    #[test]
    fn a_subject_cannot_add_a_header() {
        let from = sender("tickets@example.com").unwrap();
        let text = String::from_utf8(message(&from, &mail()).unwrap().formatted()).unwrap();
        assert!(!text.to_lowercase().contains("\nbcc:"), "{text}");
    }

    #[test]
    fn an_address_that_is_none_is_refused_and_not_repeated() {
        let from = sender("tickets@example.com").unwrap();
        let wrong = Mail { to: "no body@nowhere".into(), ..mail() };
        let error = message(&from, &wrong).unwrap_err();
        assert!(!error.to_string().contains("nowhere"), "{error}");
        assert!(sender("nobody").is_err());
    }
}
