//! Two reference solvers: one lot at a time for small positions, and closed form in rationals for any.

use super::{
    floor, health_bound, int, narrow, per_lot, rate_of_lot, ratio, requirement_atom_bps, Leg, Schedule, State, Q,
};
use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use taper_engine::episode::Target;

/// What a slice is solved from.
#[derive(Clone, Debug)]
pub struct Problem {
    pub leg: Leg,
    pub before: State,
    /// Of the whole account, before.
    pub health: Q,
    pub schedule: Schedule,
    pub target: Target,
    pub budget: Option<i64>,
    /// Cash that penalties may be paid from.
    pub fund: i64,
    pub cap: i64,
    /// Price and lots, best first.
    pub levels: Vec<(i64, i64)>,
    /// After the levels that are better than that any number of lots changes hands at κ beyond the oracle price: an absorb in the
    /// backstop stage.
    pub discounted: bool,
}

/// Lots taken alike: same level, slippage, penalty and rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// Index of the level; the number of levels for the discounted rest.
    pub level: usize,
    pub lots: i64,
    pub slippage: i64,
    pub penalty: i64,
    pub rate: u32,
}

/// Why a slice ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    TargetMet,
    Flat,
    Cap,
    CostCap,
    NoMoreLevels,
}

/// κ and the penalty's bound at one rate, in whole atoms per lot.
pub struct Terms {
    pub cost_cap: BigInt,
    pub penalty: BigInt,
    pub health_bound: Q,
}

impl Terms {
    /// `min(p(H)·r·P, κ − d⁺, ½(H·r·P − d⁺))`, rounded down; `None` where `d⁺ > κ`.
    pub fn penalty_at(&self, slippage: i64) -> Option<i64> {
        let paid = BigInt::from(slippage.max(0));
        if paid > self.cost_cap {
            return None;
        }
        // Halving whole atoms: the fraction of H·r·P cannot change what the floor leaves.
        let half: BigInt = (floor(&self.health_bound) - &paid) / 2;
        let penalty = (&self.cost_cap - &paid).min(half).min(self.penalty.clone());
        Some(narrow(&penalty.max(BigInt::zero())))
    }
}

impl Problem {
    pub fn slippage(&self, level_price: i64) -> i64 {
        if self.leg.base > 0 {
            self.leg.price - level_price
        } else {
            level_price - self.leg.price
        }
    }

    pub fn terms(&self, rate: u32) -> Terms {
        let bound = health_bound(&self.health, rate, self.leg.price);
        let scheduled = per_lot(&self.schedule.cost_cap_ppb, rate, self.leg.price);
        Terms {
            cost_cap: scheduled.min(floor(&bound)),
            penalty: per_lot(&self.schedule.penalty_ppb, rate, self.leg.price),
            health_bound: bound,
        }
    }

    /// The penalty on a lot at this rate and slippage; `None` where `d⁺ > κ`.
    pub fn penalty(&self, rate: u32, slippage: i64) -> Option<i64> {
        self.terms(rate).penalty_at(slippage)
    }

    /// What lot number `remaining` frees, in 10^-4 atoms.
    fn freed(&self, remaining: i64) -> BigInt {
        let of = |lots: i64| requirement_atom_bps(&self.leg.params, &(BigInt::from(lots) * self.leg.price));
        of(remaining) - of(remaining - 1)
    }

    /// `τ·M − E` in 10^-8 atoms, which is exact, and τ in bps; `None` for a full close.
    fn deficit(&self) -> Option<(BigInt, u32)> {
        match self.target {
            Target::Full => None,
            Target::Ratio(bps) => {
                let missing = ratio(bps, 10_000) * &self.before.requirement - &self.before.equity;
                Some(((missing * int(100_000_000)).to_integer(), bps))
            }
        }
    }

    /// How many lots from `remaining` downwards lie in the same tier as the first of them, which counts alone if it straddles.
    fn alike(&self, remaining: i64) -> i64 {
        let (price, lot) = (BigInt::from(self.leg.price), BigInt::from(remaining));
        let used = &self.leg.params.tiers[..self.leg.params.tier_count as usize];
        let (top, bottom) = (&lot * &price, (&lot - 1) * &price);
        // Edges above the last are none: the last rate goes on for ever.
        let edges: Vec<BigInt> = used[..used.len() - 1].iter().map(|tier| tier.notional_cap_atoms.into()).collect();
        if edges.iter().any(|edge| *edge > bottom && *edge < top) {
            return 1;
        }
        let lower = edges.into_iter().filter(|edge| *edge <= bottom).max().unwrap_or_default();
        narrow(&((top - lower) / price))
    }
}

