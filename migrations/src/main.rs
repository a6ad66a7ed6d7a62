//! `taper-migrate`. Exit code 0: the cluster is as the file says; 1: an error; 3: it is not, and something is left to wait for or to decide.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{ensure, Context, Result};
use clap::{Parser, Subcommand};
use serde_json::{json, Value};
use taper_cli::config::{Overrides, Settings};
use taper_client::{Client, Fees, Patience, TransactError};
use taper_migrate::desired::Desired;
use taper_migrate::execute::Migration;
use taper_migrate::plan::{plan, Action, Step};
use taper_migrate::program::{read, Comparison, Deployed};

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
        /// Refuses a cluster whose program is not this local build.
        #[arg(long, value_name = "SO")]
        build: Option<PathBuf>,
    },
    /// Shows it, asks, and does it.
    Apply {
        /// The file.
        file: PathBuf,
        /// Refuses a cluster whose program is not this local build.
        #[arg(long, value_name = "SO")]
        build: Option<PathBuf>,
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
    let (file, build, asks, is_dry) = match &cli.command {
        Command::Program { so } => return program(cli, &client, so).await,
        Command::Plan { file, build } => (file, build, false, true),
        Command::Apply { file, build, yes } => (file, build, !yes, false),
    };
    ensure!(!(asks && cli.json), "with --json nothing is asked: add --yes, or look at `plan --json` first");
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let desired = Desired::parse(&text, |name| std::env::var(name).ok()).with_context(|| file.display().to_string())?;
    let signer = settings.keypair()?;
    let fees = Fees { units: None, micro_lamports_per_unit: cli.unit_price };
    let migration = Migration { client: &client, signer: &signer, desired: &desired, fees };
    migration.check_cluster().await?;
    if let Some(build) = build {
        let (deployed, comparison) = compare(&client, build).await?;
        ensure!(comparison == Comparison::Same, "{}", told(&deployed, comparison));
    }
    Run { cli, migration, done: Vec::new(), left: Vec::new() }.finish(asks, is_dry).await
}

/// What has been done, and what was about to be.
struct Run<'a> {
    cli: &'a Cli,
    migration: Migration<'a>,
    done: Vec<Value>,
    left: Vec<String>,
}

