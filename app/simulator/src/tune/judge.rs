//! Runs candidates, each beside a hard close that charges the candidate's own penalty, on the same accounts and prices.

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use rayon::prelude::*;
use taper_engine::params::MarketParams;
use taper_engine::quantity::QuoteAtoms;

use crate::compare::inputs::{Feedback, Scenario};
use crate::compare::measure::MEASURES;
use crate::compare::summary::{At, Spread};
use crate::lab::feed::Feed;
use crate::lab::policy::{adopt, PolicyKind};
use crate::lab::population::Population;
use crate::lab::run::{run, RunSpec, Snapshot};

/// Where candidates are run.
pub struct Ground {
    pub scenarios: Vec<Scenario>,
    pub feedbacks: Vec<Feedback>,
    pub seeds: u64,
    pub accounts: usize,
    /// Whom the accounts are drawn from.
    pub population: Population,
    /// Open interest of the longs, in tenths of the calm depth.
    pub interest_tenths: i64,
}

/// What counts of a run, in basis points.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Equity retained over all accounts, of what they started with.
    pub equity: f64,
    pub bad_debt: f64,
    pub fee: f64,
    pub peak: f64,
}

impl Figures {
    fn of(snapshot: &Snapshot) -> Self {
        let measured = |name: &str| {
            MEASURES.iter().find(|measure| measure.name == name).map_or(f64::NAN, |measure| (measure.of)(snapshot))
        };
        Self {
            equity: measured("equity_bps"),
            bad_debt: measured("bad_debt_bps"),
            fee: measured("fee_bps"),
            peak: measured("peak_bps"),
        }
    }

    /// What is to be as large as it can be. Bad debt comes off once more: whoever bears it, the accounts' equity counts it as theirs.
    pub fn objective(&self) -> f64 {
        self.equity - self.bad_debt
    }
}

/// A candidate and its control, on one event with one feedback and one seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub policy: Figures,
    pub control: Figures,
}

/// All pairs of a candidate at one moment, by event, then feedback, then seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pairs: Vec<Pair>,
    seeds: usize,
    feedbacks: usize,
}

impl Trial {
    /// A mean over events and feedbacks for every seed; the spread is over seeds.
    pub fn by_seed(&self, of: impl Fn(&Pair) -> f64) -> Spread {
        let mean = |seed: usize| {
            let values: Vec<f64> = self.pairs.iter().skip(seed).step_by(self.seeds.max(1)).map(&of).collect();
            Spread::of(&values).unwrap_or_default().mean
        };
        Spread::of(&(0..self.seeds).map(mean).collect::<Vec<_>>()).unwrap_or_default()
    }

    /// The pairs of one event.
    pub fn event(&self, place: usize) -> &[Pair] {
        let count = self.seeds * self.feedbacks;
        self.pairs.get(place * count..(place + 1) * count).unwrap_or_default()
    }

    /// This trial's objective less another's, pair by pair: as in [`Self::by_seed`].
    pub fn against(&self, other: &Self) -> Spread {
        let differences = self.pairs.iter().zip(&other.pairs).map(|(a, b)| {
            let difference = a.policy.objective() - b.policy.objective();
            Pair { policy: Figures { equity: difference, ..Figures::default() }, control: Figures::default() }
        });
        let trial = Self { pairs: differences.collect(), seeds: self.seeds, feedbacks: self.feedbacks };
        trial.by_seed(|pair| pair.policy.equity)
    }

    /// Mean peak impact as a part of the control's, in percent; without any impact of the control's it is 0 or infinite.
    pub fn peak_percent(&self) -> f64 {
        let (policy, control) =
            (self.by_seed(|pair| pair.policy.peak).mean, self.by_seed(|pair| pair.control.peak).mean);
        if policy == 0.0 {
            return 0.0;
        }
        policy * 100.0 / control
    }
}

impl Ground {
    /// The same without what comes after the windows: enough to judge candidates at their ends.
    pub fn without_the_day_after(&self) -> Vec<Feed> {
        let cut = |scenario: &Scenario| {
            let mut feed = scenario.feed.clone();
            feed.ticks.truncate(feed.window_ticks);
            feed
        };
        self.scenarios.iter().map(cut).collect()
    }

    /// The first rule that parameters would break on one of the events.
    pub fn broken_rule(&self, params: &MarketParams) -> Option<String> {
        let own = params.violated_rule();
        let adopted =
            || self.scenarios.iter().find_map(|scenario| adopt(params, &scenario.feed.defaults).violated_rule());
        own.or_else(adopted).map(|rule| format!("{rule:?}"))
    }

