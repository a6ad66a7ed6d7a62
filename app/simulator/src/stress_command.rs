//! `taper-sim stress`: can these parameters drain their market? What they claim, term by term, and the price paths that break them.

mod screen;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, Price, MAX_PRICE_ATOMS_PER_LOT};
use taper_engine::validate::Rule;

use crate::compare::inputs::Feedback;
use crate::exit::{is_broken_pipe, BAD_INPUT};
use crate::lab::feed::{with_tail, Listing};
use crate::params_command;
use crate::replay::depth::DepthProfile;
use crate::stress::claim::Claim;
use crate::stress::search::{Family, Mildest, Reach};
use crate::stress::trial::{Ground, Verdict};

/// The parameters do not hold what they claim.
const BROKEN: u8 = 1;
const ATOMS_PER_USD: f64 = 1_000_000.0;
/// Rules that are about stress: a file that breaks one is judged, not refused.
pub const STRESS_RULES: [Rule; 3] = [Rule::StressInputs, Rule::StressSlack, Rule::Throughput];
/// Numbers of accounts on which the claim's own path is run.
pub const CROWDS: [i64; 3] = [1, 8, 32];

/// Arguments of `taper-sim stress`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// A file of parameters, as `taper-sim params default` writes it.
    file: PathBuf,
    /// A recent price, in quote atoms per lot. Default: 2^14 ticks, as in default parameters.
    #[arg(long, value_name = "ATOMS_PER_LOT", value_parser = clap::value_parser!(i64).range(1_000..=MAX_PRICE_ATOMS_PER_LOT / 4))]
    price: Option<i64>,
    /// Lots resting within 1% of the price on one side, in calm. Default: twice the throttle's capacity, by which the design
    /// sizes the bucket, but at most a fifth of the cap on open interest, as in default parameters.
    #[arg(long, value_name = "LOTS", value_parser = clap::value_parser!(i64).range(1..=1 << 40))]
    depth: Option<i64>,
    /// The book's shape: sol, btc or eth.
    #[arg(long, value_name = "PROFILE", default_value = "sol")]
    profile: String,
    /// How much of the market's own displacement the oracle shows on top of the path: 0, 0.5 or 1.
    #[arg(long, value_name = "PART", default_value = "0")]
    feedback: Feedback,
    /// Shapes of paths to breed, after the families.
    #[arg(long, value_name = "N", default_value_t = 160, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    shapes: u32,
    /// Seed of the search.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the mildest path that breaks the market to this CSV file.
    #[arg(long, value_name = "FILE")]
    path: Option<PathBuf>,
}

/// Everything that was found.
pub struct Findings {
    /// The claim's own path, by number of accounts.
    pub claimed: Vec<(i64, Verdict)>,
    pub families: Vec<Family>,
    pub mildest: Option<Mildest>,
    pub reach: Reach,
}

impl Findings {
    /// True if nothing within the claim breaks the market, nor has the throttle to be bypassed on its own path.
    pub fn holds(&self, claim: &Claim) -> bool {
        let own = self.claimed.iter().all(|(_, verdict)| !verdict.breaks(claim) && !verdict.bypasses(claim));
        let within = |mildest: &Mildest| mildest.found.violence <= crate::stress::path::WHOLE;
        own && !self.mildest.as_ref().is_some_and(within)
    }
}

/// Runs the command. Exit code 0 if the parameters hold what they claim, 1 if not, 2 for a file that is none.
pub fn run(arguments: &Arguments) -> ExitCode {
    let params = match read(arguments) {
        Ok(params) => params,
        Err(message) => return refuse(&message),
    };
    if let Some(Err(error)) = arguments.path.as_ref().map(fs::File::create) {
        // Found out now, not after the search.
        let file = arguments.path.as_deref().unwrap_or(Path::new("")).display();
        return refuse(&format!("{file}: cannot write there: {error}"));
    }
    let outcome = ground(arguments, params).map(|ground| (STRESS_RULES.iter().all(|rule| params.holds(*rule)), ground));
    let (is_sound, ground) = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return refuse(&format!("{error:#}")),
    };
    let done = screen::claim(&mut io::stdout().lock(), arguments, &params, &ground)
        .map_err(anyhow::Error::from)
        .and_then(|()| if is_sound { judge(arguments, &ground) } else { Ok(false) });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(BROKEN),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => refuse(&format!("{}: {error:#}", arguments.file.display())),
    }
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("taper-sim stress: {message}");
    ExitCode::from(BAD_INPUT)
}

