//! Settings: flags, then environment, then a TOML file, then what a small installation needs.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use serde::Deserialize;

use crate::adapters::mail_message::sender;
use crate::adapters::sandbox::{WebhookPlan, WebhookSecret};
use crate::sandbox_config::{PaymentSettings, SandboxSettings, payments, webhook_plan};
use crate::secret::Secret;

/// The secret of the examples in the documentation; production refuses it.
pub const EXAMPLE_SECRET: &str = "change-me: at least 32 characters of your own";

/// The variables of the command line, which may stand in the environment beside the server's.
const CLIENT_VARIABLES: [&str; 5] = [
    "BOXOFFICE_SERVER",
    "BOXOFFICE_SESSION",
    "BOXOFFICE_PASSWORD",
    "BOXOFFICE_NEW_PASSWORD",
    "BOXOFFICE_SERVICE_SECRET",
];

/// Sells tickets over gRPC, gRPC-Web and plain health pages, all on one port.
#[derive(Clone, Default, Parser, Deserialize)]
#[command(name = "boxoffice-server", version, about)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A TOML file with the same names as the flags, e.g. `listen = "0.0.0.0:50051"`
    #[arg(long, env = "BOXOFFICE_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:50051]
    #[arg(long, env = "BOXOFFICE_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// The database: sqlite://FILE or postgres://… [default: sqlite://boxoffice.db]
    #[arg(long, env = "BOXOFFICE_DATABASE", value_name = "URL", hide_env_values = true)]
    pub database: Option<String>,
    /// Where holds are kept: `database` [default: database]
    #[arg(long, env = "BOXOFFICE_HOLDS", value_name = "WHERE")]
    pub holds: Option<String>,
    /// How events travel: `database` [default: database]
    #[arg(long, env = "BOXOFFICE_BUS", value_name = "HOW")]
    pub bus: Option<String>,
    /// Who takes the money: `sandbox`, in this process, or `sandbox+http://HOST:PORT`, a process of
    /// its own [default: sandbox]
    #[arg(long, env = "BOXOFFICE_PAYMENTS", value_name = "GATEWAY")]
    pub payments: Option<String>,
    /// The sandbox gateway's own ledger [default: beside the database]
    #[arg(long, env = "BOXOFFICE_SANDBOX_LEDGER", value_name = "URL")]
    pub sandbox_ledger: Option<String>,
    /// The webhooks of a sandbox in this process: `on`, `off`, or faults in percent, such as
    /// `late=20,doubled=20,reordered=20,seed=7` [default: on]
    #[arg(long, env = "BOXOFFICE_SANDBOX_WEBHOOKS", value_name = "PLAN")]
    pub sandbox_webhooks: Option<String>,
    /// What a payment gateway in another process signs its webhooks with
    #[arg(long, env = "BOXOFFICE_WEBHOOK_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub webhook_secret: Option<String>,
    /// What mails leave by: dir:FOLDER, a file a mail [default: a folder beside the database]
    #[arg(long, env = "BOXOFFICE_MAIL", value_name = "URL", hide_env_values = true)]
    pub mail: Option<String>,
    /// Whom mails come from [default: Boxoffice <tickets@boxoffice.localhost>; required in
    /// production]
    #[arg(long, env = "BOXOFFICE_MAIL_FROM", value_name = "ADDRESS")]
    pub mail_from: Option<String>,
    /// What links in mails begin with, e.g. https://shop.example: a website with the pages
    /// /verify-email, /reset-password, /bookings/ID and /events/ID, which the server does not serve
    /// [default: where it listens; required in production]
    #[arg(long, env = "BOXOFFICE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Insist on everything that production needs: secrets, a sender and a website of one's own, no
    /// demo data
    #[arg(long, env = "BOXOFFICE_PRODUCTION")]
    pub production: bool,
    /// The installation's secret, from which every key follows [default: made at the first start
    /// and kept in a file beside the database; required in production]
    #[arg(long, env = "BOXOFFICE_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub secret: Option<String>,
    /// The secret before this one: what was signed with it stays valid
    #[arg(long, env = "BOXOFFICE_PREVIOUS_SECRET", value_name = "TEXT", hide_env_values = true)]
    pub previous_secret: Option<String>,
    /// The e-mail of the admin that the first start makes [default: admin@boxoffice.localhost]
    #[arg(long, env = "BOXOFFICE_ADMIN_EMAIL", value_name = "ADDRESS")]
    pub admin_email: Option<String>,
    /// The password of that admin [default: made up and shown once; required in production]
    #[arg(long, env = "BOXOFFICE_ADMIN_PASSWORD", value_name = "TEXT", hide_env_values = true)]
    pub admin_password: Option<String>,
    /// Web origins whose pages may call over gRPC-Web, e.g. https://shop.example
    #[arg(long, env = "BOXOFFICE_CORS_ORIGINS", value_name = "ORIGIN", value_delimiter = ',')]
    pub cors_origins: Vec<String>,
    /// What is logged, as a tracing filter [default: info]
    #[arg(long, env = "BOXOFFICE_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Start with demo data in sqlite://boxoffice-demo.db: two venues, events, a user of each role
    #[arg(long, env = "BOXOFFICE_DEMO")]
    pub demo: bool,
    /// Something else than serving
    #[command(subcommand)]
    #[serde(skip)]
    pub command: Option<Command>,
}

