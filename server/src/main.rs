//! Starts a server, says where it is, and stops it when asked to.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use boxoffice_server::app::App;
use boxoffice_server::config::{Config, Settings, SettingsError};
use boxoffice_server::welcome;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let begun = Instant::now();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let settings = match Settings::read(std::env::args_os(), names) {
        Ok(settings) => settings,
        Err(SettingsError::Usage(usage)) => usage.exit(),
        Err(SettingsError::Complaint(complaint)) => return refuse(&complaint),
    };
    let config = match settings.complete(kept_secret) {
        Ok(config) => config,
        Err(complaint) => return refuse(&complaint),
    };
    let filter = match EnvFilter::try_new(&config.log) {
        Ok(filter) => filter,
        Err(error) => return refuse(&format!("--log {}: {error}", config.log)),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("the runtime cannot start: {error}")),
    };
    match runtime.block_on(run(&config, begun)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(complaint) => refuse(&complaint),
    }
}

async fn run(config: &Config, begun: Instant) -> Result<(), String> {
    let mut signals = Signals::install().map_err(|error| error.to_string())?;
    let app = App::start(config).await.map_err(|error| error.to_string())?;
    let text = welcome::text(config, app.address(), app.new_admin.as_ref(), begun.elapsed());
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| e.to_string())?;
    drop(out);
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
