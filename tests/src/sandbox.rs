//! The sandbox as a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use sqlx::{Connection, SqliteConnection};
use uuid::Uuid;

use crate::process::{program, spawn_ready};

/// What the sandbox and the server sign webhooks with.
const SECRET: &str = "whsec_of_the_tests";

/// A sandbox of its own, with a ledger that survives whatever happens to the server.
pub struct SandboxChild {
    child: Child,
    url: String,
    /// Its ledger: a SQLite file.
    pub ledger: PathBuf,
}

/// A charge as the ledger's file has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerLine {
    /// The payment.
    pub payment_id: Uuid,
    /// `CAPTURED`, `DECLINED`, `CANCELED`, `ACTION` or `OPEN`.
    pub state: String,
    /// ISO 4217 code.
    pub currency_code: String,
    /// How much was asked for.
    pub amount_minor: i64,
    /// How much was given back.
    pub refunded_minor: i64,
}

/// Reads a ledger's file, by no way that the server knows.
pub async fn read_ledger(file: &Path) -> Vec<LedgerLine> {
    const SQL: &str = "select c.payment_id, c.state, c.currency_code, c.amount_minor,
            coalesce((select sum(r.amount_minor) from refund r
                where r.payment_id = c.payment_id), 0)
        from charge c order by c.payment_id";
    let url = format!("sqlite://{}?mode=ro", file.display());
    let mut conn = SqliteConnection::connect(&url).await.expect("the ledger opens");
    let rows: Vec<(Uuid, String, String, i64, i64)> =
        sqlx::query_as(SQL).fetch_all(&mut conn).await.expect("its charges");
    let lines = rows.into_iter().map(|row| LedgerLine {
        payment_id: row.0,
        state: row.1,
        currency_code: row.2,
        amount_minor: row.3,
        refunded_minor: row.4,
    });
    lines.collect()
}

impl SandboxChild {
    /// Starts one that posts its webhooks to a server on this port of this machine.
    pub async fn start(folder: &Path, server_port: u16) -> Self {
        let ledger = folder.join("ledger.db");
        let arguments = [
            "sandbox".to_owned(),
            "--listen=127.0.0.1:0".to_owned(),
            format!("--ledger={}", ledger.display()),
            format!("--webhook-url=http://127.0.0.1:{server_port}/webhooks/sandbox"),
            format!("--webhook-secret={SECRET}"),
            "--log=warn".to_owned(),
        ];
        let log = folder.join("sandbox.log");
        let mut command = Command::new(program("boxoffice-server"));
        command.args(arguments).current_dir(folder).env_clear();
        let (child, url) = spawn_ready(command, &log).await;
        Self { child, url, ledger }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The flags by which a server uses it.
    pub fn flags(&self) -> [String; 4] {
        Self::flags_of(&self.url)
    }

    /// The flags by which a server uses a sandbox that it reaches at another address.
    pub fn flags_of(url: &str) -> [String; 4] {
        let gateway = format!("sandbox+{url}");
        ["--payments".into(), gateway, "--webhook-secret".into(), SECRET.into()]
    }

    /// What the ledger's file says.
    pub async fn lines(&self) -> Vec<LedgerLine> {
        read_ledger(&self.ledger).await
    }
}

impl Drop for SandboxChild {
    fn drop(&mut self) {
        // A test leaves no process behind; one that is gone already is fine.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