/// What the program does besides serving.
#[derive(Clone, Subcommand)]
pub enum Command {
    /// Be a payment gateway for trying things out, with a ledger of its own
    Sandbox(SandboxSettings),
}

/// Who takes the money.
#[derive(Clone)]
pub enum Payments {
    /// The sandbox in this process.
    Sandbox {
        /// Its ledger's URL.
        ledger: String,
    },
    /// The sandbox as a process of its own.
    RemoteSandbox {
        /// Where it is.
        url: String,
        /// What it signs its webhooks with.
        webhook_secret: WebhookSecret,
    },
}

/// Settings that are complete and possible.
#[derive(Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: String,
    /// The database's URL.
    pub database: String,
    /// Who takes the money.
    pub payments: Payments,
    /// The webhooks of a sandbox in this process; `None` when it posts none.
    pub sandbox_webhooks: Option<WebhookPlan>,
    /// The folder that mails are written to.
    pub mail_folder: PathBuf,
    /// Whom mails come from.
    pub mail_from: String,
    /// What links in mails begin with; where the server listens unless it is set.
    pub public_url: Option<String>,
    /// Whether production's rules apply.
    pub production: bool,
    /// The installation's secret.
    pub secret: Secret,
    /// Secrets that came before it.
    pub previous_secrets: Vec<Secret>,
    /// The e-mail of the first admin.
    pub admin_email: String,
    /// The password of the first admin, if it was given.
    pub admin_password: Option<String>,
    /// Web origins that browsers may call from.
    pub cors_origins: Vec<String>,
    /// What is logged.
    pub log: String,
    /// Whether there is demo data.
    pub demo: bool,
}

/// A sentence that names the setting that is wrong.
pub type Complaint = String;

impl Settings {
    /// Reads flags, environment and file. `environment` is every variable of the process: one that
    /// begins with `BOXOFFICE_` and is unknown is a mistake.
    pub fn read(
        arguments: impl IntoIterator<Item = std::ffi::OsString>,
        environment: impl IntoIterator<Item = String>,
    ) -> Result<Self, SettingsError> {
        let flags = Self::try_parse_from(arguments).map_err(SettingsError::Usage)?;
        require_known(environment).map_err(SettingsError::Complaint)?;
        let Some(path) = flags.config.clone() else { return Ok(flags) };
        let file = Self::from_file(&path).map_err(SettingsError::Complaint)?;
        Ok(flags.or(file))
    }

    fn from_file(path: &Path) -> Result<Self, Complaint> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("--config {}: {error}", path.display()))?;
        toml::from_str(&text).map_err(|error| format!("{}: {}", path.display(), error.message()))
    }

    fn or(self, file: Self) -> Self {
        let many = |flags: Vec<String>, file| if flags.is_empty() { file } else { flags };
        Self {
            config: self.config,
            listen: self.listen.or(file.listen),
            database: self.database.or(file.database),
            holds: self.holds.or(file.holds),
            bus: self.bus.or(file.bus),
            payments: self.payments.or(file.payments),
            sandbox_ledger: self.sandbox_ledger.or(file.sandbox_ledger),
            sandbox_webhooks: self.sandbox_webhooks.or(file.sandbox_webhooks),
            webhook_secret: self.webhook_secret.or(file.webhook_secret),
            mail: self.mail.or(file.mail),
            mail_from: self.mail_from.or(file.mail_from),
            public_url: self.public_url.or(file.public_url),
            production: self.production || file.production,
            secret: self.secret.or(file.secret),
            previous_secret: self.previous_secret.or(file.previous_secret),
            admin_email: self.admin_email.or(file.admin_email),
            admin_password: self.admin_password.or(file.admin_password),
            cors_origins: many(self.cors_origins, file.cors_origins),
            log: self.log.or(file.log),
            demo: self.demo || file.demo,
            command: self.command,
        }
    }

    /// Completes the settings. `kept_secret` finds or makes the secret of an installation that was
    /// given none, in the file it is told.
    pub fn complete(
        self,
        kept_secret: impl FnOnce(&Path) -> Result<String, Complaint>,
    ) -> Result<Config, Complaint> {
        require_one_of("--holds", self.holds.as_deref(), "database")?;
        require_one_of("--bus", self.bus.as_deref(), "database")?;
        if self.production && self.demo {
            return Err("--demo makes users with known passwords; not with --production".into());
        }
        let default =
            if self.demo { "sqlite://boxoffice-demo.db" } else { "sqlite://boxoffice.db" };
        let database = self.database.unwrap_or_else(|| default.to_owned());
        let file = database_file(&database)?;
        let text = match self.secret {
            Some(text) => text,
            None if self.production => {
                return Err("BOXOFFICE_SECRET is not set; production needs one of its own".into());
            }
            None => kept_secret(&file.with_extension("secret"))?,
        };
        if self.production && text.trim() == EXAMPLE_SECRET {
            return Err("BOXOFFICE_SECRET is the example's; production needs one of its own".into());
        }
        let secret = Secret::parse(&text)
            .ok_or("BOXOFFICE_SECRET must be at least 32 characters, not all alike")?;
        if self.production {
            require_given("--mail-from", self.mail_from.as_ref(), "the sender of its mails")?;
            require_given("--public-url", self.public_url.as_ref(), "where its mails lead to")?;
        }
        let previous = self.previous_secret.map(|text| {
            Secret::parse(&text)
                .ok_or("BOXOFFICE_PREVIOUS_SECRET must be at least 32 characters, not all alike")
        });
        let ledger = format!("sqlite://{}", file.with_extension("sandbox.db").display());
        let plan = self.sandbox_webhooks.as_deref();
        let given = PaymentSettings {
            payments: self.payments.as_deref(),
            ledger: self.sandbox_ledger.as_deref(),
            webhooks: plan,
            secret: self.webhook_secret.as_deref(),
        };
        let payments = payments(&given, ledger)?;
        let sandbox_webhooks = webhook_plan("--sandbox-webhooks", plan)?;
        Ok(Config {
            listen: self.listen.unwrap_or_else(|| "127.0.0.1:50051".to_owned()),
            database,
            payments,
            sandbox_webhooks,
            mail_folder: match self.mail {
                Some(url) => mail_folder(&url)?,
                None => file.with_extension("mails"),
            },
            mail_from: mail_from(self.mail_from)?,
            public_url: self.public_url.map(|url| public_url(&url)).transpose()?,
            production: self.production,
            secret,
            previous_secrets: previous.transpose()?.into_iter().collect(),
            admin_email: self.admin_email.unwrap_or_else(|| "admin@boxoffice.localhost".to_owned()),
            admin_password: self.admin_password,
            cors_origins: self.cors_origins,
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            demo: self.demo,
        })
    }
}

