//! What a search needs, read and checked before anything runs.

use std::fs;

use taper_engine::params::MarketParams;

use super::Arguments;
use crate::compare::inputs::{from_events, from_file, Scenario, Surroundings};
use crate::lab::population::Population;
use crate::params_command;
use crate::tune::judge::Ground;
use crate::tune::space::{Group, Space};

/// Events to choose on, and to report on, if nothing is said: earlier and later ones, so that no day is on both sides.
pub const SELECTION: [&str; 4] = ["btc-2020-03", "sol-2021-05", "eth-2021-05", "btc-2021-05"];
pub const HELD_OUT: [&str; 3] = ["sol-2022-11", "eth-2024-08", "eth-2025-02"];

/// Each event with its own depth and window; the book's recovery is that of `compare`.
const AROUND: Surroundings<'static> = Surroundings { depth: None, recovery_seconds: 30, rolling_hours: None };

/// Everything that a search needs.
pub struct Prepared {
    pub space: Space,
    pub selection: Ground,
    pub held_out: Ground,
}

/// Reads and checks what the arguments name.
///
/// # Errors
/// A message for whoever typed them.
pub fn prepare(arguments: &Arguments) -> Result<Prepared, String> {
    let keep = arguments.keep.iter().map(|name| group(name.trim())).collect::<Result<Vec<_>, _>>()?;
    let ground = |names: &[String]| -> Result<Ground, String> {
        let mut feedbacks = arguments.feedback.clone();
        feedbacks.dedup();
        Ok(Ground {
            scenarios: scenarios(names)?,
            feedbacks,
            seeds: u64::from(arguments.seeds),
            accounts: usize::from(arguments.accounts),
            population: Population::bundled(&arguments.population).map_err(|error| error.to_string())?,
            interest_tenths: arguments.interest,
        })
    };
    let (selection, held_out) = (ground(&arguments.events)?, ground(&arguments.hold_out)?);
    check_unseen(&selection, &held_out)?;
    let space = Space::new(base(arguments, &selection)?, keep);
    if space.is_empty() {
        return Err("--keep holds every group: there is nothing to search".to_owned());
    }
    for (ground, what) in [(&selection, "--events"), (&held_out, "--hold-out")] {
        if let Some(rule) = ground.broken_rule(&space.base) {
            return Err(format!("the base breaks the rule {rule} on {what} (`taper-sim params check` explains it)"));
        }
    }
    if let Some(folder) = &arguments.out {
        // Found out now, not after an hour: the folder can be written to.
        let made = fs::create_dir_all(folder).and_then(|()| fs::File::create(folder.join(super::files::CANDIDATES)));
        made.map_err(|error| format!("{}: cannot write there: {error}", folder.display()))?;
    }
    Ok(Prepared { space, selection, held_out })
}

fn group(name: &str) -> Result<Group, String> {
    Group::named(name).ok_or_else(|| {
        let known = Group::ALL.map(|(known, _)| known).join(", ");
        format!("there is no group '{name}'; known are {known}")
    })
}

/// The file's parameters, or the defaults of the first selection event's market.
fn base(arguments: &Arguments, selection: &Ground) -> Result<MarketParams, String> {
    match &arguments.base {
        Some(file) => {
            let params = params_command::read(file)?;
            match params.violated_rule() {
                None => Ok(params),
                Some(rule) => {
                    let file = file.display();
                    Err(format!("{file}: it breaks the rule {rule:?} (`taper-sim params check` explains it)"))
                }
            }
        }
        None => {
            let first = selection.scenarios.first().ok_or("--events names no event")?;
            Ok(first.feed.defaults)
        }
    }
}

fn scenarios(names: &[String]) -> Result<Vec<Scenario>, String> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for name in names.iter().map(|name| name.trim()) {
        let found = if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            from_file(name.as_ref(), None, &AROUND)
        } else {
            from_events(&[name.to_owned()], &AROUND)
        };
        for scenario in found.map_err(|error| error.to_string())? {
            if scenarios.iter().all(|other| other.name != scenario.name) {
                scenarios.push(scenario);
            }
        }
    }
    Ok(scenarios)
}

/// Times of the first and last price of an event's window.
fn window(scenario: &Scenario) -> Option<(i64, i64)> {
    let ticks = scenario.feed.ticks.get(..scenario.feed.window_ticks)?;
    Some((ticks.first()?.time_ms, ticks.last()?.time_ms))
}

/// No event is on both sides, nor another market's candles of the same hours.
fn check_unseen(selection: &Ground, held_out: &Ground) -> Result<(), String> {
    for held in &held_out.scenarios {
        for seen in &selection.scenarios {
            if held.name == seen.name {
                return Err(format!("{} is both in --events and in --hold-out", held.name));
            }
            if let (Some((start, end)), Some((from, to))) = (window(held), window(seen)) {
                if start <= to && from <= end {
                    let (held, seen) = (&held.name, &seen.name);
                    return Err(format!(
                        "{held} (--hold-out) is of the same hours as {seen} (--events): it is not unseen"
                    ));
                }
            }
        }
    }
    Ok(())
}