    /// How many runs a candidate takes.
    pub fn runs(&self) -> u64 {
        let pairs = self.scenarios.len().saturating_mul(self.feedbacks.len());
        u64::try_from(pairs).unwrap_or(u64::MAX).saturating_mul(2).saturating_mul(self.seeds)
    }

    /// Runs candidates on feeds of the events, in parallel. The results lie in the order of the candidates, at the end of the windows and a
    /// day later (as far as the feeds go).
    ///
    /// # Errors
    /// Of the laboratory.
    pub fn try_all(
        &self,
        candidates: &[MarketParams],
        feeds: &[Feed],
        progress: &ProgressBar,
    ) -> Result<Vec<(Trial, Trial)>> {
        let policies: Vec<[PolicyKind; 2]> = candidates
            .iter()
            .map(|params| [PolicyKind::given("candidate", *params), PolicyKind::hard_with_fee_of("control", *params)])
            .collect();
        let mut specs = Vec::new();
        for pair in &policies {
            for feed in feeds {
                for feedback in &self.feedbacks {
                    for seed in 1..=self.seeds {
                        specs.extend(pair.iter().map(|policy| RunSpec {
                            feed,
                            policy,
                            seed,
                            accounts: self.accounts,
                            population: &self.population,
                            interest_tenths: self.interest_tenths,
                            feedback_halves: feedback.halves(),
                            fund: QuoteAtoms(0),
                            look_at_all: false,
                        }));
                    }
                }
            }
        }
        let done: Vec<[Figures; 2]> = specs
            .par_iter()
            .map(|spec| {
                let outcome = run(spec).with_context(|| format!("{}, seed {}", spec.policy.name, spec.seed))?;
                progress.inc(1);
                let figures = |at: At| at.of(&outcome).map(Figures::of);
                let end = figures(At::End).unwrap_or_default();
                Ok([end, figures(At::Later).unwrap_or(end)])
            })
            .collect::<Result<_>>()?;
        let runs = usize::try_from(self.runs())?;
        Ok(done.chunks(runs.max(1)).map(|of| (self.trial(of, 0), self.trial(of, 1))).collect())
    }

    fn trial(&self, runs: &[[Figures; 2]], moment: usize) -> Trial {
        let at = |run: &[Figures; 2]| run.get(moment).copied().unwrap_or_default();
        let pair = |pair: &[[Figures; 2]]| match pair {
            [policy, control] => Some(Pair { policy: at(policy), control: at(control) }),
            _ => None,
        };
        Trial {
            pairs: runs.chunks(2).filter_map(pair).collect(),
            seeds: usize::try_from(self.seeds).unwrap_or(usize::MAX),
            feedbacks: self.feedbacks.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(equity: f64, peak: f64) -> Figures {
        Figures { equity, bad_debt: 0.0, fee: 0.0, peak }
    }

    /// Two events, one feedback, two seeds.
    fn trial(equities: [f64; 4]) -> Trial {
        let pair = |equity| Pair { policy: figures(equity, 10.0), control: figures(0.0, 40.0) };
        Trial { pairs: equities.map(pair).to_vec(), seeds: 2, feedbacks: 1 }
    }

    #[test]
    fn means_are_over_events_and_spreads_over_seeds() {
        let found = trial([1.0, 5.0, 3.0, 9.0]).by_seed(|pair| pair.policy.equity);
        // Seed 1: (1 + 3) ÷ 2, seed 2: (5 + 9) ÷ 2.
        assert_eq!(found, Spread { mean: 4.5, deviation: 12.5f64.sqrt() });
        assert_eq!(trial([1.0, 5.0, 3.0, 9.0]).event(1)[1].policy.equity, 9.0);
    }

    #[test]
    fn differences_are_paired() {
        let found = trial([1.0, 5.0, 3.0, 9.0]).against(&trial([0.0, 4.0, 2.0, 8.0]));
        assert_eq!(found, Spread { mean: 1.0, deviation: 0.0 });
    }

    #[test]
    fn bad_debt_comes_off_once_more_and_peaks_are_parts_of_the_control() {
        assert_eq!(Figures { equity: 10.0, bad_debt: 3.0, fee: 1.0, peak: 0.0 }.objective(), 7.0);
        assert_eq!(trial([0.0; 4]).peak_percent(), 25.0);
    }
}