impl Run<'_> {
    async fn finish(mut self, asks: bool, is_dry: bool) -> Result<ExitCode> {
        match self.rounds(asks, is_dry).await {
            Err(error) if !self.done.is_empty() || !self.left.is_empty() => Ok(self.stopped(&error)),
            ended => ended,
        }
    }

    async fn rounds(&mut self, asks: bool, is_dry: bool) -> Result<ExitCode> {
        let mut asked = !asks;
        for _ in 0..ROUNDS {
            let actual = self.migration.read().await?;
            let steps = plan(self.migration.desired, &actual);
            let executable: Vec<&Step> = steps.iter().filter(|step| step.action.is_executable()).collect();
            if !self.cli.json {
                show(&self.migration.exchange().to_string(), actual.slot, &steps);
            }
            if is_dry || executable.is_empty() {
                return Ok(self.ended(&steps));
            }
            self.migration.check_signer(&actual, &steps)?;
            self.migration.check_funds(&steps).await?;
            if !asked && !confirmed()? {
                println!("Nothing was sent.");
                return Ok(ExitCode::from(EXIT_LEFT));
            }
            asked = true;
            self.left = executable.iter().map(|step| step.text.clone()).collect();
            for step in executable {
                let landed = self.migration.execute(step).await.with_context(|| step.text.clone())?;
                if !self.cli.json {
                    println!("done      {}  {}", step.text, landed.signature);
                }
                let (text, signature) = (&step.text, landed.signature.to_string());
                self.done.push(json!({ "step": text, "signature": signature, "slot": landed.slot }));
                self.left.remove(0);
            }
        }
        anyhow::bail!("after {ROUNDS} rounds the cluster is still not as the file says: look at the plan")
    }

    fn ended(&self, steps: &[Step]) -> ExitCode {
        if self.cli.json {
            let row = |step: &Step| {
                json!({
                    "step": step.text, "is_conflict": step.action == Action::Conflict, "is_left": step.action.is_left(),
                    "is_executable": step.action.is_executable(),
                })
            };
            let left: Vec<_> = steps.iter().map(row).collect();
            println!(
                "{:#}",
                json!({ "exchange": self.migration.exchange().to_string(), "done": self.done, "left": left })
            );
        }
        if steps.iter().any(|step| step.action.is_left()) {
            ExitCode::from(EXIT_LEFT)
        } else {
            ExitCode::SUCCESS
        }
    }

    /// In the middle: exactly what was done, what was not, and how to go on.
    fn stopped(&self, error: &anyhow::Error) -> ExitCode {
        let is_unknown = matches!(error.downcast_ref::<TransactError>(), Some(TransactError::Unknown { .. }));
        let how = if is_unknown {
            "Look that transaction up first: it may have landed, or may still. Then run the same command again: it reads the cluster anew and does what is left."
        } else {
            "Run the same command again: it reads the cluster anew and does what is left."
        };
        if self.cli.json {
            let text = format!("{error:#}");
            println!(
                "{:#}",
                json!({ "error": text, "done": self.done, "not_done": self.left, "outcome_is_unknown": is_unknown, "how_to_go_on": how })
            );
            return ExitCode::FAILURE;
        }
        eprintln!("error: {error:#}");
        eprintln!(
            "Done before it, each a transaction of its own: {}",
            if self.done.is_empty() { "nothing" } else { "" }
        );
        for row in &self.done {
            eprintln!(
                "  {}  {}",
                row["step"].as_str().unwrap_or_default(),
                row["signature"].as_str().unwrap_or_default()
            );
        }
        eprintln!("Not done{}:", if is_unknown { " (the first of them perhaps)" } else { "" });
        for step in &self.left {
            eprintln!("  {step}");
        }
        eprintln!("{how}");
        ExitCode::FAILURE
    }
}

fn show(exchange: &str, slot: u64, steps: &[Step]) {
    println!("Exchange {exchange}, slot {slot}");
    if !steps.iter().any(|step| step.action.is_left()) {
        println!("The cluster is as the file says. Nothing to do.");
    }
    for step in steps {
        println!("{step}");
    }
}

fn confirmed() -> Result<bool> {
    eprint!("Apply? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn compare(client: &Client, so: &Path) -> Result<(Deployed, Comparison)> {
    let local = std::fs::read(so).with_context(|| so.display().to_string())?;
    let deployed = read(client).await?;
    let comparison = deployed.compare(&local);
    Ok((deployed, comparison))
}

fn told(deployed: &Deployed, comparison: Comparison) -> String {
    let authority = deployed.upgrade_authority.map_or_else(|| "nobody".to_owned(), |key| key.to_string());
    let verdict = match comparison {
        Comparison::Same => "the deployed program is the local build, byte for byte".to_owned(),
        Comparison::Differs { at } => format!("the deployed program DIFFERS from the local build from byte {at} on"),
    };
    format!("{verdict}. It was deployed in slot {}, and can be replaced by {authority}", deployed.slot)
}

async fn program(cli: &Cli, client: &Client, so: &Path) -> Result<ExitCode> {
    let (deployed, comparison) = compare(client, so).await?;
    if cli.json {
        println!(
            "{:#}",
            json!({
                "same": comparison == Comparison::Same, "slot": deployed.slot,
                "upgrade_authority": deployed.upgrade_authority.map(|key| key.to_string()),
                "data_account": deployed.data_account.to_string(), "deployed_bytes": deployed.bytes.len(),
                "differs_at": if let Comparison::Differs { at } = comparison { Some(at) } else { None },
            })
        );
    } else {
        println!("{}", told(&deployed, comparison));
    }
    Ok(if comparison == Comparison::Same { ExitCode::SUCCESS } else { ExitCode::from(EXIT_LEFT) })
}
