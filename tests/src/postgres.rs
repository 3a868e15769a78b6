//! A PostgreSQL of a test's own, to be stopped, killed and started again.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, ErrorKind, Write};
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
/// How much of its log a server on a small disk keeps: as little as it can.
const SMALL_LOG: &[&str] = &["-c", "min_wal_size=2MB", "-c", "max_wal_size=4MB"];
/// Where Debian has its programs, a folder a version.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// A server in a scratch folder, on a free port of this machine. It ends with the test.
pub struct PostgresServer {
    child: Option<Child>,
    /// What keeps the disk that its data are on, if that is a small one.
    disk: Option<Child>,
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl PostgresServer {
    /// Makes one and waits until it can be used.
    pub async fn start() -> Self {
        Self::make(None).await
    }

    /// The same, whose data are alone on a disk of that size, such as `64m`. Nobody else sees the
    /// disk, and it ends with the test. Only root can make one.
    pub async fn start_on_disk(size: &str) -> Self {
        assert!(is_root(), "a disk of its own takes root");
        Self::make(Some(size)).await
    }

    async fn make(disk_size: Option<&str>) -> Self {
        // Not below TMPDIR: who runs it has to reach the folder, and the path of a socket is short.
        let folder = tempfile::Builder::new().prefix("boxoffice-postgres.").tempdir_in("/tmp");
        let folder = folder.expect("a scratch folder");
        if is_root() {
            let given = Command::new("chown").arg(owner()).arg(folder.path()).status();
            assert!(given.expect("chown runs").success(), "it refuses to run as root");
        }
        let disk = disk_size.map(|size| mount(size, &folder.path().join("data")));
        let (programs, port) = (programs(), free_port());
        let mut server = Self { child: None, disk, folder, programs, port };
        let data = format!("--pgdata={}", server.data().display());
        let made = server
            .command("initdb")
            .args([&data, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--no-instructions"])
            .args(server.disk.is_some().then_some("--wal-segsize=1"))
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
            .args(if self.disk.is_some() { SMALL_LOG } else { &[] })
            .stdout(log.try_clone().expect("the log, twice"))
            .stderr(log)
            .spawn()
            .expect("it starts")
    }

    /// A command of its own, run as who may.
    fn command(&self, name: &str) -> Command {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(disk) = &self.disk {
            words.extend(["nsenter".into(), format!("--mount=/proc/{}/ns/mnt", disk.id()).into()]);
        }
        if is_root() {
            let owner = owner();
            words.extend(["setpriv".into(), format!("--reuid={owner}").into()]);
            words.extend([format!("--regid={owner}").into(), "--clear-groups".into()]);
        }
        words.push(self.programs.join(name).into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        command.current_dir(self.folder.path()).env("HOME", self.folder.path());
        command.stdin(Stdio::null());
        command
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_none_or(|child| child.try_wait().expect("it can be asked").is_some())
    }

    /// A file on its small disk, as others than itself find it.
    fn ballast(&self) -> PathBuf {
        let keeper = self.disk.as_ref().expect("a small disk").id().to_string();
        let data = self.data();
        let data = data.strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(keeper).join("root").join(data).join("ballast")
    }

    /// Fills its small disk to the last byte.
    pub fn fill_disk(&self) {
        let mut ballast = std::fs::File::create(self.ballast()).expect("a file");
        let mut piece = vec![0_u8; 64 * 1024];
        while !piece.is_empty() {
            match ballast.write(&piece) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => {
                    piece.truncate(piece.len() / 2);
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Makes space on it again.
    pub fn empty_disk(&self) {
        std::fs::remove_file(self.ballast()).expect("it was there");
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
        if let Some(disk) = &mut self.disk {
            drop(disk.kill());
            drop(disk.wait());
        }
    }
}

/// Makes a disk of that size, which is there for whoever enters the space of the process that is
/// given, and for as long as that runs.
fn mount(size: &str, folder: &Path) -> Child {
    std::fs::create_dir(folder).expect("a folder");
    let script = format!(
        "mount -t tmpfs -o size={size},mode=0700 boxoffice {0} && chown {1} {0} && \
         echo there && exec cat",
        folder.display(),
        owner()
    );
    let mut keeper = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let out = BufReader::new(keeper.stdout.as_mut().expect("its output"));
    let said = out.lines().next().and_then(Result::ok);
    assert_eq!(said.as_deref(), Some("there"), "the disk is mounted");
    keeper
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
