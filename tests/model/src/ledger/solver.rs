//! Section 8: the solver. It is offered levels, best first, and says how many lots of each are closed, at what penalty.

use taper_engine::params::MarketParams;

use super::margin::{position, requirement, Worth};
use super::number::{ceil, floor, ratio_floor, Z};

const PPB: Z = 1_000_000_000;

/// What the ladder says at a health.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    /// In 10^-9 of mmr.
    pub penalty: Z,
    /// In 10^-9 of mmr: the ladder's, then the one in force.
    pub cap: Z,
    /// In slots.
    pub cooldown: Z,
}

/// The ladder, and the clock of the cost cap.
pub fn ladder(params: &MarketParams, worth: &Worth, clock: Z) -> Option<Values> {
    let at = position(worth)?;
    let health = |point: usize| Z::from(params.ladder[point].health_bps) * 100_000;
    let low = (1..4).find(|low| at >= health(*low))?;
    let (high_point, low_point) = (&params.ladder[low - 1], &params.ladder[low]);
    let (span, over) = (health(low - 1) - health(low), at - health(low));
    let mixed = |low: u32, high: u32, scale: Z| Z::from(low) * scale * (span - over) + Z::from(high) * scale * over;
    let penalty = floor(mixed(low_point.penalty_bps_of_mmr, high_point.penalty_bps_of_mmr, 100_000), span);
    let cap = floor(mixed(low_point.cost_cap_bps_of_mmr, high_point.cost_cap_bps_of_mmr, 100_000), span);
    let cooldown = ceil(mixed(low_point.cooldown_slots, high_point.cooldown_slots, 1), span);
    let ramp = Z::from(params.cost_cap_ramp_bps_of_mmr_per_slot) * clock;
    let opened = (Z::from(params.cost_cap_start_bps_of_mmr) + ramp) * 100_000;
    Some(Values { penalty, cap: cap.min(opened), cooldown })
}

/// What is closed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    pub lots: Z,
    pub quote: Z,
    pub penalty: Z,
    pub cost: Z,
    /// Penalties that budget or cash did not cover.
    pub forgone: Z,
    /// What the other side pays less than the oracle price.
    pub discount: Z,
    /// What it pays more.
    pub premium: Z,
}

/// One slice being worked out.
pub struct Solver<'a> {
    params: &'a MarketParams,
    price: Z,
    /// +1 closes a long, −1 a short.
    direction: Z,
    worth: Worth,
    values: Values,
    remaining: Z,
    cap: Z,
    /// In 10^-8 atoms; `None` for a full close.
    deficit: Option<Z>,
    ratio: Z,
    is_last_leg: bool,
    /// Cost that may be paid with a penalty; `None` in the bypass.
    budget: Option<Z>,
    /// Cash that may pay penalties.
    fund: Z,
    /// What has been closed.
    pub sums: Sums,
}

/// A level at a price, or the endless one at the discount of absorbs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Level {
    At(Z),
    Discounted,
}

/// A leg as a solver needs it.
pub struct Task<'a> {
    pub params: &'a MarketParams,
    pub price: Z,
    pub base: Z,
    pub worth: Worth,
    pub values: Values,
    pub ratio: Option<Z>,
    pub budget: Option<Z>,
    pub cash: Z,
    /// No other leg has a requirement.
    pub is_last_leg: bool,
}

/// Rate and lots of the next stretch, and what one of its lots frees in atom-bps.
struct Stretch {
    rate: Z,
    lots: Z,
    freed: Z,
}

impl<'a> Solver<'a> {
    pub fn new(task: &Task<'a>, cap: Z) -> Self {
        let deficit = task.ratio.map(|ratio| ratio * task.worth.requirement - task.worth.equity * 100_000_000);
        Self {
            params: task.params,
            price: task.price,
            direction: task.base.signum(),
            worth: task.worth,
            values: task.values,
            remaining: task.base.abs(),
            cap,
            deficit,
            ratio: task.ratio.unwrap_or(0),
            is_last_leg: task.is_last_leg,
            budget: task.budget,
            fund: task.cash.max(0),
            sums: Sums::default(),
        }
    }

    /// Lower edge and rate of the tier that a notional lies in, its upper edge included.
    fn tier(&self, notional: Z) -> (Z, Z) {
        let (mut lower, used) = (0, self.params.tier_count as usize);
        for tier in &self.params.tiers[..used - 1] {
            if notional <= tier.notional_cap_atoms.into() {
                return (lower, tier.mmr_bps.into());
            }
            lower = tier.notional_cap_atoms.into();
        }
        (lower, self.params.tiers[used - 1].mmr_bps.into())
    }

