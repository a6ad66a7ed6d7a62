//! The comparison as text: a table an event, then who beats whom, with the windows that lose named.

use std::io::{self, Write};

use super::line;
use super::measure::{EQUITY, MEASURES, PEAK};
use super::summary::{At, Spread, Verdict};
use super::Comparison;
use crate::lab::policy::CONTROL;

/// Columns of an event's table after equity and its difference to the control.
const SHOWN: std::ops::Range<usize> = 1..18;
const WIDTH: usize = 8;
/// More events than this are only summarised.
const EVENTS_SHOWN: usize = 60;
/// Losing events that are named.
const LOSING_SHOWN: usize = 12;

/// Prints everything.
///
/// # Errors
/// Of the writer.
pub fn print(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    heading(out, comparison)?;
    for feedback in 0..comparison.feedbacks.len() {
        for scenario in 0..comparison.scenarios.len() {
            // Hundreds of windows are for the files; here their summary says enough.
            if comparison.scenarios.len() > EVENTS_SHOWN {
                break;
            }
            event(out, comparison, scenario, feedback)?;
        }
    }
    for feedback in 0..comparison.feedbacks.len() {
        overall(out, comparison, feedback)?;
        for at in At::ALL {
            against(out, comparison, feedback, at)?;
        }
    }
    Ok(())
}

fn heading(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    writeln!(
        out,
        "{} accounts ({}), longs {}.{} depths, seeds 1 to {}; means over seeds, ± one standard deviation",
        comparison.accounts,
        comparison.population.title,
        comparison.interest_tenths / 10,
        comparison.interest_tenths % 10,
        comparison.seeds
    )?;
    writeln!(out, "equity, fee, impact, direction, transfer, bad debt: bps of all accounts' equity at the start;")?;
    writeln!(
        out,
        "equity = start and holding − fee − impact + direction + transfer; difference: to {CONTROL}, seed by seed;"
    )?;
    writeln!(
        out,
        "peak in bps of the price, takeover, adl, volume, keepers' net profit in USD; docs/metrics.md defines them"
    )
}

fn event(out: &mut dyn Write, comparison: &Comparison, scenario: usize, feedback: usize) -> io::Result<()> {
    let (Some(named), Some(strength)) = (comparison.scenarios.get(scenario), comparison.feedbacks.get(feedback)) else {
        return Ok(());
    };
    writeln!(out)?;
    writeln!(
        out,
        "{} ({}): {}; moved {} bps at most; feedback {strength}",
        named.name, named.set, named.title, named.violence_bps
    )?;
    let mut head = format!("{:<18} {:>17} {:>15} {:>9}", "policy", "equity", "difference", "day later");
    for measure in MEASURES.get(SHOWN).unwrap_or_default() {
        head.push_str(&format!(" {:>WIDTH$}", measure.head));
    }
    line(out, &head)?;
    let control = comparison.policies.iter().position(|policy| policy.name == CONTROL).unwrap_or(0);
    for (policy, kind) in comparison.policies.iter().enumerate() {
        let place = (scenario, feedback, policy);
        let equity = comparison.spread(place, At::End, EQUITY).unwrap_or_default();
        let difference = comparison.paired(place, control, At::End, EQUITY).unwrap_or_default();
        let later = comparison.paired(place, control, At::Later, EQUITY);
        let mut row = format!(
            "{:<18} {:>17} {:>15} {:>9}",
            shortened(&kind.name),
            with_deviation(equity),
            with_deviation(difference),
            later.map_or_else(|| "n/a".to_owned(), |spread| format!("{:+.1}", spread.mean)),
        );
        for measure in MEASURES.get(SHOWN).unwrap_or_default() {
            let mean = comparison.spread(place, At::End, measure).unwrap_or_default().mean;
            row.push_str(&format!(" {:>WIDTH$}", rounded(mean, measure.decimals)));
        }
        line(out, &row)?;
    }
    Ok(())
}

/// Without the minus of a zero.
fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(digits) if digits.chars().all(|digit| "0.".contains(digit)) => digits.to_owned(),
        _ => text,
    }
}

fn with_deviation(spread: Spread) -> String {
    format!("{} ±{:.1}", rounded(spread.mean, 1), spread.deviation)
}

/// The end of a long name: of a path the file.
fn shortened(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    match characters.len().checked_sub(18) {
        Some(cut) if cut > 0 => characters.iter().skip(cut).collect(),
        _ => name.to_owned(),
    }
}

