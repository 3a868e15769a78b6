//! A PostgreSQL of a test's own, to be stopped, killed and started again.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::patience::{eventually, eventually_within};
use crate::port::free_port;
use crate::process::signal;

/// How long it may take to come back after a crash.
const START_MAX: Duration = Duration::from_secs(60);
/// Where Debian has its programs, a folder a version.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// A server in a scratch folder, on a free port of this machine. It ends with the test.
pub struct PostgresServer {
    child: Option<Child>,
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl PostgresServer {
    /// Makes one and waits until it can be used.
    pub async fn start() -> Self {
        // Not below TMPDIR: who runs it has to reach the folder, and the path of a socket is short.
        let folder = tempfile::Builder::new().prefix("boxoffice-postgres.").tempdir_in("/tmp");
        let folder = folder.expect("a scratch folder");
        if is_root() {
            let given = Command::new("chown").arg(owner()).arg(folder.path()).status();
            assert!(given.expect("chown runs").success(), "it refuses to run as root");
        }
        let mut server = Self { child: None, folder, programs: programs(), port: free_port() };
        let data = format!("--pgdata={}", server.data().display());
        let made = server
            .command("initdb")
            .args([&data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--no-instructions"])
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("initdb runs").success(), "a database cluster is made");
        server.start_again().await;
        server
    }

    /// The URL of its first database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Where it can be reached.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Stops it as `pg_ctl stop --mode=immediate` does: nobody is heard out, nothing is tidied up,
    /// and the next start recovers from the log.
    pub fn crash(&mut self) {
        self.end("QUIT");
    }

    /// Kills the process that all others of it belong to, which end when they notice.
    pub fn kill(&mut self) {
        self.end("KILL");
    }

    fn end(&mut self, name: &str) {
        let mut child = self.child.take().expect("it runs");
        signal(child.id(), name);
        child.wait().expect("it is gone");
    }

    /// Starts it again and waits until it can be used.
    pub async fn start_again(&mut self) {
        // While processes of a killed one are still there, a new one gives up at once.
        eventually_within(START_MAX, async || {
            let has_ended = match &mut self.child {
                None => true,
                Some(child) => child.try_wait().expect("it can be asked").is_some(),
            };
            if has_ended {
                self.child = Some(self.launch());
            }
            let mut connection = PgConnection::connect(&self.url()).await?;
            sqlx::query("select 1").execute(&mut connection).await?;
            connection.close().await
        })
        .await;
    }

    fn launch(&self) -> Child {
        let log = std::fs::File::options().create(true).append(true).open(self.log());
        let log = log.expect("a log file");
        let folder = self.folder.path().display();
        self.command("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string(), "-k", &folder.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100"])
            .stdout(log.try_clone().expect("the log, twice"))
            .stderr(log)
            .spawn()
            .expect("it starts")
    }

    /// A command of its own, run as who may.
    fn command(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let owner = owner();
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={owner}"), &format!("--regid={owner}")]);
            command.arg("--clear-groups").arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.stdin(Stdio::null());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Where its log is.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }

    /// Runs a statement that gives a number.
    pub async fn number(&self, statement: &str) -> i64 {
        eventually(async || {
            let mut connection = PgConnection::connect(&self.url()).await?;
            let statement = sqlx::AssertSqlSafe(statement.to_owned());
            let number = sqlx::query_scalar(statement).fetch_one(&mut connection).await?;
            connection.close().await.map(|()| number)
        })
        .await
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Its processes end with it; one that is gone already is fine.
            drop(Command::new("sh").args(["-c", &format!("kill -s QUIT {}", child.id())]).status());
            drop(child.wait());
        }
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").expect("Linux").uid() == 0
}

/// Who runs it instead of root.
fn owner() -> &'static str {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    if users.lines().any(|line| line.starts_with("postgres:")) { "postgres" } else { "nobody" }
}

/// The folder of the newest version's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir(PROGRAMS).into_iter().flatten().flatten();
    let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|version| version.path()).max_by_key(|path| number(path));
    // Where there are no such folders, the programs are among the others.
    newest.map_or_else(PathBuf::new, |version| version.join("bin"))
}