/// Upwards, of positive numbers.
fn quotient_up(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    (dividend + divisor - 1) / divisor
}

/// The naive reference: one lot after another, every number anew.
pub fn one_by_one(problem: &Problem) -> (Vec<Taken>, End) {
    walk(problem, |_| 1)
}

/// The closed form: all lots of a level and tier at once.
pub fn at_once(problem: &Problem) -> (Vec<Taken>, End) {
    walk(problem, |remaining| problem.alike(remaining))
}

fn walk(problem: &Problem, alike: impl Fn(i64) -> i64) -> (Vec<Taken>, End) {
    let min_position = problem.leg.params.min_position_base_lots;
    let mut remaining = problem.leg.base.abs();
    let mut allowed = problem.cap;
    let mut deficit = problem.deficit();
    let mut budget = problem.budget.map(BigInt::from);
    let mut fund = BigInt::from(problem.fund);
    let mut terms: Option<(u32, Terms)> = None;
    let mut taken: Vec<Taken> = Vec::new();
    let book = problem.levels.iter().map(|(price, lots)| (Some(problem.slippage(*price)), *lots));
    let rest = problem.discounted.then_some((None, i64::MAX));
    for (level, (shown, mut available)) in book.chain(rest).enumerate() {
        if let (Some(slippage), true, true) = (shown, problem.discounted, remaining > 0) {
            let rate = rate_of_lot(&problem.leg.params, remaining, problem.leg.price);
            if BigInt::from(slippage) >= problem.terms(rate).cost_cap {
                continue;
            }
        }
        while available > 0 {
            let wanting = deficit.as_ref().is_none_or(|(missing, _)| missing.is_positive());
            if let Some(end) = done(remaining, allowed, wanting, min_position) {
                return (taken, end);
            }
            let rate = rate_of_lot(&problem.leg.params, remaining, problem.leg.price);
            if terms.as_ref().is_none_or(|(known, _)| *known != rate) {
                terms = Some((rate, problem.terms(rate)));
            }
            let known = terms.as_ref().map(|(_, terms)| terms).expect("just worked out");
            let slippage = shown.unwrap_or_else(|| narrow(&known.cost_cap));
            let Some(mut penalty) = known.penalty_at(slippage) else {
                if problem.discounted {
                    break;
                }
                return (taken, End::CostCap);
            };
            let mut lots = alike(remaining).min(available).min(allowed);
            if penalty > 0 {
                // Lots that carry a penalty fit into budget and fund; the next ones carry none.
                let by_fund = &fund / penalty;
                let affordable = match &budget {
                    Some(left) => by_fund.min(left / (slippage.max(0) + penalty)),
                    None => by_fund,
                };
                if affordable.is_zero() {
                    penalty = 0;
                } else {
                    lots = lots.min(i64::try_from(affordable).unwrap_or(i64::MAX));
                }
            }
            if let (Some((missing, tau)), true) = (&mut deficit, wanting) {
                let gain: BigInt = problem.freed(remaining) * *tau - BigInt::from(slippage + penalty) * 100_000_000;
                assert!(gain.is_positive(), "every lot brings the target nearer");
                lots = lots.min(i64::try_from(quotient_up(missing, &gain)).unwrap_or(i64::MAX));
                *missing -= gain * lots;
            }
            if let Some(left) = &mut budget {
                *left -= BigInt::from(lots) * (slippage.max(0) + penalty);
                *left = (&*left).max(&BigInt::zero()).clone();
            }
            fund -= BigInt::from(lots) * penalty;
            remaining -= lots;
            allowed -= lots;
            available -= lots;
            push(&mut taken, Taken { level, lots, slippage, penalty, rate });
        }
    }
    let wanting = deficit.is_none_or(|(missing, _)| missing.is_positive());
    (taken, done(remaining, allowed, wanting, min_position).unwrap_or(End::NoMoreLevels))
}

/// Why no further lot is wanted, if none is.
fn done(remaining: i64, allowed: i64, wanting: bool, min_position: i64) -> Option<End> {
    match (remaining, allowed) {
        (0, _) => Some(End::Flat),
        (_, 0) => Some(End::Cap),
        _ if !wanting && remaining >= min_position => Some(End::TargetMet),
        _ => None,
    }
}

/// Appends, merging with what was taken alike just before.
pub fn push(taken: &mut Vec<Taken>, next: Taken) {
    match taken.last_mut() {
        Some(last) if Taken { lots: last.lots, ..next.clone() } == *last => last.lots += next.lots,
        _ => taken.push(next),
    }
}