/// Each policy against each one listed before it, over all events.
fn against(out: &mut dyn Write, comparison: &Comparison, feedback: usize, at: At) -> io::Result<()> {
    let Some(strength) = comparison.feedbacks.get(feedback) else { return Ok(()) };
    let quartiles = comparison.quartiles();
    let mut rows = Vec::new();
    for (policy, kind) in comparison.policies.iter().enumerate() {
        for (other, against) in comparison.policies.iter().enumerate().take(policy) {
            let events = comparison.by_event(feedback, policy, other, at);
            let Some(mean) = Spread::of(&events.iter().map(|(_, mean)| *mean).collect::<Vec<_>>()) else { continue };
            let counted = |verdict| events.iter().filter(|(_, mean)| Verdict::of(*mean) == verdict).count();
            let score = [Verdict::Better, Verdict::Tie, Verdict::Worse].map(counted);
            let mut row = format!(
                "{:<18} {:<18} {:>16} {:>8}",
                shortened(&kind.name),
                shortened(&against.name),
                with_deviation(mean),
                format!("{}/{}/{}", score[0], score[1], score[2]),
            );
            for quartile in 1..=4 {
                let of: Vec<f64> = events
                    .iter()
                    .filter(|(scenario, _)| quartiles.get(*scenario) == Some(&quartile))
                    .map(|(_, mean)| *mean)
                    .collect();
                row.push_str(
                    &Spread::of(&of).map_or(format!(" {:>8}", "n/a"), |spread| format!(" {:>8.1}", spread.mean)),
                );
            }
            row.push_str(&format!("  {}", losing(comparison, &events)));
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let when = match at {
        At::End => "at the end of the event",
        At::Later => "a day later",
    };
    writeln!(out)?;
    writeln!(
        out,
        "equity retained {when}, feedback {strength}: difference in bps, mean over events ± standard deviation; better/tie/worse;"
    )?;
    writeln!(out, "means by quartile of violence (1 the calmest); the events that lose")?;
    line(
        out,
        &format!(
            "{:<18} {:<18} {:>16} {:>8} {:>8} {:>8} {:>8} {:>8}  worse on",
            "policy", "against", "mean", "b/t/w", "Q1", "Q2", "Q3", "Q4"
        ),
    )?;
    rows.iter().try_for_each(|row| line(out, row))
}

/// Names of the events that a policy loses, the worst first, with by how much; of very many only the worst.
fn losing(comparison: &Comparison, events: &[(usize, f64)]) -> String {
    let mut lost: Vec<(usize, f64)> =
        events.iter().copied().filter(|(_, mean)| Verdict::of(*mean) == Verdict::Worse).collect();
    lost.sort_by(|a, b| a.1.total_cmp(&b.1));
    let name = |scenario: usize| comparison.scenarios.get(scenario).map_or("", |scenario| scenario.name.as_str());
    let named = lost.iter().take(LOSING_SHOWN).map(|(scenario, mean)| format!("{} {mean:.0}", name(*scenario)));
    let mut text = named.collect::<Vec<_>>().join(", ");
    if lost.len() > LOSING_SHOWN {
        text.push_str(&format!(" and {} more", lost.len() - LOSING_SHOWN));
    }
    text
}

/// Each policy over all events: means of what its runs came to.
fn overall(out: &mut dyn Write, comparison: &Comparison, feedback: usize) -> io::Result<()> {
    let Some(strength) = comparison.feedbacks.get(feedback) else { return Ok(()) };
    writeln!(out)?;
    writeln!(
        out,
        "all {} events, feedback {strength}: means over events; equity as a difference to {CONTROL} at the end and a day later;",
        comparison.scenarios.len()
    )?;
    writeln!(out, "lower: events on which the peak of the displacement is lower than the control's")?;
    let mut head = format!("{:<18} {:>16} {:>16} {:>7}", "policy", "difference", "day later", "lower");
    for measure in MEASURES.get(SHOWN).unwrap_or_default() {
        head.push_str(&format!(" {:>WIDTH$}", measure.head));
    }
    line(out, &head)?;
    let control = comparison.policies.iter().position(|policy| policy.name == CONTROL).unwrap_or(0);
    let places = |policy| (0..comparison.scenarios.len()).map(move |scenario| (scenario, feedback, policy));
    for (policy, kind) in comparison.policies.iter().enumerate() {
        let difference = |at| {
            let events = comparison.by_event(feedback, policy, control, at);
            let means: Vec<f64> = events.iter().map(|(_, mean)| *mean).collect();
            Spread::of(&means).map_or_else(|| "n/a".to_owned(), with_deviation)
        };
        let peak = |place| comparison.paired(place, control, At::End, PEAK).is_some_and(|spread| spread.mean < 0.0);
        let lower = places(policy).filter(|place| peak(*place)).count();
        let mut row = format!(
            "{:<18} {:>16} {:>16} {:>7}",
            shortened(&kind.name),
            difference(At::End),
            difference(At::Later),
            lower
        );
        for measure in MEASURES.get(SHOWN).unwrap_or_default() {
            let means: Vec<f64> =
                places(policy).filter_map(|place| Some(comparison.spread(place, At::End, measure)?.mean)).collect();
            let mean = Spread::of(&means).unwrap_or_default().mean;
            row.push_str(&format!(" {:>WIDTH$}", rounded(mean, measure.decimals)));
        }
        line(out, &row)?;
    }
    Ok(())
}
