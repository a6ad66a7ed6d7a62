//! What a search found, on the screen: the same candidates on the events they were chosen on and on those they were not.

use std::io::{self, Write};

use super::inputs::Prepared;
use super::Finalist;
use crate::compare::summary::Spread;
use crate::tune::judge::{Ground, Pair, Trial};
use crate::tune::search::{Search, Settings};
use crate::tune::space::DIMENSIONS;

/// Prints it all.
///
/// # Errors
/// Of the output.
pub fn print(
    out: &mut dyn Write,
    prepared: &Prepared,
    search: &Search<'_>,
    finalists: &[Finalist],
    settings: &Settings,
) -> io::Result<()> {
    let best = search.ranking().first().copied().unwrap_or_default();
    head(out, prepared, search, settings)?;
    let Some(base) = finalists.first() else { return Ok(()) };
    writeln!(out)?;
    writeln!(
        out,
        "{:<14} {:>16} {:>15} {:>11} {:>7} {:>8} {:>7}",
        "candidate", "objective", "to base", "to control", "fee", "baddebt", "peak%"
    )?;
    for (what, of) in [("chosen on", Set::Selection), ("held out", Set::HeldOut)] {
        writeln!(out, "{what}")?;
        for finalist in finalists {
            let name = match finalist.number {
                0 => "base".to_owned(),
                number if number == best => format!("best ({number})"),
                number => format!("{number}"),
            };
            row(out, &format!("  {name}"), &of.of(finalist).0, &of.of(base).0)?;
        }
    }
    let Some(winner) = finalists.iter().find(|finalist| finalist.number == best) else { return Ok(()) };
    if best == 0 {
        writeln!(out, "\nno candidate does better than the base where it was searched")?;
        return Ok(());
    }
    over_fitting(out, base, winner)?;
    by_event(out, prepared, base, winner)?;
    changes(out, prepared, search, best)
}

#[derive(Clone, Copy)]
enum Set {
    Selection,
    HeldOut,
}

impl Set {
    fn of(self, finalist: &Finalist) -> &(Trial, Trial) {
        match self {
            Self::Selection => &finalist.selection,
            Self::HeldOut => &finalist.held_out,
        }
    }
}

fn head(out: &mut dyn Write, prepared: &Prepared, search: &Search<'_>, settings: &Settings) -> io::Result<()> {
    let names = |ground: &Ground| ground.scenarios.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
    let selection = &prepared.selection;
    let feedbacks: Vec<String> = selection.feedbacks.iter().map(ToString::to_string).collect();
    writeln!(out, "chosen on {}", names(selection))?;
    writeln!(out, "held out  {}", names(&prepared.held_out))?;
    writeln!(
        out,
        "{} candidates, seed {}; {} accounts, longs {}.{} depths, seeds 1 to {}, feedback {}",
        search.candidates.len(),
        settings.seed,
        selection.accounts,
        selection.interest_tenths / 10,
        selection.interest_tenths % 10,
        selection.seeds,
        feedbacks.join(", "),
    )?;
    let refused: Vec<String> = search.refused.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
    let refused = if refused.is_empty() { "none".to_owned() } else { refused.join(", ") };
    writeln!(out, "points that a rule refused: {refused}")?;
    writeln!(
        out,
        "objective: equity of all accounts at the end less bad debt, bps of what they started with, mean ± over seeds;"
    )?;
    writeln!(
        out,
        "control: a hard close with the candidate's own penalty; peak%: mean peak impact of the control's, at most {:.0}",
        settings.peak_limit_percent
    )
}

fn row(out: &mut dyn Write, name: &str, trial: &Trial, base: &Trial) -> io::Result<()> {
    let mean = |of: fn(&Pair) -> f64| trial.by_seed(of).mean;
    writeln!(
        out,
        "{name:<14} {:>16} {:>15} {:>11.1} {:>7.1} {:>8.1} {:>7.1}",
        with_spread(trial.by_seed(|pair| pair.policy.objective())),
        with_spread(trial.against(base)),
        mean(|pair| pair.policy.objective() - pair.control.objective()),
        mean(|pair| pair.policy.fee),
        mean(|pair| pair.policy.bad_debt),
        trial.peak_percent(),
    )
}

fn with_spread(spread: Spread) -> String {
    format!("{:+.1} ±{:.1}", spread.mean, spread.deviation)
}

fn over_fitting(out: &mut dyn Write, base: &Finalist, winner: &Finalist) -> io::Result<()> {
    let seen = winner.selection.0.against(&base.selection.0).mean;
    let unseen = winner.held_out.0.against(&base.held_out.0);
    let later = winner.held_out.1.against(&base.held_out.1);
    writeln!(out)?;
    writeln!(
        out,
        "the best gains {seen:+.1} where it was chosen and {} where it was not ({} a day later)",
        with_spread(unseen),
        with_spread(later)
    )?;
    let verdict = if unseen.mean <= 0.0 {
        "over-fitted: what it gained does not hold on events it has not seen"
    } else if unseen.mean < seen / 2.0 {
        "partly over-fitted: less than half of the gain holds on events it has not seen"
    } else {
        "at least half of the gain holds on events it has not seen"
    };
    writeln!(out, "{verdict}")?;
    let fees = |finalist: &Finalist| finalist.held_out.0.by_seed(|pair| pair.policy.fee).mean;
    writeln!(out, "of the gain on held-out events {:+.1} is lower fees", fees(base) - fees(winner))
}

fn by_event(out: &mut dyn Write, prepared: &Prepared, base: &Finalist, winner: &Finalist) -> io::Result<()> {
    writeln!(out)?;
    writeln!(
        out,
        "{:<20} {:>9} {:>17} {:>17} {:>14}",
        "the best by event", "moved", "to base", "a day later", "peak (base)"
    )?;
    let sets = [(&prepared.selection, Set::Selection, "chosen on"), (&prepared.held_out, Set::HeldOut, "held out")];
    for (ground, set, what) in sets {
        writeln!(out, "{what}")?;
        for (place, scenario) in ground.scenarios.iter().enumerate() {
            let ((end, later), (base_end, base_later)) = (set.of(winner), set.of(base));
            let peak = |trial: &Trial| {
                Spread::of(&trial.event(place).iter().map(|pair| pair.policy.peak).collect::<Vec<_>>())
                    .unwrap_or_default()
                    .mean
            };
            writeln!(
                out,
                "  {:<18} {:>9} {:>17} {:>17} {:>14}",
                scenario.name,
                scenario.violence_bps,
                with_spread(paired(end.event(place), base_end.event(place))),
                with_spread(paired(later.event(place), base_later.event(place))),
                format!("{:.0} ({:.0})", peak(end), peak(base_end)),
            )?;
        }
    }
    Ok(())
}

fn paired(of: &[Pair], base: &[Pair]) -> Spread {
    let differences: Vec<f64> = of.iter().zip(base).map(|(a, b)| a.policy.objective() - b.policy.objective()).collect();
    Spread::of(&differences).unwrap_or_default()
}

fn changes(out: &mut dyn Write, prepared: &Prepared, search: &Search<'_>, best: usize) -> io::Result<()> {
    let Some(candidate) = search.candidates.get(best) else { return Ok(()) };
    writeln!(out)?;
    writeln!(out, "{:<40} {:>9} {:>9}", "what differs", "base", "best")?;
    for dimension in &DIMENSIONS {
        let (from, to) = (dimension.read(&prepared.space.base), dimension.read(&candidate.params));
        if from != to {
            writeln!(out, "  {:<38} {from:>9} {to:>9}", dimension.name)?;
        }
    }
    Ok(())
}
