//! A server as a process of its own, to be killed or stopped.

use std::io::{BufRead, BufReader};
use std::ops::Deref;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use boxoffice_server::adapters::sandbox::{LedgerEntry, SandboxGateway};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::clock::HandClock;
use crate::database::{Backend, Database};
use crate::door::{ADMIN, Door, PASSWORD};
use crate::patience::{PATIENCE, eventually_within};
use crate::port::free_port;
use crate::secrecy::search_logs;

/// How long a program may take until it is ready.
const READY_MAX: Duration = Duration::from_secs(30);

/// How long it may take until a program dies that is to die in the middle of its work.
const DEATH_MAX: Duration = Duration::from_secs(90);
/// How long a server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(10);
/// The secret of every server in tests.
pub const SECRET: &str = "a secret of the tests, 0123456789";

/// The server's program, run as whoever installed it would.
pub struct Process {
    child: Option<Child>,
    door: Door,
    /// Its database.
    pub database: Database,
    /// Where its files are.
    pub folder: TempDir,
    arguments: Vec<String>,
    wrapper: Vec<String>,
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

    /// Starts a server on a fresh database that keeps its port however often it starts again, as
    /// servers do whose users know one address. More flags are as with `start_with`.
    pub async fn start_at_one_port(backend: Backend, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let database = Database::create(backend, folder.path()).await;
        let mut process = Self::prepare_at_one_port(database, folder, more);
        process.start_again().await;
        process
    }

    /// Starts a server on a fresh database, with more flags, or other values for some.
    pub async fn start_with(backend: Backend, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let database = Database::create(backend, folder.path()).await;
        let mut process = Self::prepare(database, folder, more);
        process.start_again().await;
        process
    }

    /// A server that is yet to be started and keeps its port.
    pub fn prepare_at_one_port(database: Database, folder: TempDir, more: &[&str]) -> Self {
        let listen = format!("127.0.0.1:{}", free_port());
        Self::prepare(database, folder, &[&["--listen", listen.as_str()], more].concat())
    }

    /// A server that is yet to be started, with more flags, or other values for some.
    pub fn prepare(database: Database, folder: TempDir, more: &[&str]) -> Self {
        let mut arguments: Vec<String> = Vec::new();
        let ledger = ledger_url(&folder);
        for (flag, value) in [
            ("--database", database.url.as_str()),
            ("--listen", "127.0.0.1:0"),
            ("--sandbox-ledger", &ledger),
            ("--secret", SECRET),
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
        let (door, wrapper) = (Door { url: String::new() }, Vec::new());
        Self { child: None, door, database, folder, arguments, wrapper }
    }

    /// The same, started by a command that becomes the server in the end.
    #[must_use]
    pub fn within(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Kills it, as a power cut would.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
    }

    /// Asks it to stop, as a supervisor does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Waits until it has ended, and says how.
    pub async fn ended(&mut self) -> ExitStatus {
        self.ended_within(PATIENCE).await
    }

    async fn ended_within(&mut self, patience: Duration) -> ExitStatus {
        let child = self.child.as_mut().expect("it runs");
        let is_over = async || child.try_wait().expect("it can be asked").ok_or("it still runs");
        let status = eventually_within(patience, is_over).await;
        self.child = None;
        status
    }

    /// Asks it to stop and waits until it has, as it should. Says how long that took.
    pub async fn stop(&mut self) -> Duration {
        let begun = Instant::now();
        self.terminate();
        let ended = self.ended().await;
        let took = begun.elapsed();
        assert!(ended.success(), "it ended with {ended}");
        assert!(took < STOP_MAX, "it stopped only after {took:?}");
        took
    }

    /// The bytes of memory that it occupies.
    pub fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("it is there");
        let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = kibibytes.and_then(|line| line.split_whitespace().next()).expect("a line");
        kibibytes.parse::<u64>().expect("a number") * 1_024
    }

    /// Starts it, or starts it again on the same database, at another port unless it keeps its own.
    /// Says how long it took until it was ready. Whoever is awaited beside it goes on meanwhile.
    pub async fn start_again(&mut self) -> Duration {
        let begun = Instant::now();
        self.launch("boxoffice-server", None).await;
        begun.elapsed()
    }

    /// The same with a fault of our own, such as `crash=BeforeCommit:3`. It may die before it is
    /// ready only if it is told to by something that every start does.
    pub async fn start_faulty(&mut self, fault: &str) {
        self.launch("boxoffice-server-faulty", Some(fault)).await;
    }

    async fn launch(&mut self, name: &str, fault: Option<&str>) {
        assert!(self.child.is_none(), "it runs already");
        let log = self.log();
        let command = command(&program(name), &self.wrapper, &self.arguments, &self.folder, fault);
        let (child, url) = spawn_ready(command, &log).await;
        (self.child, self.door) = (Some(child), Door { url });
    }

