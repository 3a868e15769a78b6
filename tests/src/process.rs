//! A server as a process of its own, to be killed.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use boxoffice_server::adapters::sandbox::{LedgerEntry, SandboxGateway};
use tempfile::TempDir;

use crate::clock::HandClock;
use crate::database::{Backend, Database};
use crate::door::{ADMIN, Door, PASSWORD};

/// How long a program may take until it is ready.
const READY_MAX: Duration = Duration::from_secs(30);

/// The server's program, run as whoever installed it would.
pub struct Process {
    child: Child,
    door: Door,
    /// Its database.
    pub database: Database,
    /// Where its files are.
    pub folder: TempDir,
    arguments: Vec<String>,
}

/// Where cargo puts the programs that belong to this test.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test has a path");
    let path = test.parent().and_then(|deps| deps.parent()).expect("target/debug").join(name);
    assert!(path.exists(), "{} is missing; run `cargo build --workspace`", path.display());
    path
}

impl Process {
    /// Starts a server on a fresh database.
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, &[]).await
    }

    /// Starts a server on a fresh database, with more flags, or other values for some.
    pub async fn start_with(backend: Backend, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let database = Database::create(backend, folder.path()).await;
        let mut arguments: Vec<String> = vec!["--database".into(), database.url.clone()];
        let ledger = ledger_url(&folder);
        let secret = "a secret of the tests, 0123456789";
        for (flag, value) in [
            ("--listen", "127.0.0.1:0"),
            ("--sandbox-ledger", &ledger),
            ("--secret", secret),
            ("--admin-email", ADMIN),
            ("--admin-password", PASSWORD),
            ("--sandbox-webhooks", "off"),
            ("--log", "warn"),
        ] {
            // Settings of the sandbox in the server are none of a server that has another gateway.
            let elsewhere = more.contains(&"--payments") && flag.starts_with("--sandbox");
            if !elsewhere && !more.contains(&flag) {
                arguments.extend([flag.to_owned(), value.to_owned()]);
            }
        }
        arguments.extend(more.iter().map(|flag| (*flag).to_owned()));
        let (child, door) = spawn(&arguments, &folder);
        Self { child, door, database, folder, arguments }
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }

    /// Starts it again on the same database, at another port. Says how long it took until it
    /// was ready.
    pub fn start_again(&mut self) -> Duration {
        let begun = Instant::now();
        let (child, door) = spawn(&self.arguments, &self.folder);
        (self.child, self.door) = (child, door);
        begun.elapsed()
    }

    /// The sandbox's ledger, read from outside of the process.
    pub async fn ledger(&self) -> Vec<LedgerEntry> {
        let clock = Arc::new(HandClock::default());
        let sandbox = SandboxGateway::open(&ledger_url(&self.folder), clock, Vec::new()).await;
        sandbox.expect("a ledger").entries().await.expect("its entries")
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the test: every invariant holds, the process goes, and its database.
    pub async fn finish(mut self) {
        self.assert_sound().await;
        self.kill();
        self.database.discard().await;
    }
}

impl Deref for Process {
    type Target = Door;

    fn deref(&self) -> &Door {
        &self.door
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that failed leaves no server behind; one that is gone already is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn ledger_url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("sandbox.db").display())
}

fn spawn(arguments: &[String], folder: &TempDir) -> (Child, Door) {
    let log = folder.path().join("server.log");
    let (child, url) = spawn_ready(&program("boxoffice-server"), arguments, folder.path(), &log);
    (child, Door { url })
}

/// The first line that a program prints; `None` when it prints none in time. Programs that are
/// there do within a second, but a test that waits for one must end.
fn first_line(out: ChildStdout) -> Option<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let line = BufReader::new(out).lines().next().and_then(Result::ok);
        // Whoever has stopped waiting needs no line.
        drop(sender.send(line));
    });
    receiver.recv_timeout(READY_MAX).ok().flatten()
}

/// Runs a program and waits until it says at which address it is.
pub(crate) fn spawn_ready(
    program: &Path,
    arguments: &[String],
    folder: &Path,
    log: &Path,
) -> (Child, String) {
    let errors = std::fs::File::options().create(true).append(true).open(log).expect("a log file");
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        // The settings are the arguments alone, whatever this machine's environment says.
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .expect("it starts");
    let out = child.stdout.take().expect("its output");
    let ready = first_line(out).unwrap_or_else(|| {
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
        let log = std::fs::read_to_string(log);
        panic!("it did not get ready: {}", log.unwrap_or_default())
    });
    let (_, rest) = ready.split_once("http://").expect("the ready line has its address");
    let address = rest.split(' ').next().expect("an address");
    (child, format!("http://{address}"))
}
