//! `taper-sim compare --report DIR`: one page with its charts, and what they show as CSV. The same comparison gives the same bytes.

mod chart;
mod event;
mod files;
mod folder;
mod format;
mod journals;
mod overview;
mod page;
mod rows;
mod timelines;
mod words;

use std::ffi::OsString;
use std::fs;

use anyhow::{ensure, Context as _, Result};
use plotters::style::RGBColor;
use rayon::prelude::*;

use crate::compare::Comparison;
use crate::lab::policy::CONTROL;
use crate::lab::run::run_recorded;
use journals::Recorded;

pub use folder::Staging;

/// The page's name.
const PAGE: &str = "index.html";
/// Seed of the runs that are shown through time.
const SEED: u64 = 1;
/// Their feedback: the first that was asked for.
const FEEDBACK: usize = 0;

/// What all parts of the page need to know.
pub struct Context<'a> {
    comparison: &'a Comparison,
    /// The command that made it, without the places that it wrote to.
    command: String,
    insurance_usd: f64,
    seed: u64,
    feedback: usize,
}

impl Context<'_> {
    fn control(&self) -> usize {
        self.comparison.policies.iter().position(|policy| policy.name == CONTROL).unwrap_or(0)
    }

    fn colour(&self, policy: usize) -> RGBColor {
        let control = self.control();
        if policy == control {
            return chart::CONTROL_GREY;
        }
        chart::colour(if policy > control { policy - 1 } else { policy })
    }

    /// Event, policy, feedback and seed of a run with a journal, as the files name them.
    fn names(&self, recorded: &Recorded<'_>) -> [String; 4] {
        [
            recorded.scenario.name.clone(),
            self.comparison.policies[recorded.policy].name.clone(),
            self.comparison.feedbacks[self.feedback].to_string(),
            self.seed.to_string(),
        ]
    }
}

/// Writes page and files into the folder, which has the comparison's own files already.
///
/// # Errors
/// Of the file system and the drawings; when a run with a journal does not end as it did without.
pub fn write(staging: &Staging, comparison: &Comparison, command: String) -> Result<()> {
    let insurance_usd = comparison.fund.0 as f64 / 1e6;
    let context = Context { comparison, command, insurance_usd, seed: SEED, feedback: FEEDBACK };
    let recorded = record(&context)?;
    files::write(staging.path(), &context, &recorded)?;
    let page = page::page(&context, &recorded)?;
    fs::write(staging.path().join(PAGE), page.into_string())?;
    Ok(())
}

/// Every policy on every event once more, with a journal.
fn record<'a>(context: &Context<'a>) -> Result<Vec<Recorded<'a>>> {
    let comparison = context.comparison;
    let policies = comparison.policies.len();
    (0..comparison.scenarios.len() * policies)
        .into_par_iter()
        .map(|job| {
            let (place, policy) = (job / policies, job % policies);
            let spec = comparison.spec(place, context.feedback, policy, context.seed);
            let (outcome, journal) = run_recorded(&spec).with_context(|| format!("policy {}", spec.policy.name))?;
            let before = comparison.outcomes(place, context.feedback, policy).first();
            ensure!(before == Some(&outcome), "a journal has changed a run of {}", spec.policy.name);
            Ok(Recorded { place, scenario: &comparison.scenarios[place], policy, journal })
        })
        .collect()
}

/// The command as it would be typed again, without `--report` and `--csv`: where something was written changes nothing of it.
pub fn command_line(arguments: impl Iterator<Item = OsString>) -> String {
    let mut words = vec!["taper-sim".to_owned()];
    let mut is_place = false;
    for argument in arguments.skip(1) {
        let text = argument.to_string_lossy().into_owned();
        if std::mem::take(&mut is_place) {
            continue;
        }
        if text == "--report" || text == "--csv" {
            is_place = true;
        } else if !text.starts_with("--report=") && !text.starts_with("--csv=") {
            words.push(quoted(&text));
        }
    }
    words.push("--report DIR".to_owned());
    words.join(" ")
}

/// For a shell.
fn quoted(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=.,/:+%@".contains(letter);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_shown_without_the_places_it_wrote_to() {
        let typed = ["bin/taper-sim", "compare", "--csv", "a", "--prices", "my file.csv", "--report=b", "--seeds", "2"];
        let shown = command_line(typed.iter().map(OsString::from));
        assert_eq!(shown, "taper-sim compare --prices 'my file.csv' --seeds 2 --report DIR");
    }
}
