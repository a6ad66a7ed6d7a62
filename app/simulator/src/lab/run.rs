//! A run: one event, one policy, one seed.

use anyhow::{anyhow, Result};
use taper_engine::margin::Valuation;
use taper_engine::params::MarketParams;
use taper_engine::quantity::{Price, QuoteAtoms};

use super::feed::Feed;
use super::ledger::Split;
use super::policy::{is_unhealthy, Policy, PolicyKind};
use super::population::{Draw, Population};
use super::record::Journal;
use super::tally::Tally;
use super::watch::Watch;
use super::world::{refused, World};
use crate::replay::population::Drawn;

/// Open interest that the default parameters admit, in tenths of the calm depth, with some to spare.
pub const ADMITTED_TENTHS: i64 = 45;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct RunSpec<'a> {
    pub feed: &'a Feed,
    pub policy: &'a PolicyKind,
    pub seed: u64,
    pub accounts: usize,
    /// Whom the accounts are drawn from.
    pub population: &'a Population,
    /// Open interest of the longs, in tenths of the calm depth within 1%.
    pub interest_tenths: i64,
    /// Feedback in halves: 0 none, 1 half, 2 full. The posted price is the path's, moved by so much of the displacement.
    pub feedback_halves: i64,
    /// What the exchange's insurance fund has for the market.
    pub fund: QuoteAtoms,
    /// Looks at every account at every price, without the triggers that spare it: the same result, later.
    pub look_at_all: bool,
}

/// The whole population at one moment, at the path's price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub price: Price,
    /// Terms of all accounts, each checked against its equity.
    pub split: Split,
    /// Equity below zero that nobody has covered yet.
    pub uncovered_atoms: i64,
    /// Accounts liquidated or resolved, and those of them that still have a position.
    pub touched: u64,
    pub kept: u64,
    /// Lots of the touched accounts at the start, and now.
    pub touched_lots: i64,
    pub kept_lots: i64,
    pub tally: Tally,
}

/// A run's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub at_end: Snapshot,
    /// After a day more, where there are candles.
    pub later: Option<Snapshot>,
}

struct Run<'a> {
    spec: &'a RunSpec<'a>,
    params: MarketParams,
    policy: Box<dyn Policy>,
    world: World,
    watch: Watch,
    /// Since when an account has been unhealthy.
    unsafe_since: Vec<Option<i64>>,
}

/// Runs it.
///
/// # Errors
/// When the engine refuses what it never should, or an account's terms do not add up to its equity.
pub fn run(spec: &RunSpec<'_>) -> Result<Outcome> {
    Run::open(spec)?.all()
}

/// As [`run`], with given accounts instead of those of the seed.
///
/// # Errors
/// As [`run`].
pub fn run_accounts(spec: &RunSpec<'_>, drawn: &[Drawn]) -> Result<Outcome> {
    Run::with(spec, drawn)?.all()
}

/// Runs it and keeps a journal; the outcome is the same.
///
/// # Errors
/// As [`run`].
pub fn run_recorded(spec: &RunSpec<'_>) -> Result<(Outcome, Journal)> {
    let mut run = Run::open(spec)?;
    run.world.journal = Some(Box::default());
    let outcome = run.all()?;
    let journal = run.world.journal.take().map(|journal| *journal).unwrap_or_default();
    Ok((outcome, journal))
}

impl<'a> Run<'a> {
    fn open(spec: &'a RunSpec<'a>) -> Result<Self> {
        let RunSpec { feed, seed, accounts, interest_tenths, .. } = *spec;
        let drawn = spec.population.draw(&Draw { feed, seed, accounts, interest_tenths }).map_err(refused)?;
        Self::with(spec, &drawn)
    }

    fn with(spec: &'a RunSpec<'a>, drawn: &[Drawn]) -> Result<Self> {
        let params = widened(spec.policy.params(&spec.feed.defaults), spec.feed, spec.interest_tenths);
        let policy = spec.policy.build(drawn.len());
        let mut world = World::open(spec.feed, params, drawn, spec.fund)?;
        for trader in &mut world.traders {
            trader.account.always_full_close = u8::from(policy.closes_in_full());
        }
        Ok(Self { spec, params, policy, world, watch: Watch::new(drawn.len()), unsafe_since: vec![None; drawn.len()] })
    }

    fn all(&mut self) -> Result<Outcome> {
        let ticks = self.spec.feed.ticks.len();
        let window = self.spec.feed.window_ticks.min(ticks);
        let mut at_end = None;
        self.rewatch()?;
        for place in 0..ticks {
            self.tick(place)?;
            if place + 1 == window {
                at_end = Some(self.snapshot()?);
            }
        }
        let at_end = at_end.ok_or_else(|| anyhow!("the window has no prices"))?;
        let later = if ticks > window { Some(self.snapshot()?) } else { None };
        Ok(Outcome { at_end, later })
    }

