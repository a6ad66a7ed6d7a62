//! `taper-sim replay`: a real crash, candle by candle, through the real program on an embedded chain.

mod calendar;
pub(crate) mod candles;
mod decimal;
pub(crate) mod depth;
pub(crate) mod events;
pub(crate) mod liquidator;
pub(crate) mod maker;
pub(crate) mod path;
pub(crate) mod population;
pub(crate) mod report;
mod resolver;
mod screen;
pub(crate) mod session;
mod stage;
mod tally;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use taper_harness::PriceSource;

use crate::exit::{exit, fail, BAD_INPUT};
use candles::{CandleFileError, Candles};
use depth::{DepthError, DepthProfile};
use events::EventError;
use path::Jump;
use report::{Report, Source};
use session::Settings;

const ATOMS_PER_USD: i64 = 1_000_000;

/// Arguments of `taper-sim replay`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// A bundled crash; `--list-events` shows them.
    #[arg(long, value_name = "NAME", default_value = events::DEFAULT_EVENT)]
    event: String,
    /// List the bundled crashes and stop.
    #[arg(long)]
    list_events: bool,
    /// Replay candles from a CSV or CSV.gz file with the header ts_ms,open,high,low,close,volume instead.
    #[arg(long, value_name = "FILE", conflicts_with = "event")]
    prices: Option<PathBuf>,
    /// Replay only the first so many candles.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    candles: Option<u32>,
    /// Put a jump into the path: the price falls by so many percent from one posted price to the next. Negative: it rises.
    #[arg(long, value_name = "PERCENT", allow_negative_numbers = true, value_parser = clap::value_parser!(i64).range(-100..=90))]
    jump: Option<i64>,
    /// The candle of the jump, counted from 1. Default: the one in the middle.
    #[arg(long, value_name = "N", requires = "jump", value_parser = clap::value_parser!(u32).range(2..))]
    jump_at: Option<u32>,
    /// Donate so many dollars to insurance for the market before it starts.
    #[arg(long, value_name = "USD", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    insurance: u64,
    /// Draws the accounts, their keys, sizes and leverages.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leveraged accounts, three quarters of them long.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=500))]
    accounts: u16,
    /// Depth that the market maker quotes: sol, btc or eth. Default: the event's own, sol for a file.
    #[arg(long, value_name = "PROFILE")]
    depth: Option<String>,
    /// Layout of the Pyth accounts.
    #[arg(long, value_enum, default_value_t = Oracle::Pull)]
    oracle: Oracle,
    /// Write everything that happened to a file, machine-readable.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Layout of the Pyth accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Oracle {
    /// Legacy price accounts.
    Push,
    /// `PriceUpdateV2` accounts.
    Pull,
}

/// What stops a replay before it starts.
#[derive(Debug, thiserror::Error)]
enum InputError {
    #[error(transparent)]
    Event(#[from] EventError),
    #[error(transparent)]
    Candles(#[from] CandleFileError),
    #[error(transparent)]
    Depth(#[from] DepthError),
    #[error("{0}: cannot write the JSON file: {1}")]
    Json(String, io::Error),
    #[error("--jump-at {at}: the replay has {candles} candles only")]
    JumpAt { at: u32, candles: usize },
    #[error("--jump {0}: it would not move the price")]
    NoJump(i64),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    if arguments.list_events {
        return exit(list());
    }
    let (settings, json) = match prepare(arguments) {
        Ok(prepared) => prepared,
        Err(error) => return fail(&error.into(), BAD_INPUT),
    };
    exit(replay(&settings, json))
}

fn list() -> Result<()> {
    let mut out = io::stdout().lock();
    for event in events::list()? {
        let mark = if event.name == events::DEFAULT_EVENT { " (default)" } else { "" };
        writeln!(out, "{:<17} {}; {} candles{mark}", event.name, event.title, event.candles)?;
    }
    Ok(())
}

/// Reads everything that the arguments name, and opens the JSON file, before anything starts.
fn prepare(arguments: &Arguments) -> Result<(Settings, Option<File>), InputError> {
    let (name, title, mut candles, first, depth) = load(arguments)?;
    let limit = arguments.candles.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    candles.rows.truncate(first.saturating_add(limit));
    candles.check_replayable(&name)?;
    let jump = jump(arguments, first, candles.rows.len().saturating_sub(first))?;
    DepthProfile::bundled(&depth)?;
    let json = arguments.json.as_deref().map(create).transpose()?;
    let insurance_atoms = i64::try_from(arguments.insurance).unwrap_or(i64::MAX).saturating_mul(ATOMS_PER_USD);
    let source = Source {
        name,
        title,
        seed: arguments.seed,
        processor: "",
        oracle: match arguments.oracle {
            Oracle::Push => "push",
            Oracle::Pull => "pull",
        },
        depth_profile: depth,
        first_ts_ms: candles.rows.get(first).map_or(0, |candle| candle.time_ms),
        spacing_ms: candles.spacing_ms,
        candles: candles.rows.len().saturating_sub(first),
        jump_percent: arguments.jump,
        jump_candle: jump.map(|jump| jump.candle.saturating_sub(first).saturating_add(1)),
        insurance_donated_atoms: insurance_atoms,
    };
    let layout = match arguments.oracle {
        Oracle::Push => PriceSource::Push,
        Oracle::Pull => PriceSource::Pull,
    };
    Ok((Settings { source, candles, first, layout, accounts: usize::from(arguments.accounts), jump }, json))
}

/// The jump that the arguments ask for; candles are counted from the first that is replayed.
fn jump(arguments: &Arguments, first: usize, candles: usize) -> Result<Option<Jump>, InputError> {
    let Some(percent) = arguments.jump else { return Ok(None) };
    if percent == 0 {
        return Err(InputError::NoJump(percent));
    }
    let at = arguments.jump_at.unwrap_or_else(|| u32::try_from(candles / 2 + 1).unwrap_or(u32::MAX));
    let place = usize::try_from(at).unwrap_or(usize::MAX);
    if place > candles {
        return Err(InputError::JumpAt { at, candles });
    }
    Ok(Some(Jump { candle: first.saturating_add(place).saturating_sub(1), left_bps: 10_000 - percent * 100 }))
}

/// Name, title, candles, first candle of the replay, depth profile.
fn load(arguments: &Arguments) -> Result<(String, String, Candles, usize, String), InputError> {
    if let Some(path) = &arguments.prices {
        let depth = arguments.depth.clone().unwrap_or_else(|| "sol".to_owned());
        return Ok((path.display().to_string(), "candles from a file".to_owned(), candles::read_file(path)?, 0, depth));
    }
    let event = events::find(&arguments.event)?;
    let (candles, first) = event.load()?;
    let depth = arguments.depth.clone().unwrap_or_else(|| event.depth.clone());
    Ok((event.name, event.title, candles, first, depth))
}

fn create(path: &Path) -> Result<File, InputError> {
    File::create(path).map_err(|error| InputError::Json(path.display().to_string(), error))
}

fn replay(settings: &Settings, json: Option<File>) -> Result<()> {
    let started = Instant::now();
    let progress = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{elapsed_precise} {bar:40} {pos}/{len} prices, {msg}") {
        progress.set_style(style);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    let report = runtime.block_on(session::run(settings, &mut io::stdout(), &progress))?;
    if let Some(file) = json {
        write_json(file, &report).context("writing the JSON file")?;
    }
    eprintln!("took {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn write_json(file: File, report: &Report) -> Result<()> {
    let mut out = BufWriter::new(file);
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}