    /// Starts it with a fault by which it dies before it is ready. Gives the signal by which it
    /// has.
    pub async fn die_at_start(&mut self, fault: &str) -> Option<i32> {
        let name = program("boxoffice-server-faulty");
        let mut command = command(&name, &self.wrapper, &self.arguments, &self.folder, Some(fault));
        command.stdout(Stdio::null()).stderr(log_file(&self.log()));
        self.child = Some(command.spawn().expect("it starts"));
        self.death().await
    }

    /// Starts it and does not wait until it is ready.
    pub fn launch_unready(&mut self) {
        let name = program("boxoffice-server");
        let mut command = command(&name, &self.wrapper, &self.arguments, &self.folder, None);
        command.stdout(Stdio::null()).stderr(log_file(&self.log()));
        self.child = Some(command.spawn().expect("it starts"));
    }

    /// Waits until it has ended by itself, and gives the signal by which it has.
    pub async fn death(&mut self) -> Option<i32> {
        self.ended_within(DEATH_MAX).await.signal()
    }

    /// Whether it has ended by itself.
    pub fn is_dead(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_none_or(|child| child.try_wait().expect("it can be asked").is_some())
    }

    /// Sends it a signal by its name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The sandbox's ledger, read from outside of the process.
    pub async fn ledger(&self) -> Vec<LedgerEntry> {
        let clock = Arc::new(HandClock::default());
        let sandbox = SandboxGateway::open(&ledger_url(&self.folder), clock, Vec::new()).await;
        sandbox.expect("a ledger").entries().await.expect("its entries")
    }

    /// The file of the ledger of the sandbox in it.
    pub fn ledger_file(&self) -> PathBuf {
        ledger_file(&self.folder)
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Ends the test: every invariant holds, the process goes, and its database. Its logs have no
    /// secret in them, and nothing in it panicked.
    pub async fn finish(mut self) {
        self.assert_sound().await;
        self.kill();
        let leaks = search_logs(self.folder.path(), &[PASSWORD.into(), SECRET.into()]);
        assert!(leaks.is_empty(), "{leaks:#?}");
        let log = std::fs::read_to_string(self.log()).expect("its log");
        assert!(!log.contains("panicked"), "something panicked: {log}");
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
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn ledger_file(folder: &TempDir) -> PathBuf {
    folder.path().join("sandbox.db")
}

fn ledger_url(folder: &TempDir) -> String {
    format!("sqlite://{}", ledger_file(folder).display())
}

/// Sends a process a signal by its name.
pub(crate) fn signal(id: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -s {name} {id}")]).status();
    assert!(sent.expect("a shell").success(), "{id} cannot be sent {name}");
}

/// The first line that a program prints; `None` when it prints none in time. Programs that are
/// there do within a second, but a test that waits for one must end.
async fn first_line(out: ChildStdout) -> Option<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let line = BufReader::new(out).lines().next().and_then(Result::ok);
        // Whoever has stopped waiting needs no line.
        drop(sender.send(line));
    });
    tokio::time::timeout(READY_MAX, receiver).await.ok()?.ok().flatten()
}

/// A program in a folder of its own. The settings are the arguments alone, whatever this machine's
/// environment says.
fn command(
    program: &Path,
    wrapper: &[String],
    arguments: &[String],
    folder: &TempDir,
    fault: Option<&str>,
) -> Command {
    let program = program.as_os_str().to_owned();
    let mut words = wrapper.iter().map(Into::into).chain([program]);
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words).args(arguments).current_dir(folder.path()).env_clear();
    if !wrapper.is_empty() {
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    }
    if let Some(fault) = fault {
        command.env("BOXOFFICE_FAULT", fault);
    }
    command
}

fn log_file(log: &Path) -> std::fs::File {
    std::fs::File::options().create(true).append(true).open(log).expect("a log file")
}

/// Runs a program and waits until it says at which address it is.
pub(crate) async fn spawn_ready(mut command: Command, log: &Path) -> (Child, String) {
    command.stdout(Stdio::piped()).stderr(log_file(log));
    let mut child = command.spawn().expect("it starts");
    let out = child.stdout.take().expect("its output");
    let Some(ready) = first_line(out).await else {
        child.kill().expect("it can be killed");
        child.wait().expect("it is gone");
        let log = std::fs::read_to_string(log);
        panic!("it did not get ready: {}", log.unwrap_or_default())
    };
    let (_, rest) = ready.split_once("http://").expect("the ready line has its address");
    let address = rest.split(' ').next().expect("an address");
    (child, format!("http://{address}"))
}
