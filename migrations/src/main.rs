//! `taper-migrate`. Exit code 0: the cluster is as the file says; 1: an error; 3: it is not, and something is left to wait for or to decide.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde_json::json;
use taper_cli::config::{Overrides, Settings};
use taper_client::{Client, Fees, Patience};
use taper_migrate::desired::Desired;
use taper_migrate::execute::Migration;
use taper_migrate::plan::{plan, Action, Step};
use taper_migrate::program::{read, Comparison};

/// The cluster is not as the file says.
const EXIT_LEFT: u8 = 3;
/// Rounds of planning: create, list, propose, apply, and one to see that nothing is left.
const ROUNDS: usize = 6;

/// Brings a cluster to the state that a file describes.
#[derive(Parser)]
#[command(name = "taper-migrate", version)]
struct Cli {
    /// RPC address, or l, d, m, t.
    #[arg(short, long, global = true)]
    url: Option<String>,
    /// Keypair that signs and pays.
    #[arg(short, long, global = true)]
    keypair: Option<PathBuf>,
    /// Commitment.
    #[arg(long, global = true)]
    commitment: Option<String>,
    /// Configuration of the Solana CLI.
    #[arg(short = 'C', long, global = true)]
    config: Option<PathBuf>,
    /// Price of a compute unit, in millionths of a lamport.
    #[arg(long, global = true, default_value_t = 0)]
    unit_price: u64,
    /// Prints JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows what would be done.
    Plan {
        /// The file.
        file: PathBuf,
    },
    /// Shows it, asks, and does it.
    Apply {
        /// The file.
        file: PathBuf,
        /// Does not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Compares the deployed program with a local build.
    Program {
        /// The local build, such as target/deploy/taper.so.
        so: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli).await {
        Ok(code) => code,
        Err(error) => {
            if cli.json {
                println!("{:#}", json!({ "error": format!("{error:#}") }));
            } else {
                eprintln!("error: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: &Cli) -> Result<ExitCode> {
    let overrides = Overrides {
        config: cli.config.clone(),
        url: cli.url.clone(),
        keypair: cli.keypair.clone(),
        commitment: cli.commitment.clone(),
    };
    let settings = Settings::load(&overrides, std::env::home_dir().as_deref())?;
    let client = Client::new(&settings.url, settings.commitment, Patience::default());
    let (file, is_asked, is_dry) = match &cli.command {
        Command::Program { so } => return program(cli, &client, so).await,
        Command::Plan { file } => (file, false, true),
        Command::Apply { file, yes } => (file, !yes, false),
    };
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let desired = Desired::parse(&text, |name| std::env::var(name).ok()).with_context(|| file.display().to_string())?;
    let signer = settings.keypair()?;
    let fees = Fees { units: None, micro_lamports_per_unit: cli.unit_price };
    let migration = Migration { client: &client, signer: &signer, desired: &desired, fees };
    migration.check_cluster().await?;
    migrate(cli, &migration, is_asked, is_dry).await
}

async fn migrate(cli: &Cli, migration: &Migration<'_>, is_asked: bool, is_dry: bool) -> Result<ExitCode> {
    let mut done = Vec::new();
    let mut asked = !is_asked;
    for _ in 0..ROUNDS {
        let actual = migration.read().await?;
        let steps = plan(migration.desired, &actual);
        let executable: Vec<&Step> = steps.iter().filter(|step| step.action.is_executable()).collect();
        if !cli.json {
            show(&migration.exchange().to_string(), actual.slot, &steps);
        }
        if is_dry || executable.is_empty() {
            return Ok(finish(cli, migration, &steps, &done));
        }
        migration.check_signer(&actual, &steps)?;
        if !asked && !confirmed()? {
            println!("Nothing was sent.");
            return Ok(ExitCode::from(EXIT_LEFT));
        }
        asked = true;
        for step in executable {
            let landed = migration.execute(step).await.with_context(|| step.text.clone())?;
            if !cli.json {
                println!("done      {}  {}", step.text, landed.signature);
            }
            done.push(json!({ "step": step.text, "signature": landed.signature.to_string(), "slot": landed.slot }));
        }
    }
    anyhow::bail!("after {ROUNDS} rounds the cluster is still not as the file says: look at the plan")
}

fn show(exchange: &str, slot: u64, steps: &[Step]) {
    println!("Exchange {exchange}, slot {slot}");
    if steps.is_empty() {
        println!("The cluster is as the file says.");
    }
    for step in steps {
        println!("{step}");
    }
}

fn finish(cli: &Cli, migration: &Migration<'_>, steps: &[Step], done: &[serde_json::Value]) -> ExitCode {
    if cli.json {
        let left: Vec<_> = steps
            .iter()
            .map(|step| json!({ "step": step.text, "is_conflict": step.action == Action::Conflict, "is_executable": step.action.is_executable() }))
            .collect();
        println!("{:#}", json!({ "exchange": migration.exchange().to_string(), "done": done, "left": left }));
    }
    if steps.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_LEFT)
    }
}

fn confirmed() -> Result<bool> {
    print!("Apply? [y/N] ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn program(cli: &Cli, client: &Client, so: &std::path::Path) -> Result<ExitCode> {
    let local = std::fs::read(so).with_context(|| so.display().to_string())?;
    let deployed = read(client).await?;
    let comparison = deployed.compare(&local);
    let authority = deployed.upgrade_authority.map_or_else(|| "nobody".to_owned(), |key| key.to_string());
    let verdict = match comparison {
        Comparison::Same => "the deployed program is the local build, byte for byte".to_owned(),
        Comparison::Differs { at } => format!("the deployed program DIFFERS from the local build from byte {at} on"),
    };
    if cli.json {
        println!(
            "{:#}",
            json!({
                "same": comparison == Comparison::Same, "slot": deployed.slot, "upgrade_authority": authority,
                "data_account": deployed.data_account.to_string(), "local_bytes": local.len(), "deployed_bytes": deployed.bytes.len(),
            })
        );
    } else {
        println!("deployed in slot {}, can be replaced by {authority}\n{verdict}", deployed.slot);
    }
    Ok(if comparison == Comparison::Same { ExitCode::SUCCESS } else { ExitCode::from(EXIT_LEFT) })
}
