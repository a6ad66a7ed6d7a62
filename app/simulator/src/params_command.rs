//! `taper-sim params`: explains every inequality of a market's parameters with its numbers, and writes the defaults.
//!
//! The inequalities are the engine's (`taper_engine::validate`), the change the program's (`taper_engine::governance`); nothing is
//! re-implemented.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use taper::error::TaperError;
use taper_engine::governance::check_change;
use taper_engine::params::MarketParams;
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::{BaseLots, Price};
use taper_engine::validate::{Place, Rule, Term};
use taper_parameters::Whole;

/// Arguments of `taper-sim params`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Check a file of parameters: every inequality with its numbers. Exit code 1 if one fails, 2 if the file cannot be read.
    Check(Check),
    /// Print the default parameters of a market as such a file.
    Default(Sizing),
}

#[derive(Args, Debug)]
struct Check {
    /// A TOML file with the fields of the engine's `MarketParams`; `taper-sim params default` writes one.
    file: PathBuf,
    /// The parameters in force now: also say whether the file may replace them, as the program would when a proposal is applied.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Machine-readable output.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct Sizing {
    /// A recent price, in quote atoms per lot.
    #[arg(long, value_name = "ATOMS_PER_LOT")]
    price: i64,
    /// Lots resting within 1% of the price on one side, in calm.
    #[arg(long, value_name = "LOTS")]
    depth: i64,
    /// One lot is 10^EXPONENT base units.
    #[arg(long, value_name = "EXPONENT", allow_negative_numbers = true)]
    exponent: i32,
}

/// What is known of one file.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    /// True if every inequality holds.
    valid: bool,
    rules: Vec<RuleReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<ChangeReport>,
}

#[derive(Debug, Serialize)]
struct RuleReport {
    rule: String,
    holds: bool,
    terms: Vec<TermReport>,
}

/// One comparison. Numbers as text: they can be larger than JSON's.
#[derive(Debug, Serialize)]
struct TermReport {
    text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    point: Option<usize>,
    left: String,
    relation: &'static str,
    right: String,
    holds: bool,
    #[serde(skip)]
    line: String,
}

/// What the program would say of the change.
#[derive(Debug, Serialize)]
struct ChangeReport {
    against: String,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// True if a risk limit rises: a day must have passed since the last one did.
    raises_limits: bool,
    /// Slots over which requirements rise; zero if they do not.
    ramp_slots: u64,
}

/// Runs the command. Exit code 0; 1 when an inequality fails or the change is not allowed, 2 when something cannot be read.
pub fn run(arguments: &Arguments) -> ExitCode {
    let outcome = match &arguments.command {
        Command::Check(check) => run_check(check),
        Command::Default(sizing) => print_defaults(sizing),
    };
    outcome.unwrap_or_else(|message| {
        eprintln!("taper-sim params: {message}");
        ExitCode::from(2)
    })
}

