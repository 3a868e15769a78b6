//! The program: starts a server, or the sandbox, says where it is, and stops it when asked to.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use tracing_subscriber::EnvFilter;

use crate::adapters::sandbox::{SandboxConfig, SandboxProcess};
use crate::app::App;
use crate::config::{Command, Config, Settings, SettingsError};
use crate::kernel::limits::THREADS_END_DURATION_MAX;
use crate::sandbox_config::SandboxSettings;
use crate::welcome;

/// Does what the command line and the environment ask for, until it is stopped.
pub fn main() -> ExitCode {
    let begun = Instant::now();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    #[cfg(feature = "faults")]
    let names = names.filter(|name| name != crate::faults::VARIABLE);
    let mut settings = match Settings::read(std::env::args_os(), names) {
        Ok(settings) => settings,
        Err(SettingsError::Usage(usage)) => usage.exit(),
        Err(SettingsError::Complaint(complaint)) => return refuse(&complaint),
    };
    let done = match settings.command.take() {
        Some(Command::Sandbox(settings)) => be_sandbox(settings),
        None => be_server(settings, begun),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => refuse(&complaint),
    }
}

fn be_server(settings: Settings, begun: Instant) -> Result<(), String> {
    let config = settings.complete(kept_secret)?;
    log(&config.log)?;
    block_on(run(&config, begun))
}

fn be_sandbox(settings: SandboxSettings) -> Result<(), String> {
    log(&settings.log)?;
    let config = settings.complete()?;
    block_on(run_sandbox(config))
}

fn log(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("--log {filter}: {error}"))?;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    Ok(())
}

fn block_on(work: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the runtime cannot start: {error}"))?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(THREADS_END_DURATION_MAX);
    done
}

async fn run_sandbox(config: SandboxConfig) -> Result<(), String> {
    let mut signals = Signals::install().map_err(|error| error.to_string())?;
    let sandbox = SandboxProcess::start(config).await.map_err(|error| error.to_string())?;
    let address = sandbox.address();
    let text =
        format!("The sandbox takes no real money at http://{address} — stop it with Ctrl-C\n");
    say(&text)?;
    tokio::select! {
        () = signals.wait() => {}
        () = sandbox.failure() => return Err("the sandbox has failed; the log says how".into()),
    }
    sandbox.stop().await;
    Ok(())
}

fn say(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| error.to_string())
}

async fn run(config: &Config, begun: Instant) -> Result<(), String> {
    let mut signals = Signals::install().map_err(|error| error.to_string())?;
    let app = App::start(config).await.map_err(|error| error.to_string())?;
    let text = welcome::text(config, app.address(), app.new_admin.as_ref(), begun.elapsed());
    say(&text)?;
    let failed = tokio::select! {
        () = signals.wait() => false,
        () = app.failure() => true,
    };
    tracing::info!("stopping");
    if failed {
        // Whoever keeps the server running starts it again; nothing acknowledged is lost.
        return Err("a part of the server has failed; the log says which".to_owned());
    }
    app.stop().await.map_err(|error| error.to_string())
}

/// The two ways a person or a supervisor asks a server to stop.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn install() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn refuse(complaint: &str) -> ExitCode {
    let mut err = std::io::stderr().lock();
    // If nobody can be told, the exit code still tells.
    drop(writeln!(err, "boxoffice-server: {complaint}"));
    ExitCode::FAILURE
}

/// The secret of an installation that was given none: made at the first start, readable by its
/// owner alone.
fn kept_secret(path: &Path) -> Result<String, String> {
    use std::os::unix::fs::OpenOptionsExt;
    let complain = |error: std::io::Error| {
        let path = path.display();
        format!("no secret is set, and {path}, beside the --database, cannot keep one: {error}")
    };
    match std::fs::read_to_string(path) {
        Ok(text) => return Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(complain(error)),
    }
    let random: [u8; 32] = rand::random();
    let text: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    // Written aside and linked, so that it is there whole or not at all, and the first one stays.
    let aside = path.with_extension(format!("secret.{}", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(&aside).map_err(complain)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| std::fs::hard_link(&aside, path));
    std::fs::remove_file(&aside).map_err(complain)?;
    linked.map_err(complain)?;
    Ok(text)
}
