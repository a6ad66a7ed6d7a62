//! `taper-sim tune`: searches parameters on some events, and reports how the best do on events that the search has not seen.

mod files;
mod inputs;
mod screen;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::compare::inputs::Feedback;
use crate::exit::{is_broken_pipe, BAD_INPUT, FAILED};
use crate::lab::population;
use crate::tune::judge::{Ground, Trial};
use crate::tune::search::{Search, Settings};
use crate::tune::space::Space;
use inputs::Prepared;

/// Candidates that are taken to the held-out events, besides the base.
const FINALISTS: usize = 5;

/// Arguments of `taper-sim tune`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Parameters to start from; the engine's defaults if none are named.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Events to choose on, separated by commas: bundled ones by name, or candle files (*.csv, *.csv.gz).
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values_t = inputs::SELECTION.map(str::to_owned))]
    events: Vec<String>,
    /// Events to report on, which the search does not see. They may not overlap in time with those to choose on.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values_t = inputs::HELD_OUT.map(str::to_owned))]
    hold_out: Vec<String>,
    /// Candidates to try, the base among them.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    budget: u32,
    /// Seeds of the populations: 1 up to this number.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    seeds: u16,
    /// Seed of the search itself.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Whom the accounts are drawn from, as for `compare`.
    #[arg(long, value_name = "NAME", default_value = population::DEFAULT)]
    population: String,
    /// Leveraged accounts.
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u16).range(1..=1_500))]
    accounts: u16,
    /// Open interest of the longs, in units of the calm depth within 1% on one side.
    #[arg(long, value_name = "DEPTHS", default_value = "4.5", value_parser = crate::compare::interest)]
    interest: i64,
    /// How much of the market's own displacement the oracle shows: 0, 0.5, 1, or several separated by commas.
    #[arg(long, value_name = "PART", value_delimiter = ',', default_value = "0.5")]
    feedback: Vec<Feedback>,
    /// Groups of parameters to leave as they are: ladder, penalty, caps, cooldown, target, throttle, episode, takeover.
    #[arg(long, value_name = "GROUPS", value_delimiter = ',')]
    keep: Vec<String>,
    /// Largest mean peak impact of a candidate, in percent of what a hard close with the same fee has.
    #[arg(long, value_name = "PERCENT", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    peak: u16,
    /// Write best.toml (the parameters found), candidates.csv and events.csv to this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A candidate on the selection and the held-out events, at the ends of the windows and a day later.
pub struct Finalist {
    pub number: usize,
    pub selection: (Trial, Trial),
    pub held_out: (Trial, Trial),
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> ExitCode {
    let prepared = match inputs::prepare(arguments) {
        Ok(prepared) => prepared,
        Err(message) => {
            eprintln!("taper-sim tune: {message}");
            return ExitCode::from(BAD_INPUT);
        }
    };
    match tune(&prepared, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("taper-sim tune: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn tune(prepared: &Prepared, arguments: &Arguments) -> Result<()> {
    let Prepared { space, selection, held_out } = prepared;
    let settings = Settings {
        budget: usize::try_from(arguments.budget)?,
        seed: arguments.seed,
        peak_limit_percent: f64::from(arguments.peak),
    };
    let mut search = Search::new(space, selection, held_out, settings);
    let progress = bar(selection.runs().saturating_mul(u64::from(arguments.budget)), "search")?;
    search.run(&progress)?;
    progress.finish_and_clear();
    let finalists = judge_finalists(&search, space, selection, held_out)?;
    screen::print(&mut io::stdout().lock(), prepared, &search, &finalists, &settings)?;
    if let Some(folder) = &arguments.out {
        let files = files::Files { prepared, search: &search, finalists: &finalists, command: command_line() };
        files.write(folder).with_context(|| format!("writing to {}", folder.display()))?;
    }
    Ok(())
}

/// The base and the best, on all events and with the day after.
fn judge_finalists(search: &Search<'_>, space: &Space, selection: &Ground, held_out: &Ground) -> Result<Vec<Finalist>> {
    let mut numbers = vec![0];
    numbers.extend(search.ranking().into_iter().filter(|number| *number != 0).take(FINALISTS));
    let params: Vec<_> = numbers
        .iter()
        .map(|number| search.candidates.get(*number).map_or(space.base, |candidate| candidate.params))
        .collect();
    let count = u64::try_from(numbers.len())?;
    let progress = bar((selection.runs() + held_out.runs()).saturating_mul(count), "the best")?;
    let try_on = |ground: &Ground| {
        let feeds: Vec<_> = ground.scenarios.iter().map(|scenario| scenario.feed.clone()).collect();
        ground.try_all(&params, &feeds, &progress)
    };
    let (on_selection, on_held_out) = (try_on(selection)?, try_on(held_out)?);
    progress.finish_and_clear();
    let trials = on_selection.into_iter().zip(on_held_out);
    Ok(numbers
        .into_iter()
        .zip(trials)
        .map(|(number, (selection, held_out))| Finalist { number, selection, held_out })
        .collect())
}

/// A bar on a terminal, nothing elsewhere.
fn bar(length: u64, what: &'static str) -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{elapsed_precise} {msg} {bar:40} {pos}/{len} runs, {eta} left")?;
    Ok(ProgressBar::new(length).with_style(style).with_message(what))
}

/// What to type to get the same again.
fn command_line() -> String {
    let given: Vec<String> = std::env::args().skip(1).collect();
    format!("taper-sim {}", given.join(" "))
}