    fn tick(&mut self, place: usize) -> Result<()> {
        self.world.post(self.spec.feed, place, self.spec.feedback_halves)?;
        let price = self.world.price;
        if self.spec.look_at_all {
            (0..self.world.traders.len()).for_each(|index| self.watch.heat(index));
        }
        if !self.watch.look(&price).is_empty() {
            self.liquidate()?;
            self.resolve()?;
            self.settle_watch()?;
        }
        self.world.tally.account_steps += u64::try_from(self.world.traders.len())?;
        let now = self.world.time_ms;
        let lasted = self.spec.feed.ticks.get(place + 1).map_or(0, |next| next.time_ms - now);
        let displaced = self.world.maker.displacement_ppm(now);
        self.world.tally.displaced(displaced, lasted);
        let window = self.spec.feed.window_ticks;
        if place < window {
            self.world.observe(place, window)?;
        }
        Ok(())
    }

    /// The keeper goes once over all accounts in trouble, the worst first.
    fn liquidate(&mut self) -> Result<()> {
        let mut troubled = Vec::new();
        for &index in self.watch.hot() {
            if self.world.base(index)?.is_zero() {
                continue;
            }
            let mid = self.world.health(index, Valuation::Maintenance)?;
            if let Some(since) = self.unsafe_since.get_mut(index) {
                if since.is_none() && is_unhealthy(&self.world, index)? {
                    *since = Some(self.world.time_ms);
                }
                if since.is_some() {
                    self.world.tally.met(mid.to_bps_down());
                }
            }
            if mid.equity.is_positive() && self.policy.wants(&self.world, index, &mid)? {
                troubled.push((mid.to_bps_down(), index));
            }
        }
        troubled.sort_unstable();
        for (_, index) in troubled {
            self.policy.act(&mut self.world, index)?;
        }
        Ok(())
    }

    /// Past the ladder: bankrupt accounts, those that may be taken over, and debts without a position.
    fn resolve(&mut self) -> Result<()> {
        for place in 0..self.watch.hot().len() {
            let Some(&index) = self.watch.hot().get(place) else { break };
            let mid = self.world.health(index, Valuation::Maintenance)?;
            let is_open = !self.world.base(index)?.is_zero();
            let due = if is_open {
                mid.is_below(self.params.takeover_health_bps)
            } else {
                self.world.equity(index, self.world.path)?.is_negative()
            };
            if due {
                self.world.resolve(index)?;
            }
        }
        Ok(())
    }

    /// Lets accounts rest that are safe or gone, and finds new triggers for those that others' liquidations have changed.
    fn settle_watch(&mut self) -> Result<()> {
        for index in self.watch.hot().to_vec() {
            let is_open = !self.world.base(index)?.is_zero();
            let is_unsafe = is_open && is_unhealthy(&self.world, index)?;
            if !is_unsafe {
                if let Some(since) = self.unsafe_since.get_mut(index).and_then(Option::take) {
                    self.world.tally.was_unsafe(self.world.time_ms - since);
                }
            }
            let owes = !is_open && self.world.equity(index, self.world.path)?.is_negative();
            if !is_unsafe && !owes && (!is_open || !self.policy.keeps_watching(&self.world, index)?) {
                self.watch.rest(&self.world, index)?;
            }
        }
        self.rewatch()
    }

    fn rewatch(&mut self) -> Result<()> {
        let mut changed = std::mem::take(&mut self.world.changed);
        changed.sort_unstable();
        changed.dedup();
        for index in changed {
            // A shared loss can leave an account without a position in debt.
            if self.world.base(index)?.is_zero() && self.world.equity(index, self.world.path)?.is_negative() {
                self.watch.heat(index);
            }
            self.watch.renew(&self.world, index)?;
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Snapshot> {
        let mark = self.world.path;
        let mut snapshot = Snapshot {
            price: mark,
            split: Split::default(),
            uncovered_atoms: 0,
            touched: 0,
            kept: 0,
            touched_lots: 0,
            kept_lots: 0,
            tally: self.world.tally.clone(),
        };
        for (index, trader) in self.world.traders.iter().enumerate() {
            let split = self.world.split(index, mark)?;
            snapshot.split.add(&split);
            snapshot.uncovered_atoms += split.sum_atoms().min(0);
            if trader.ledger.touched {
                let left = self.world.base(index)?.0.abs();
                snapshot.touched += 1;
                snapshot.kept += u64::from(left > 0);
                snapshot.touched_lots += trader.ledger.start_base_lots.abs();
                snapshot.kept_lots += left;
            }
        }
        // Those still unhealthy count with the time they have been so far.
        for since in self.unsafe_since.iter().flatten() {
            snapshot.tally.was_unsafe(self.world.time_ms - since);
        }
        self.world.audit()?;
        Ok(snapshot)
    }
}

/// The parameters for a market with that open interest. The defaults admit five depths; beyond 4.5 the cap is raised, and the throttle's
/// capacity in proportion, because the throughput inequality asks for it: such a market has a bucket larger than half of its book.
fn widened(params: MarketParams, feed: &Feed, interest_tenths: i64) -> MarketParams {
    if interest_tenths <= ADMITTED_TENTHS {
        return params;
    }
    let times = |lots: i64| lots.saturating_mul(interest_tenths) / ADMITTED_TENTHS;
    MarketParams {
        open_interest_cap_base_lots: times(feed.defaults.open_interest_cap_base_lots),
        throttle_capacity_base_lots: times(params.throttle_capacity_base_lots),
        ..params
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod replay_tests;
#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
