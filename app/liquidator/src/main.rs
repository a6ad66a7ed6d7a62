//! `taper-liquidator`: the bot.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use taper_client::check::Unfit;
use taper_liquidator::config::Config;
use taper_liquidator::io::bot::{run, Start};
use taper_liquidator::io::chain::ChainError;
use taper_liquidator::metrics::{serve, Metrics};
use taper_liquidator::wallet::Wallet;
use tokio::signal::unix::{signal, SignalKind};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

/// Watches every margin account of a Taper exchange and earns by tapering the unhealthy ones.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Configuration; see liquidator.example.toml.
    #[arg(long, short)]
    config: PathBuf,
    /// Plans and simulates, and sends nothing.
    #[arg(long)]
    dry_run: bool,
    /// Shows a dashboard in the terminal.
    #[arg(long)]
    tui: bool,
}

/// Why the bot ends at once. Its exit code says whose affair it is.
enum Fault {
    /// This machine's: 1.
    Machine(String),
    /// The configuration's, or the keypair's: 2, as clap's for arguments.
    Configuration(String),
    /// The cluster is not what the configuration says: 3.
    Cluster(String),
    /// The node does not answer, or not with what was asked for: 4.
    Node(String),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Machine(reason)
    }
}

impl From<ChainError> for Fault {
    fn from(error: ChainError) -> Self {
        match &error {
            ChainError::Rpc(_) | ChainError::Unfit(Unfit::Rpc(_)) | ChainError::Incomplete(_) => {
                Self::Node(error.to_string())
            }
            ChainError::Unfit(_) => Self::Cluster(error.to_string()),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Err(fault) = start(&arguments) else { return ExitCode::SUCCESS };
    let (code, reason) = match fault {
        Fault::Machine(reason) => (1, reason),
        Fault::Configuration(reason) => (2, reason),
        Fault::Cluster(reason) => (3, reason),
        Fault::Node(reason) => (4, reason),
    };
    eprintln!("taper-liquidator: {reason}");
    ExitCode::from(code)
}

fn start(arguments: &Arguments) -> Result<(), Fault> {
    let config = Config::read(&arguments.config).map_err(|error| Fault::Configuration(error.to_string()))?;
    let wallet = Wallet::read(&config.caller.keypair).map_err(Fault::Configuration)?;
    log_to(&config, arguments.tui)?;
    let metrics = Arc::new(Metrics::new().map_err(|error| error.to_string())?);
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        if let Some(address) = config.report.metrics_listen {
            serve(address, metrics.clone()).await.map_err(|error| format!("cannot listen on {address}: {error}"))?;
        }
        let (end, shutdown) = watch::channel(false);
        let end = Arc::new(end);
        on_signals(end.clone())?;
        let dashboard = arguments
            .tui
            .then(|| taper_liquidator::dashboard::start(metrics.clone(), end.clone(), shutdown.clone()))
            .transpose()
            .map_err(|error| format!("no dashboard: {error}"))?;
        let ended = run(Start { config, wallet, dry_run: arguments.dry_run, metrics, shutdown }).await;
        end.send_replace(true);
        if let Some(dashboard) = dashboard {
            // Its thread gives the terminal back before it ends.
            let _ = dashboard.join();
        }
        Ok(ended?)
    })
}

fn log_to(config: &Config, tui: bool) -> Result<(), String> {
    let filter = match &config.report.filter {
        Some(filter) => EnvFilter::try_new(filter).map_err(|error| format!("report.filter: {error}"))?,
        None => EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    let file = config.report.log_file.clone().or_else(|| tui.then(|| PathBuf::from("taper-liquidator.log")));
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| error.to_string();
    match (file, config.report.json) {
        (None, false) => builder.with_writer(std::io::stderr).try_init().map_err(failed),
        (None, true) => builder.json().with_writer(std::io::stderr).try_init().map_err(failed),
        (Some(path), json) => {
            let file = std::fs::File::options().create(true).append(true).open(&path);
            let file = Arc::new(file.map_err(|error| format!("cannot write {}: {error}", path.display()))?);
            match json {
                true => builder.json().with_writer(file).try_init().map_err(failed),
                false => builder.with_ansi(false).with_writer(file).try_init().map_err(failed),
            }
        }
    }
}

/// The first signal asks for an end in good order; a second one would find it on its way.
fn on_signals(end: Arc<watch::Sender<bool>>) -> Result<(), String> {
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signals = signal(kind).map_err(|error| format!("no signals: {error}"))?;
        let end = end.clone();
        tokio::spawn(async move {
            if signals.recv().await.is_some() {
                end.send_replace(true);
            }
        });
    }
    Ok(())
}
