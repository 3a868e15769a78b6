//! Mails as files of a folder, which any mail program opens: for trying out, and for handing on by
//! other means.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use lettre::message::Mailbox;

use super::mail_message::message;
use crate::error::{Error, Result};
use crate::ports::mailer::{Mail, Mailer};

/// Writes each mail into a file of its own, named after the time and the notification, so that the
/// names sort and a mail that is sent again overwrites itself. Mails hold tokens: the folder and
/// its files are for their owner alone.
pub struct MailFolder {
    folder: Arc<Path>,
    from: Mailbox,
}

impl MailFolder {
    /// Makes the folder if there is none.
    pub fn open(folder: &Path, from: Mailbox) -> Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| {
            Error::Unavailable(format!("--mail dir:{}: {error}", folder.display()))
        })?;
        Ok(Self { folder: folder.into(), from })
    }
}

/// The name of a mail's file, without its ending.
fn file_stem(mail: &Mail) -> String {
    let digits = |c: &char| c.is_ascii_alphanumeric();
    let time: String = mail.time.rfc3339().chars().filter(digits).collect();
    format!("{time}-{}", mail.notification_id)
}

/// Puts a file there whole or not at all, also when the power fails.
fn write(folder: &Path, stem: &str, bytes: &[u8]) -> io::Result<()> {
    // Another replica may be writing the same mail.
    let aside: PathBuf = folder.join(format!(".{stem}.{:016x}", rand::random::<u64>()));
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&aside, folder.join(format!("{stem}.eml"))));
    if let Err(error) = written {
        // It may not even have been made.
        drop(fs::remove_file(&aside));
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

#[async_trait]
impl Mailer for MailFolder {
    async fn send(&self, mail: &Mail) -> Result<()> {
        let bytes = message(&self.from, mail)?.formatted();
        let (folder, stem) = (Arc::clone(&self.folder), file_stem(mail));
        let written = tokio::task::spawn_blocking(move || write(&folder, &stem, &bytes)).await;
        written.map_err(Error::internal)?.map_err(|error| {
            Error::Unavailable(format!("the folder of --mail cannot be written to: {error}"))
        })
    }
}
