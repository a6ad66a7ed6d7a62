//! `taper-sim compare`: the same accounts, prices and book under several policies of liquidation, over crashes and seeds.

mod csv;
pub(crate) mod inputs;
pub(crate) mod measure;
mod screen;
pub(crate) mod summary;

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use taper_engine::quantity::QuoteAtoms;

use crate::exit::{exit, fail, BAD_INPUT};
use crate::lab::policy::{PolicyKind, DEFAULTS, KNOWN};
use crate::lab::population::{self, Population};
use crate::lab::run::{run as run_one, Outcome, RunSpec};
use crate::replay::events;
use crate::report::{self, Staging};
use inputs::{Feedback, InputError, Scenario, Surroundings};

const ATOMS_PER_USD: i64 = 1_000_000;

/// Arguments of `taper-sim compare`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Bundled events by name, separated by commas; `select`, `heldout` and `calm` are sets of them, `all` is every one.
    #[arg(long, value_name = "NAMES", default_value = "all", value_delimiter = ',')]
    events: Vec<String>,
    /// Compare on candles from a CSV or CSV.gz file with the header ts_ms,open,high,low,close,volume instead.
    #[arg(long, value_name = "FILE", conflicts_with = "events")]
    prices: Option<PathBuf>,
    /// With --prices: the window is the first so many candles; up to a day more is what comes later.
    #[arg(long, value_name = "N", requires = "prices", value_parser = clap::value_parser!(u32).range(1..))]
    candles: Option<u32>,
    /// Cut windows of so many hours, one after the other, out of all candles of the events or the file, instead of their own windows.
    #[arg(long, value_name = "HOURS", conflicts_with = "candles", value_parser = clap::value_parser!(u8).range(1..=24))]
    rolling: Option<u8>,
    /// Depth that the market maker quotes: sol, btc or eth. Default: the event's own, sol for a file.
    #[arg(long, value_name = "PROFILE")]
    depth: Option<String>,
    /// Time in which half of what was taken from the book is back, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    recovery: u16,
    /// Policies by name, or parameter files (*.toml), separated by commas; `--list-policies` shows them. The control hard-taper-fee is
    /// always among them.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values_t = DEFAULTS.map(str::to_owned))]
    policies: Vec<String>,
    /// List the policies and stop.
    #[arg(long)]
    list_policies: bool,
    /// Seeds: 1 up to this number. Each draws another population.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    seeds: u16,
    /// Whom the accounts are drawn from: hyperliquid-2025, bitmex-2019, aave-2023, or replay (that of `taper-sim replay`).
    #[arg(long, value_name = "NAME", default_value = population::DEFAULT)]
    population: String,
    /// Leveraged accounts.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=1_500))]
    accounts: u16,
    /// Open interest of the longs, in units of the calm depth within 1% on one side. Beyond 4.5 the market's cap and its throttle grow
    /// with it.
    #[arg(long, value_name = "DEPTHS", default_value = "4.5", value_parser = interest)]
    interest: i64,
    /// How much of the market's own displacement the oracle shows: 0, 0.5, 1, or several separated by commas.
    #[arg(long, value_name = "PART", value_delimiter = ',', default_value = "0.5")]
    feedback: Vec<Feedback>,
    /// What insurance has for the market before it starts, in dollars.
    #[arg(long, value_name = "USD", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    insurance: u64,
    /// Look at every account at every price, instead of only at those whose trigger the price has passed: the same result, later. For
    /// checking, and for measuring.
    #[arg(long)]
    look_at_all: bool,
    /// Write runs.csv (a row a run), summary.csv (means and spreads) and pairs.csv (differences paired by seed) to this folder.
    #[arg(long, value_name = "DIR")]
    csv: Option<PathBuf>,
    /// Write a page with charts (index.html, readable without a network) to this folder, with those files and what the charts show:
    /// series.csv and marks.csv. The folder must be new or empty; it is there when everything is in it.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
}

/// Depths with at most one decimal, as tenths.
pub(crate) fn interest(text: &str) -> Result<i64, String> {
    let (whole, tenth) = text.split_once('.').unwrap_or((text, "0"));
    let tenths = whole.parse::<i64>().ok().zip(tenth.parse::<i64>().ok().filter(|_| tenth.len() == 1));
    let tenths = tenths.map(|(whole, tenth)| whole.saturating_mul(10).saturating_add(tenth));
    tenths.filter(|tenths| (1..=600).contains(tenths)).ok_or_else(|| format!("'{text}' is not a number from 0.1 to 60"))
}

/// Everything that was run: all policies and seeds of an event at a feedback lie together, policy by policy.
pub struct Comparison {
    pub scenarios: Vec<Scenario>,
    pub policies: Vec<PolicyKind>,
    pub feedbacks: Vec<Feedback>,
    pub seeds: u64,
    pub accounts: usize,
    pub population: Population,
    /// Open interest of the longs, in tenths of the calm depth.
    pub interest_tenths: i64,
    /// What insurance has for the market before it starts.
    pub fund: QuoteAtoms,
    outcomes: Vec<Outcome>,
}

impl Comparison {
    /// The outcomes of a policy at an event and feedback, by seed.
    pub fn outcomes(&self, scenario: usize, feedback: usize, policy: usize) -> &[Outcome] {
        let seeds = usize::try_from(self.seeds).unwrap_or(usize::MAX);
        let start = ((scenario * self.feedbacks.len() + feedback) * self.policies.len() + policy) * seeds;
        self.outcomes.get(start..start + seeds).unwrap_or_default()
    }