    fn stretch(&self) -> Stretch {
        let notional = self.remaining * self.price;
        let (edge, rate) = self.tier(notional);
        let lots = floor(notional - edge, self.price);
        if lots > 0 {
            return Stretch { rate, lots, freed: rate * self.price };
        }
        let after = notional - self.price;
        let freed = requirement(self.params, notional, false) - requirement(self.params, after, false);
        // The lowest rate that the lot touches is that of the notional just above what is left.
        let (_, rate) = self.tier(after + 1);
        Stretch { rate, lots: 1, freed }
    }

    /// `H·r·P`, rounded down.
    fn health_bound(&self, rate: Z) -> Z {
        ratio_floor(&[self.worth.equity, rate, self.price], &[self.worth.requirement])
    }

    fn per_lot(&self, fraction: Z, rate: Z) -> Z {
        floor(floor(fraction * rate, 10_000) * self.price, PPB)
    }

    fn kappa(&self, rate: Z) -> Z {
        self.per_lot(self.values.cap, rate).min(self.health_bound(rate))
    }

    /// The price of the discounted level at the next stretch.
    pub fn discounted(&self) -> Z {
        self.price - self.direction * self.kappa(self.stretch().rate)
    }

    /// Target met and no rest to close, or no lots left, or the cap reached.
    pub fn is_done(&self) -> bool {
        let met = self.deficit.is_some_and(|deficit| deficit <= 0);
        let rest = self.remaining < self.params.min_position_base_lots.into();
        self.remaining == 0 || self.sums.lots >= self.cap || (met && !rest)
    }

    /// True if the target is met; a full close's is when this leg, and every other one, is flat.
    pub fn is_met(&self) -> bool {
        self.deficit.map_or(self.remaining == 0 && self.is_last_leg, |deficit| deficit <= 0)
    }

    /// Takes from a level with so many lots, once: at most one stretch. Returns the lots; `None` if the level is beyond the cost cap.
    pub fn take(&mut self, level: Level, there: Option<Z>) -> Option<Z> {
        let stretch = self.stretch();
        let (bound, kappa) = (self.health_bound(stretch.rate), self.kappa(stretch.rate));
        let price = match level {
            Level::At(price) => price,
            Level::Discounted => self.price - self.direction * kappa,
        };
        let d = self.direction * (self.price - price);
        let slippage = d.max(0);
        if slippage > kappa {
            return None;
        }
        let scheduled = self.per_lot(self.values.penalty, stretch.rate);
        let wanted = scheduled.min(kappa - slippage).min(floor(bound - slippage, 2)).max(0);
        let covered = self.covered(slippage, wanted);
        let (penalty, affordable) = if covered == Some(0) { (0, None) } else { (wanted, covered) };
        let mut lots = self.remaining.min(stretch.lots).min(self.cap - self.sums.lots);
        lots = there.map_or(lots, |there| lots.min(there));
        lots = affordable.map_or(lots, |affordable| lots.min(affordable));
        let gain = self.ratio * stretch.freed - (d + penalty) * 100_000_000;
        if let Some(deficit) = self.deficit.filter(|deficit| *deficit > 0) {
            lots = lots.min(ceil(deficit, gain));
        }
        self.deficit = self.deficit.map(|deficit| deficit - lots * gain);
        self.remaining -= lots;
        self.fund -= lots * penalty;
        self.budget = self.budget.map(|budget| budget - lots * (slippage + penalty));
        let sums = &mut self.sums;
        sums.lots += lots;
        sums.quote += lots * price;
        sums.penalty += lots * penalty;
        sums.cost += lots * (slippage + penalty);
        sums.forgone += lots * (wanted - penalty);
        sums.discount += lots * slippage;
        sums.premium += lots * (-d).max(0);
        Some(lots)
    }

    /// Lots whose penalty budget and cash cover; `None` where there is no penalty to cover.
    fn covered(&self, slippage: Z, penalty: Z) -> Option<Z> {
        if penalty == 0 {
            return None;
        }
        let by_cash = floor(self.fund, penalty);
        let by_budget = self.budget.map(|budget| floor(budget.max(0), slippage + penalty));
        Some(by_budget.map_or(by_cash, |by_budget| by_cash.min(by_budget)))
    }
}
