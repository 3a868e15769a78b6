//! What mails leave by.

use async_trait::async_trait;

use crate::error::Result;
use crate::kernel::id::NotificationId;
use crate::kernel::time::Timestamp;

/// Hands mails on.
///
/// * A mail MUST be safe with whoever is next when `send` says so.
/// * A mail that is sent again MUST have the same Message-ID, and where the technology allows MUST
///   take the place of the first, so that nobody reads it twice.
/// * Errors MUST NOT tell the address, the subject or the text: they are logged and shown.
/// * A call MUST end within `MAIL_CALL_MAX`.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Sends a mail.
    async fn send(&self, mail: &Mail) -> Result<()>;
}

/// A mail to one person. Shows nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Which notification it is; its Message-ID follows from it.
    pub notification_id: NotificationId,
    /// The address it goes to.
    pub to: String,
    /// What it is about, on one line.
    pub subject: String,
    /// The whole of it as plain text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
    /// Images that the HTML shows, by the names it knows them by (`cid:NAME`).
    pub images: Vec<MailImage>,
    /// When it was written.
    pub time: Timestamp,
}

/// An image within a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct MailImage {
    /// Its name; letters, digits and underscores.
    pub name: String,
    /// Its bytes.
    pub png: Vec<u8>,
}