/// The file's parameters, valid but for the rules about stress.
fn read(arguments: &Arguments) -> Result<MarketParams, String> {
    let params = params_command::read(&arguments.file)?;
    let broken = Rule::ALL.iter().find(|rule| !STRESS_RULES.contains(rule) && !params.holds(**rule));
    match broken {
        None => Ok(params),
        Some(rule) => {
            let file = arguments.file.display();
            Err(format!("{file}: it breaks the rule {rule:?} (`taper-sim params check` explains it)"))
        }
    }
}

/// The market: the file's parameters, and a real book's shape at the depth it is sized by.
fn ground(arguments: &Arguments, params: MarketParams) -> Result<Ground> {
    let price = Price(arguments.price.unwrap_or_else(|| params.tick_size_atoms_per_lot.saturating_mul(1 << 14)));
    let sized = params.throttle_capacity_base_lots.saturating_mul(2).min(params.open_interest_cap_base_lots / 5);
    let depth = arguments.depth.unwrap_or(sized.max(1));
    let notional = price.notional(BaseLots(depth)).ok();
    let notional = notional.context("--price and --depth: their product is beyond the engine's bounds")?;
    let mut profile = DepthProfile::bundled(&arguments.profile)?;
    let scale = notional.0 as f64 / ATOMS_PER_USD / profile.calm_usd();
    for level in profile.bids.iter_mut().chain(&mut profile.asks) {
        level.usd *= scale;
    }
    let listing = Listing { params, price, profile: with_tail(profile), calm_depth: BaseLots(depth) };
    Ground::new(listing, Claim::of(&params), arguments.feedback.halves())
}

fn judge(arguments: &Arguments, ground: &Ground) -> Result<bool> {
    let claimed = CROWDS.iter().map(|crowd| Ok((*crowd, ground.claimed(*crowd)?))).collect::<Result<_>>();
    let claimed = claimed.context("the market cannot be opened; are --price and --depth right?")?;
    let progress = bar()?;
    let families = ground.families(&progress)?;
    let mildest = ground.breed(&families, usize::try_from(arguments.shapes)?, arguments.seed, &progress)?;
    let reach = ground.reach()?;
    progress.finish_and_clear();
    let findings = Findings { claimed, families, mildest, reach };
    screen::findings(&mut io::stdout().lock(), ground, &findings)?;
    if let (Some(file), Some(mildest)) = (&arguments.path, &findings.mildest) {
        write_path(file, ground, mildest).with_context(|| format!("writing {}", file.display()))?;
    }
    Ok(findings.holds(&ground.claim))
}

/// A bar on a terminal, nothing elsewhere.
fn bar() -> Result<ProgressBar> {
    let style = ProgressStyle::with_template("{elapsed_precise} {spinner} {pos} shapes of paths")?;
    Ok(ProgressBar::new_spinner().with_style(style))
}

/// The posted prices of the path, in the order of time.
fn write_path(file: &Path, ground: &Ground, mildest: &Mildest) -> Result<()> {
    let (_, points) = ground.path(&mildest.shape, mildest.found.fall_ppm, ground.claim.lots)?;
    let start = points.first().map_or(1, |point| point.price.0);
    let mut out = io::BufWriter::new(fs::File::create(file)?);
    writeln!(out, "after_ms,price_atoms_per_lot,fall_ppm,book_permille")?;
    for point in &points {
        let fallen = i128::from(start - point.price.0) * 1_000_000 / i128::from(start.max(1));
        writeln!(out, "{},{},{fallen},{}", point.after_ms, point.price.0, mildest.shape.book)?;
    }
    out.flush()?;
    Ok(())
}
