//! The search: the base, an even cover of the space, then points near the best so far, nearer from round to round.

use std::collections::BTreeMap;

use anyhow::Result;
use indicatif::ProgressBar;
use rand_chacha::rand_core::SeedableRng;
use rand_chacha::ChaCha8Rng;
use taper_engine::params::MarketParams;

use super::judge::{Ground, Trial};
use super::space::{Point, Space, UNIT};
use crate::lab::feed::Feed;

/// Candidates whose neighbourhood a round looks at.
const ELITES: usize = 4;
/// Candidates of a round.
const ROUND: usize = 12;
/// How far the first round reaches, and the last at least, along a dimension.
const FIRST_REACH: i64 = UNIT / 3;
const LAST_REACH: i64 = UNIT / 24;
/// Points that may be refused for one that is accepted, before the search gives up on more.
const PATIENCE: usize = 500;

/// Where a candidate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Base,
    Cover,
    /// Near the candidate of that number.
    Near(usize),
}

/// Parameters that were run.
pub struct Candidate {
    pub origin: Origin,
    pub params: MarketParams,
    point: Point,
    /// On the selection events, at the ends of their windows.
    pub trial: Trial,
}

/// How to search.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Candidates, the base among them.
    pub budget: usize,
    pub seed: u64,
    /// Largest mean peak impact, as a part of the control's.
    pub peak_limit_percent: f64,
}

/// The search, and what it found.
pub struct Search<'a> {
    space: &'a Space,
    selection: &'a Ground,
    /// Looked at for one thing only: whether parameters would be valid there.
    held_out: &'a Ground,
    settings: Settings,
    random: ChaCha8Rng,
    feeds: Vec<Feed>,
    pub candidates: Vec<Candidate>,
    /// Points that a rule refused, by its name.
    pub refused: BTreeMap<String, u64>,
}

impl<'a> Search<'a> {
    /// A search that has not begun.
    pub fn new(space: &'a Space, selection: &'a Ground, held_out: &'a Ground, settings: Settings) -> Self {
        let random = ChaCha8Rng::seed_from_u64(settings.seed);
        let feeds = selection.without_the_day_after();
        let (candidates, refused) = (Vec::new(), BTreeMap::new());
        Self { space, selection, held_out, settings, random, feeds, candidates, refused }
    }

    /// Searches until the budget is spent, or nothing new that is valid is found.
    ///
    /// # Errors
    /// Of the laboratory.
    pub fn run(&mut self, progress: &ProgressBar) -> Result<()> {
        let base = (Origin::Base, self.space.origin(), self.space.base);
        self.try_points(vec![base], progress)?;
        let cover = self.cover(self.settings.budget.saturating_sub(1).div_ceil(2));
        self.try_points(cover, progress)?;
        let mut reach = FIRST_REACH;
        while self.candidates.len() < self.settings.budget {
            let round = self.near_the_best(reach);
            if round.is_empty() {
                break;
            }
            self.try_points(round, progress)?;
            reach = (reach * 3 / 4).max(LAST_REACH);
        }
        Ok(())
    }

    /// Numbers of the candidates, the best first: those within the limit on impact by the objective, then the others by their impact.
    pub fn ranking(&self) -> Vec<usize> {
        let mut order: Vec<(bool, f64, usize)> = (0..)
            .zip(&self.candidates)
            .map(|(number, candidate)| {
                let peak = candidate.trial.peak_percent();
                let is_beyond = !self.is_within_limit(candidate);
                let objective = candidate.trial.by_seed(|pair| pair.policy.objective()).mean;
                (is_beyond, if is_beyond { peak } else { -objective }, number)
            })
            .collect();
        order.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        order.into_iter().map(|(_, _, number)| number).collect()
    }

    /// Whether its impact is within the limit.
    pub fn is_within_limit(&self, candidate: &Candidate) -> bool {
        candidate.trial.peak_percent() <= self.settings.peak_limit_percent
    }

    fn try_points(&mut self, points: Vec<(Origin, Point, MarketParams)>, progress: &ProgressBar) -> Result<()> {
        let params: Vec<MarketParams> = points.iter().map(|(_, _, params)| *params).collect();
        let trials = self.selection.try_all(&params, &self.feeds, progress)?;
        for ((origin, point, params), (trial, _)) in points.into_iter().zip(trials) {
            self.candidates.push(Candidate { origin, params, point, trial });
        }
        Ok(())
    }

    fn cover(&mut self, wanted: usize) -> Vec<(Origin, Point, MarketParams)> {
        let mut accepted = Vec::new();
        for _ in 0..PATIENCE {
            if accepted.len() >= wanted {
                break;
            }
            for point in self.space.cover(wanted, &mut self.random) {
                if accepted.len() < wanted {
                    self.accept(&mut accepted, Origin::Cover, point);
                }
            }
        }
        accepted
    }

    fn near_the_best(&mut self, reach: i64) -> Vec<(Origin, Point, MarketParams)> {
        let elites: Vec<usize> = self.ranking().into_iter().take(ELITES).collect();
        let wanted = ROUND.min(self.settings.budget.saturating_sub(self.candidates.len()));
        let mut accepted = Vec::new();
        for number in elites.iter().cycle().take(PATIENCE * wanted) {
            if accepted.len() >= wanted {
                break;
            }
            let Some(point) = self.candidates.get(*number).map(|candidate| candidate.point) else { continue };
            let near = self.space.near(&point, reach, &mut self.random);
            self.accept(&mut accepted, Origin::Near(*number), near);
        }
        accepted
    }

    /// Adds the point if its parameters are valid on every event and new.
    fn accept(&mut self, accepted: &mut Vec<(Origin, Point, MarketParams)>, origin: Origin, point: Point) {
        let params = self.space.params(&point);
        if let Some(rule) = self.selection.broken_rule(&params).or_else(|| self.held_out.broken_rule(&params)) {
            *self.refused.entry(rule).or_default() += 1;
            return;
        }
        let is_known = self.candidates.iter().any(|candidate| candidate.params == params)
            || accepted.iter().any(|(_, _, other)| *other == params);
        if !is_known {
            accepted.push((origin, point, params));
        }
    }
}