    /// A run of it.
    pub fn spec(&self, scenario: usize, feedback: usize, policy: usize, seed: u64) -> RunSpec<'_> {
        RunSpec {
            feed: &self.scenarios[scenario].feed,
            policy: &self.policies[policy],
            seed,
            accounts: self.accounts,
            population: &self.population,
            interest_tenths: self.interest_tenths,
            feedback_halves: self.feedbacks[feedback].halves(),
            fund: self.fund,
            look_at_all: false,
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    if arguments.list_policies {
        for (name, what) in KNOWN {
            println!("{name:<18} {what}");
        }
        return ExitCode::SUCCESS;
    }
    let prepared = match prepare(arguments) {
        Ok(prepared) => prepared,
        Err(error) => return fail(&error.into(), BAD_INPUT),
    };
    let staging = match arguments.report.as_deref().map(Staging::beside).transpose() {
        Ok(staging) => staging,
        Err(error) => return fail(&error.into(), BAD_INPUT),
    };
    exit(compare(prepared, arguments, staging))
}

/// Reads everything that the arguments name, and makes the folder, before anything starts.
fn prepare(arguments: &Arguments) -> Result<Comparison, InputError> {
    let around = Surroundings {
        depth: arguments.depth.as_deref(),
        recovery_seconds: arguments.recovery,
        rolling_hours: arguments.rolling,
    };
    let scenarios = match &arguments.prices {
        Some(path) => inputs::from_file(path, arguments.candles, &around)?,
        None => inputs::from_events(&arguments.events, &around)?,
    };
    let population = Population::bundled(&arguments.population)?;
    let policies = inputs::policies(&arguments.policies, &scenarios)?;
    let mut feedbacks = arguments.feedback.clone();
    feedbacks.dedup();
    if let Some(folder) = &arguments.csv {
        make_folder(folder)?;
    }
    Ok(Comparison {
        scenarios,
        policies,
        feedbacks,
        seeds: u64::from(arguments.seeds),
        accounts: usize::from(arguments.accounts),
        population,
        interest_tenths: arguments.interest,
        fund: QuoteAtoms(i64::try_from(arguments.insurance).unwrap_or(i64::MAX).saturating_mul(ATOMS_PER_USD)),
        outcomes: Vec::new(),
    })
}

fn make_folder(folder: &Path) -> Result<(), InputError> {
    let named = |error| InputError::Folder(folder.display().to_string(), error);
    fs::create_dir_all(folder).map_err(named)?;
    // Found out now, not after ten minutes: the folder can be written to.
    fs::File::create(folder.join(csv::RUNS)).map(drop).map_err(named)
}

fn compare(mut comparison: Comparison, arguments: &Arguments, staging: Option<Staging>) -> Result<()> {
    let started = Instant::now();
    let busy = run_all(&mut comparison, arguments.look_at_all)?;
    // First of all: whoever stops reading the screen wants the report still.
    if let Some(staging) = staging {
        csv::write(staging.path(), &comparison).context("writing the report")?;
        report::write(&staging, &comparison, report::command_line(env::args_os())).context("writing the report")?;
        staging.finish()?;
    }
    screen::print(&mut io::stdout().lock(), &comparison)?;
    if let Some(folder) = &arguments.csv {
        csv::write(folder, &comparison).with_context(|| format!("writing to {}", folder.display()))?;
    }
    report_speed(&comparison, started.elapsed().as_secs_f64(), busy);
    Ok(())
}

/// Every run, in parallel; the outcomes lie in the order of the jobs, whoever finished first. Returns the seconds of all cores together.
fn run_all(comparison: &mut Comparison, look_at_all: bool) -> Result<f64> {
    let mut specs = Vec::new();
    for scenario in 0..comparison.scenarios.len() {
        for feedback in 0..comparison.feedbacks.len() {
            for policy in 0..comparison.policies.len() {
                let spec = |seed| RunSpec { look_at_all, ..comparison.spec(scenario, feedback, policy, seed) };
                specs.extend((1..=comparison.seeds).map(spec));
            }
        }
    }
    let progress = ProgressBar::new(u64::try_from(specs.len())?);
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {bar:40} {pos}/{len} runs, {eta} left") {
        progress.set_style(style);
    }
    let done: Vec<(Outcome, f64)> = specs
        .par_iter()
        .map(|spec| {
            let started = Instant::now();
            let outcome = run_one(spec).with_context(|| format!("policy {}, seed {}", spec.policy.name, spec.seed))?;
            progress.inc(1);
            Ok((outcome, started.elapsed().as_secs_f64()))
        })
        .collect::<Result<_>>()?;
    progress.finish_and_clear();
    let busy = done.iter().map(|(_, seconds)| seconds).sum();
    comparison.outcomes = done.into_iter().map(|(outcome, _)| outcome).collect();
    Ok(busy)
}

fn report_speed(comparison: &Comparison, seconds: f64, busy: f64) {
    let last = |outcome: &Outcome| outcome.later.as_ref().unwrap_or(&outcome.at_end).tally.account_steps;
    let steps: u64 = comparison.outcomes.iter().map(last).sum();
    eprintln!(
        "{} runs, {:.0} million account-steps in {seconds:.1} s: {:.1} million a second and core",
        comparison.outcomes.len(),
        steps as f64 / 1e6,
        steps as f64 / 1e6 / busy.max(1e-9),
    );
}

/// Prints one line a policy that exists, for the messages of bad input.
fn known_policies() -> String {
    KNOWN.map(|(name, _)| name).join(", ")
}

/// Names of the bundled crashes.
fn known_events() -> Result<Vec<events::Event>, InputError> {
    Ok(events::list()?)
}

/// Writes a line; a broken pipe comes back as an error like any other.
fn line(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "{}", text.trim_end())
}
