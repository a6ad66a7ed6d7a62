//! The comparison as files: the same seeds give the same bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{bail, Result};

use super::measure::{caller_net_atoms, EQUITY, MEASURES};
use super::summary::{At, Spread, Verdict};
use super::Comparison;
use crate::lab::run::Snapshot;

/// A row a run and moment, in whole numbers.
pub const RUNS: &str = "runs.csv";
const SUMMARY: &str = "summary.csv";
const PAIRS: &str = "pairs.csv";

/// Columns of a snapshot, in the order of [`numbers`].
const COLUMNS: [&str; 33] = [
    "price_atoms_per_lot",
    "start_atoms",
    "held_atoms",
    "fee_atoms",
    "impact_atoms",
    "direction_atoms",
    "transfer_atoms",
    "equity_atoms",
    "uncovered_atoms",
    "bad_debt_atoms",
    "insurance_atoms",
    "deleveraged_atoms",
    "socialised_atoms",
    "taken_over_atoms",
    "adl_atoms",
    "handed_over_atoms",
    "liquidated_atoms",
    "peak_ppm",
    "disturbed_ms",
    "slices",
    "repeat_slices",
    "touched",
    "kept",
    "touched_lots",
    "kept_lots",
    "spells",
    "unsafe_ms",
    "caller_income_atoms",
    "caller_transactions",
    "caller_net_atoms",
    "flags",
    "maker_refusals",
    "resolve_refusals",
];

/// Writes the files.
///
/// # Errors
/// Of the file system; when a row's terms do not add up.
pub fn write(folder: &Path, comparison: &Comparison) -> Result<()> {
    let create = |name: &str| -> Result<BufWriter<File>> { Ok(BufWriter::new(File::create(folder.join(name))?)) };
    runs(&mut create(RUNS)?, comparison)?;
    summary(&mut create(SUMMARY)?, comparison)?;
    pairs(&mut create(PAIRS)?, comparison)
}

/// Every event, feedback and policy, by place.
fn places(comparison: &Comparison) -> Vec<(usize, usize, usize)> {
    let mut places = Vec::new();
    for scenario in 0..comparison.scenarios.len() {
        for feedback in 0..comparison.feedbacks.len() {
            places.extend((0..comparison.policies.len()).map(|policy| (scenario, feedback, policy)));
        }
    }
    places
}

/// `event,policy,feedback` of a place. A name with a comma or a quote is quoted.
fn names(comparison: &Comparison, (scenario, feedback, policy): (usize, usize, usize)) -> String {
    let event = comparison.scenarios.get(scenario).map_or("", |scenario| scenario.name.as_str());
    let policy = comparison.policies.get(policy).map_or("", |policy| policy.name.as_str());
    let feedback = comparison.feedbacks.get(feedback).map_or_else(String::new, ToString::to_string);
    format!("{},{},{feedback}", quoted(event), quoted(policy))
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn runs(out: &mut dyn Write, comparison: &Comparison) -> Result<()> {
    writeln!(out, "event,policy,feedback,seed,accounts,at,{}", COLUMNS.join(","))?;
    for place in places(comparison) {
        let outcomes = comparison.outcomes(place.0, place.1, place.2);
        for (seed, outcome) in (1u64..).zip(outcomes) {
            for at in At::ALL {
                let Some(snapshot) = at.of(outcome) else { continue };
                let numbers = numbers(snapshot)?.map(|number| number.to_string()).join(",");
                let names = names(comparison, place);
                writeln!(out, "{names},{seed},{},{},{numbers}", comparison.accounts, at.name())?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

fn numbers(snapshot: &Snapshot) -> Result<[i64; 33]> {
    let (split, tally) = (&snapshot.split, &snapshot.tally);
    let equity = split.sum_atoms();
    let terms = split.start_atoms + split.held_atoms - split.fee_atoms - split.impact_atoms
        + split.direction_atoms
        + split.transfer_atoms;
    if terms != equity {
        bail!("the terms of a row do not add up: {split:?}");
    }
    let count = |number: u64| i64::try_from(number);
    Ok([
        snapshot.price.0,
        split.start_atoms,
        split.held_atoms,
        split.fee_atoms,
        split.impact_atoms,
        split.direction_atoms,
        split.transfer_atoms,
        equity,
        snapshot.uncovered_atoms,
        tally.bad_debt_atoms,
        tally.insurance_atoms,
        tally.deleveraged_atoms,
        tally.socialised_atoms,
        tally.taken_over_atoms,
        tally.adl_atoms,
        tally.handed_over_atoms,
        tally.liquidated_atoms,
        tally.peak_ppm,
        tally.disturbed_ms,
        count(tally.slices)?,
        count(tally.repeat_slices)?,
        count(snapshot.touched)?,
        count(snapshot.kept)?,
        snapshot.touched_lots,
        snapshot.kept_lots,
        count(tally.spells)?,
        tally.unsafe_ms,
        tally.caller_income_atoms,
        count(tally.caller_transactions)?,
        caller_net_atoms(snapshot),
        count(tally.flags)?,
        count(tally.maker_refusals)?,
        count(tally.resolve_refusals)?,
    ])
}

fn summary(out: &mut dyn Write, comparison: &Comparison) -> Result<()> {
    writeln!(out, "event,policy,feedback,at,measure,mean,deviation,seeds")?;
    for place in places(comparison) {
        for at in At::ALL {
            for measure in &MEASURES {
                let Some(spread) = comparison.spread(place, at, measure) else { continue };
                let (names, at, name) = (names(comparison, place), at.name(), measure.name);
                writeln!(out, "{names},{at},{name},{:.4},{:.4},{}", spread.mean, spread.deviation, comparison.seeds)?;
            }
        }
    }
    out.flush()?;
    Ok(())
}

fn pairs(out: &mut dyn Write, comparison: &Comparison) -> Result<()> {
    writeln!(out, "event,policy,feedback,at,against,equity_difference_bps,deviation,seeds,verdict,violence_bps")?;
    for place in places(comparison) {
        let violence = comparison.scenarios.get(place.0).map_or(0, |scenario| scenario.violence_bps);
        for at in At::ALL {
            for (other, against) in comparison.policies.iter().enumerate().filter(|(other, _)| *other != place.2) {
                let Some(Spread { mean, deviation }) = comparison.paired(place, other, at, EQUITY) else { continue };
                let (names, at, against) = (names(comparison, place), at.name(), quoted(&against.name));
                let (seeds, verdict) = (comparison.seeds, Verdict::of(mean).name());
                writeln!(out, "{names},{at},{against},{mean:.4},{deviation:.4},{seeds},{verdict},{violence}")?;
            }
        }
    }
    out.flush()?;
    Ok(())
}
