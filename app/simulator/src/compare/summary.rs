//! Means and spreads over seeds, and differences paired by seed.

use super::measure::{Measure, EQUITY};
use super::Comparison;
use crate::lab::run::{Outcome, Snapshot};

/// Mean differences closer to zero than this, in basis points of starting equity, are a tie.
const TIE_BPS: f64 = 1.0;

/// When a run is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The end of the window.
    End,
    /// A day later.
    Later,
}

impl At {
    pub const ALL: [Self; 2] = [Self::End, Self::Later];

    pub fn name(self) -> &'static str {
        match self {
            Self::End => "end",
            Self::Later => "day_later",
        }
    }

    /// The run at that moment, if it got there.
    pub fn of(self, outcome: &Outcome) -> Option<&Snapshot> {
        match self {
            Self::End => Some(&outcome.at_end),
            Self::Later => outcome.later.as_ref(),
        }
    }
}

/// A mean, and the standard deviation of what it is a mean of (zero for a single value).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    pub mean: f64,
    pub deviation: f64,
}

impl Spread {
    /// Of some values; `None` without any.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let deviation = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
        Some(Self { mean, deviation })
    }
}

/// How an average difference is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Better,
    Tie,
    Worse,
}

impl Verdict {
    pub fn of(mean_bps: f64) -> Self {
        if mean_bps > TIE_BPS {
            Self::Better
        } else if mean_bps < -TIE_BPS {
            Self::Worse
        } else {
            Self::Tie
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Tie => "tie",
            Self::Worse => "worse",
        }
    }
}

impl Comparison {
    /// A measure over the seeds.
    pub fn spread(&self, place: (usize, usize, usize), at: At, measure: &Measure) -> Option<Spread> {
        let values: Vec<f64> = self.values(place, at, measure);
        Spread::of(&values)
    }

    /// The difference of a measure, policy less other, seed by seed.
    pub fn paired(&self, place: (usize, usize, usize), other: usize, at: At, measure: &Measure) -> Option<Spread> {
        let (scenario, feedback, _) = place;
        let of = self.values(place, at, measure);
        let against = self.values((scenario, feedback, other), at, measure);
        let differences: Vec<f64> = of.iter().zip(&against).map(|(a, b)| a - b).collect();
        Spread::of(&differences)
    }

    fn values(&self, (scenario, feedback, policy): (usize, usize, usize), at: At, measure: &Measure) -> Vec<f64> {
        let outcomes = self.outcomes(scenario, feedback, policy);
        outcomes.iter().filter_map(|outcome| at.of(outcome)).map(measure.of).collect()
    }

    /// Equity, policy less other, event by event: name and mean over seeds.
    pub fn by_event(&self, feedback: usize, policy: usize, other: usize, at: At) -> Vec<(usize, f64)> {
        let difference =
            |scenario| Some((scenario, self.paired((scenario, feedback, policy), other, at, EQUITY)?.mean));
        (0..self.scenarios.len()).filter_map(difference).collect()
    }

    /// The quartile of violence of each event, 1 the calmest.
    pub fn quartiles(&self) -> Vec<usize> {
        let count = self.scenarios.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|place| self.scenarios.get(*place).map_or(0, |scenario| scenario.violence_bps));
        let mut quartiles = vec![1; count];
        for (rank, place) in order.into_iter().enumerate() {
            if let Some(quartile) = quartiles.get_mut(place) {
                *quartile = 1 + rank * 4 / count.max(1);
            }
        }
        quartiles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_the_mean_and_the_sample_deviation() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[7.0]), Some(Spread { mean: 7.0, deviation: 0.0 }));
        assert_eq!(Spread::of(&[1.0, 3.0, 5.0]), Some(Spread { mean: 3.0, deviation: 2.0 }));
    }

    #[test]
    fn within_a_basis_point_is_a_tie() {
        let verdicts = [1.01, 1.0, -1.0, -1.01].map(Verdict::of);
        assert_eq!(verdicts, [Verdict::Better, Verdict::Tie, Verdict::Tie, Verdict::Worse]);
    }
}