fn run_check(arguments: &Check) -> Result<ExitCode, String> {
    let params = read(&arguments.file)?;
    let against = match &arguments.against {
        Some(file) => Some((file.display().to_string(), read(file)?)),
        None => None,
    };
    let report = Report {
        file: arguments.file.display().to_string(),
        valid: params.violated_rule().is_none(),
        rules: Rule::ALL.iter().map(|rule| explain(&params, *rule)).collect(),
        change: against.map(|(name, old)| judge_change(name, &old, &params)),
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        print!("{}", render(&report));
    }
    let allowed = report.change.as_ref().is_none_or(|change| change.allowed);
    Ok(if report.valid && allowed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Parameters from a file; the error names it, and the line.
pub(crate) fn read(file: &Path) -> Result<MarketParams, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {}", file.display(), error.to_string().trim_end());
    let text = fs::read_to_string(file).map_err(|error| named(&error))?;
    // The error of the parser shows the line and what is wrong with it.
    let parsed: Whole = toml::from_str(&text).map_err(|error| named(&error))?;
    Ok(MarketParams::from(&parsed))
}

/// Parameters as the text of such a file.
pub(crate) fn to_toml(params: &MarketParams) -> Result<String, String> {
    toml::to_string(&Whole::from(params)).map_err(|error| error.to_string())
}

fn explain(params: &MarketParams, rule: Rule) -> RuleReport {
    let mut terms = Vec::new();
    params.terms(rule, &mut |term| terms.push(describe(&term)));
    RuleReport { rule: format!("{rule:?}"), holds: params.holds(rule), terms }
}

fn describe(term: &Term) -> TermReport {
    let (tier, point) = match term.place {
        Place::Market => (None, None),
        Place::Tier(number) => (Some(number), None),
        Place::Point(number) => (None, Some(number)),
    };
    TermReport {
        text: term.text,
        tier,
        point,
        left: term.left.to_string(),
        relation: term.relation.sign(),
        right: term.right.to_string(),
        holds: term.holds(),
        line: term.to_string(),
    }
}

/// As if no limit had been raised lately.
fn judge_change(against: String, old: &MarketParams, new: &MarketParams) -> ChangeReport {
    if let Some(rule) = old.violated_rule() {
        let message = format!("they break {rule:?}: no market has them");
        let error = Some(TaperError::InvalidParameters.name());
        return ChangeReport {
            against,
            allowed: false,
            error,
            message: Some(message),
            raises_limits: false,
            ramp_slots: 0,
        };
    }
    match check_change(old, new, 0, 1).map_err(TaperError::from) {
        Ok(change) => {
            let ramp_slots = change.ramp.end_slot.saturating_sub(change.ramp.start_slot);
            let raises_limits = change.raises_limits;
            ChangeReport { against, allowed: true, error: None, message: None, raises_limits, ramp_slots }
        }
        Err(error) => {
            let (name, message) = (Some(error.name()), Some(error.to_string()));
            ChangeReport { against, allowed: false, error: name, message, raises_limits: false, ramp_slots: 0 }
        }
    }
}

fn render(report: &Report) -> String {
    let mut lines = vec![report.file.clone()];
    for rule in &report.rules {
        lines.push(format!("  {:<20} {}", rule.rule, if rule.holds { "holds" } else { "FAILS" }));
        for term in &rule.terms {
            lines.push(format!("    {} {}", if term.holds { " " } else { "✗" }, term.line));
        }
    }
    let failed: Vec<&str> = report.rules.iter().filter(|rule| !rule.holds).map(|rule| rule.rule.as_str()).collect();
    lines.push(match failed.len() {
        0 => format!("all {} rules hold", report.rules.len()),
        count => format!("{count} of {} rules fail: {}", report.rules.len(), failed.join(", ")),
    });
    if let Some(change) = &report.change {
        lines.push(render_change(change));
    }
    lines.join("\n") + "\n"
}

fn render_change(change: &ChangeReport) -> String {
    let against = &change.against;
    if !change.allowed {
        let (error, message) =
            (change.error.as_deref().unwrap_or_default(), change.message.as_deref().unwrap_or_default());
        return format!("may not replace {against}: {error} ({message})");
    }
    let limits = if change.raises_limits { "raises limits, once a day" } else { "raises no limit" };
    let ramp = match change.ramp_slots {
        0 => "requirements rise nowhere".to_owned(),
        slots => format!("requirements rise over {slots} slots"),
    };
    format!("may replace {against}: {limits}; {ramp}")
}

fn print_defaults(sizing: &Sizing) -> Result<ExitCode, String> {
    let sized = MarketSizing {
        base_lot_exponent: sizing.exponent,
        price: Price(sizing.price),
        calm_depth_lots: BaseLots(sizing.depth),
    };
    let params = default_params(&sized).map_err(|error| {
        format!("no market has defaults at this price, depth and exponent: {}", TaperError::from(error))
    })?;
    let text = to_toml(&params)?;
    println!(
        "# Defaults for a market at {} quote atoms per lot, one lot being 10^{} base units,",
        sizing.price, sizing.exponent
    );
    println!("# with {} lots within 1% of the price on one side.", sizing.depth);
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}