/// Why settings could not be read.
#[derive(Debug)]
pub enum SettingsError {
    /// The flags were wrong, or help was asked for.
    Usage(clap::Error),
    /// Something else was.
    Complaint(Complaint),
}

fn require_known(environment: impl IntoIterator<Item = String>) -> Result<(), Complaint> {
    let command = <Settings as clap::CommandFactory>::command();
    let known: Vec<&std::ffi::OsStr> =
        command.get_arguments().filter_map(clap::Arg::get_env).collect();
    // The client's own variables and those of the tests may stand beside the server's.
    let ours = environment.into_iter().filter(|name| name.starts_with("BOXOFFICE_"));
    for name in ours {
        let tests = name.starts_with("BOXOFFICE_TEST_");
        if !tests
            && !CLIENT_VARIABLES.contains(&name.as_str())
            && !known.iter().any(|known| **known == *name)
        {
            return Err(format!("the environment sets {name}, which is no setting"));
        }
    }
    Ok(())
}

fn require_one_of(flag: &str, given: Option<&str>, only: &str) -> Result<(), Complaint> {
    match given {
        Some(other) if other != only => {
            Err(format!("{flag} {other} is not possible in this version; it knows {only}"))
        }
        _ => Ok(()),
    }
}

/// Refuses what production needs to be told and was not.
fn require_given(flag: &str, given: Option<&String>, what: &str) -> Result<(), Complaint> {
    match given {
        Some(_) => Ok(()),
        None => Err(format!("{flag} is not set; production needs {what}")),
    }
}

/// The folder of `dir:FOLDER`. Other values may hold a password, and are not repeated.
fn mail_folder(url: &str) -> Result<PathBuf, Complaint> {
    match url.strip_prefix("dir:") {
        Some("") => Err("--mail dir: needs the name of a folder".into()),
        Some(folder) => Ok(PathBuf::from(folder)),
        None if url.starts_with("smtp") => {
            Err("--mail smtp://… is not possible in this version; it knows dir:FOLDER".into())
        }
        None => Err("--mail must be dir:FOLDER".into()),
    }
}

fn mail_from(given: Option<String>) -> Result<String, Complaint> {
    let from = given.unwrap_or_else(|| "Boxoffice <tickets@boxoffice.localhost>".to_owned());
    match sender(&from) {
        Ok(_) => Ok(from),
        Err(must) => Err(format!("--mail-from {must}")),
    }
}

fn public_url(url: &str) -> Result<String, Complaint> {
    let url = url.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let plain = |host: &str| !host.contains(['?', '#', '"', ' ']) && !host.starts_with('/');
    match host {
        Some(host) if !host.is_empty() && plain(host) => Ok(url.to_owned()),
        _ => Err("--public-url must be such as https://shop.example".into()),
    }
}

/// The file that things beside the database are named after.
fn database_file(url: &str) -> Result<PathBuf, Complaint> {
    if let Some(path) = url.strip_prefix("sqlite://") {
        let path = path.split('?').next().unwrap_or_default();
        if path.is_empty() || path.contains(":memory:") {
            return Err("--database sqlite:// needs the name of a file".into());
        }
        return Ok(PathBuf::from(path));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok(PathBuf::from("boxoffice.db"));
    }
    Err("--database must be sqlite://FILE or postgres://…".into())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
