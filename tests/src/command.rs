//! The command line, run as a person at a shell runs it.

use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::door::{Door, PASSWORD};
use crate::process::program;

/// A shell with a sign-in and a folder of its own.
pub struct Shell {
    url: String,
    /// Where its commands run, and where what they keep is.
    pub folder: TempDir,
}

impl Shell {
    /// A shell in which nobody is signed in.
    pub fn open(door: &Door) -> Self {
        Self { url: door.url(), folder: tempfile::tempdir().expect("a scratch folder") }
    }

    /// A shell in which somebody with an account is signed in.
    pub async fn signed_in(door: &Door, email: &str) -> Self {
        let shell = Self::open(door);
        shell.json(&["login", "--email", email]).await;
        shell
    }

    /// A command, yet to be run. It dies with the test.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("boxoffice"));
        command.args(["--server", &self.url, "--session-file", "session.json"]).args(arguments);
        command.current_dir(self.folder.path()).env_clear().env("BOXOFFICE_PASSWORD", PASSWORD);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Runs a command and gives whatever came of it.
    pub async fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().await.expect("it runs")
    }

    /// Runs a command that succeeds, and gives what it prints for programs.
    pub async fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat()).await;
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }
}
