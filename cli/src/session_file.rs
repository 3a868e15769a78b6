//! The file that keeps a sign-in from one command to the next.
//!
//! It holds one entry for each server, so that no token is ever sent to another server than the one
//! that issued it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use boxoffice_sdk::Timestamp;
use boxoffice_sdk::identity::v1::TokenPair;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::kept_file;

/// Where sign-ins are kept. It can be read by its owner only.
pub struct SessionFile {
    path: PathBuf,
    server: String,
    saved: Mutex<Option<TokenPair>>,
}

#[derive(Default, Deserialize, Serialize)]
struct Contents {
    servers: BTreeMap<String, Entry>,
}

#[derive(Deserialize, Serialize)]
struct Entry {
    access_token: String,
    access_expire_time: String,
    refresh_token: String,
    refresh_expire_time: String,
}

impl SessionFile {
    /// Opens the file, which need not exist, for one server. Gives the tokens it keeps as well.
    ///
    /// # Errors
    ///
    /// A sentence when it cannot be read or is not what this program wrote.
    pub fn open(path: PathBuf, server: &str) -> Result<(SessionFile, Option<TokenPair>), Failure> {
        let contents = read(&path)?;
        let tokens = contents.servers.get(server).map(Entry::tokens);
        let saved = Mutex::new(tokens.clone());
        Ok((SessionFile { path, server: server.to_owned(), saved }, tokens))
    }

    /// Keeps these tokens, or none, unless they are what it keeps already. Other servers' entries
    /// stay.
    ///
    /// # Errors
    ///
    /// A sentence when the file cannot be written.
    pub fn keep(&self, tokens: Option<TokenPair>) -> Result<(), Failure> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        if *saved == tokens {
            return Ok(());
        }
        let mut contents = read(&self.path)?;
        match &tokens {
            Some(tokens) => contents.servers.insert(self.server.clone(), Entry::of(tokens)),
            None => contents.servers.remove(&self.server),
        };
        write(&self.path, &contents)?;
        *saved = tokens;
        Ok(())
    }
}

impl Entry {
    fn of(tokens: &TokenPair) -> Entry {
        let text = |time: &Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        Entry {
            access_token: tokens.access_token.clone(),
            access_expire_time: text(&tokens.access_expire_time),
            refresh_token: tokens.refresh_token.clone(),
            refresh_expire_time: text(&tokens.refresh_expire_time),
        }
    }

    /// Times that cannot be read are left out: the server knows them.
    fn tokens(&self) -> TokenPair {
        TokenPair {
            access_token: self.access_token.clone(),
            access_expire_time: self.access_expire_time.parse().ok(),
            refresh_token: self.refresh_token.clone(),
            refresh_expire_time: self.refresh_expire_time.parse().ok(),
        }
    }
}

/// The file's place unless one is given: `$XDG_STATE_HOME/boxoffice/session.json`, or
/// `~/.local/state/boxoffice/session.json`.
///
/// # Errors
///
/// A sentence when there is no home directory either.
pub fn default_path() -> Result<PathBuf, Failure> {
    let directory = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    let state = directory("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| directory("HOME").map(|home| PathBuf::from(home).join(".local/state")))
        .ok_or_else(|| Failure::usage("there is no home directory: give --session-file"))?;
    Ok(state.join("boxoffice").join("session.json"))
}

fn read(path: &Path) -> Result<Contents, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::default()),
        Err(error) => return Err(trouble("read", path, &error)),
    };
    serde_json::from_str(&text).map_err(|error| {
        let path = path.display();
        Failure::said(format!("{path} is not a session file ({error}): remove it and sign in anew"))
    })
}

fn write(path: &Path, contents: &Contents) -> Result<(), Failure> {
    let failed = |error: io::Error| trouble("write", path, &error);
    let text = serde_json::to_string_pretty(contents).map_err(|error| failed(error.into()))?;
    kept_file::write(path, &text).map_err(failed)
}

fn trouble(verb: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::said(format!("cannot {verb} the session file {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str) -> TokenPair {
        TokenPair {
            access_token: format!("access-{name}"),
            access_expire_time: Some(Timestamp { seconds: 1_000, nanos: 5_000 }),
            refresh_token: format!("refresh-{name}"),
            refresh_expire_time: None,
        }
    }

    fn open(path: &Path, server: &str) -> (SessionFile, Option<TokenPair>) {
        SessionFile::open(path.to_owned(), server).expect("a readable file")
    }

    #[test]
    fn each_server_has_its_own_sign_in() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("deep/session.json");
        let (file, nobody) = open(&path, "http://a");
        assert_eq!(nobody, None);
        file.keep(Some(pair("a"))).expect("kept");
        let (other, nobody) = open(&path, "http://b");
        assert_eq!(nobody, None);
        other.keep(Some(pair("b"))).expect("kept");
        assert_eq!(open(&path, "http://a").1, Some(pair("a")));
        file.keep(None).expect("forgotten");
        assert_eq!(open(&path, "http://a").1, None);
        assert_eq!(open(&path, "http://b").1, Some(pair("b")));
        let left: Vec<_> = fs::read_dir(directory.path().join("deep")).expect("listed").collect();
        assert_eq!(left.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("session.json");
        open(&path, "http://a").0.keep(Some(pair("a"))).expect("kept");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_something_else_is_neither_used_nor_overwritten() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("session.json");
        fs::write(&path, "precious").expect("written");
        assert!(SessionFile::open(path.clone(), "http://a").is_err());
        assert_eq!(fs::read_to_string(&path).expect("read"), "precious");
    }
}
