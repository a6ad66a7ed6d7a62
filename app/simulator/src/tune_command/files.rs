//! What a search found, as files: the same arguments give the same bytes.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{anyhow, Result};

use super::inputs::Prepared;
use super::Finalist;
use crate::params_command;
use crate::tune::judge::{Ground, Pair, Trial};
use crate::tune::search::{Origin, Search};
use crate::tune::space::DIMENSIONS;

/// A row a candidate, on the selection events.
pub const CANDIDATES: &str = "candidates.csv";
const EVENTS: &str = "events.csv";
const BEST: &str = "best.toml";

/// What to write.
pub struct Files<'a> {
    pub prepared: &'a Prepared,
    pub search: &'a Search<'a>,
    pub finalists: &'a [Finalist],
    pub command: String,
}

impl Files<'_> {
    /// Writes all of it.
    ///
    /// # Errors
    /// Of the file system.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let create = |name: &str| -> Result<BufWriter<File>> { Ok(BufWriter::new(File::create(folder.join(name))?)) };
        self.candidates(&mut create(CANDIDATES)?)?;
        self.events(&mut create(EVENTS)?)?;
        fs::write(folder.join(BEST), self.best()?)?;
        Ok(())
    }

    fn candidates(&self, out: &mut dyn Write) -> Result<()> {
        let names = DIMENSIONS.each_ref().map(|dimension| dimension.name).join(",");
        writeln!(
            out,
            "candidate,from,objective_bps,deviation,to_base_bps,to_base_deviation,to_control_bps,equity_bps,bad_debt_bps,\
             fee_bps,peak_bps,peak_percent_of_control,within_limit,{names}"
        )?;
        let base = self.search.candidates.first().map(|candidate| &candidate.trial);
        for (number, candidate) in self.search.candidates.iter().enumerate() {
            let trial = &candidate.trial;
            let mean = |of: fn(&Pair) -> f64| trial.by_seed(of).mean;
            let objective = trial.by_seed(|pair| pair.policy.objective());
            let to_base = base.map(|base| trial.against(base)).unwrap_or_default();
            let from = match candidate.origin {
                Origin::Base => "base".to_owned(),
                Origin::Cover => "cover".to_owned(),
                Origin::Near(parent) => format!("near {parent}"),
            };
            write!(
                out,
                "{number},{from},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{:.4},{}",
                objective.mean,
                objective.deviation,
                to_base.mean,
                to_base.deviation,
                mean(|pair| pair.policy.objective() - pair.control.objective()),
                mean(|pair| pair.policy.equity),
                mean(|pair| pair.policy.bad_debt),
                mean(|pair| pair.policy.fee),
                mean(|pair| pair.policy.peak),
                trial.peak_percent(),
                self.search.is_within_limit(candidate),
            )?;
            for dimension in &DIMENSIONS {
                write!(out, ",{}", dimension.read(&candidate.params))?;
            }
            writeln!(out)?;
        }
        out.flush()?;
        Ok(())
    }

    /// A row a finalist, event, feedback, seed and moment.
    fn events(&self, out: &mut dyn Write) -> Result<()> {
        writeln!(
            out,
            "candidate,set,event,feedback,seed,at,equity_bps,bad_debt_bps,fee_bps,peak_bps,control_equity_bps,\
             control_bad_debt_bps,control_fee_bps,control_peak_bps"
        )?;
        for finalist in self.finalists {
            let number = finalist.number;
            let (selection, held_out) = (&self.prepared.selection, &self.prepared.held_out);
            for (set, ground, trials) in
                [("selection", selection, &finalist.selection), ("held_out", held_out, &finalist.held_out)]
            {
                rows(out, &format!("{number},{set}"), ground, "end", &trials.0)?;
                rows(out, &format!("{number},{set}"), ground, "day_later", &trials.1)?;
            }
        }
        out.flush()?;
        Ok(())
    }

    fn best(&self) -> Result<String> {
        let number = self.search.ranking().first().copied().unwrap_or_default();
        let candidate = self.search.candidates.get(number).ok_or_else(|| anyhow!("nothing was tried"))?;
        let text = params_command::to_toml(&candidate.params).map_err(|error| anyhow!(error))?;
        Ok(format!("# Candidate {number} of `{}`.\n# Chosen on some events only: see what it does on others before using it.\n{text}", self.command))
    }
}

fn rows(out: &mut dyn Write, start: &str, ground: &Ground, at: &str, trial: &Trial) -> Result<()> {
    for (place, scenario) in ground.scenarios.iter().enumerate() {
        let mut pairs = trial.event(place).iter();
        for feedback in &ground.feedbacks {
            for (seed, pair) in (1..=ground.seeds).zip(&mut pairs) {
                write!(out, "{start},{},{feedback},{seed},{at}", scenario.name)?;
                for of in [&pair.policy, &pair.control] {
                    write!(out, ",{:.4},{:.4},{:.4},{:.4}", of.equity, of.bad_debt, of.fee, of.peak)?;
                }
                writeln!(out)?;
            }
        }
    }
    Ok(())
}
