//! A slice one lot at a time, in exact fractions: nothing is divided but to cut off what is less than an atom, and nothing is carried from
//! lot to lot but the account.

use super::domain::{Leg, Limits};
use std::cmp::Ordering;
use taper_engine::episode::Target;

/// One lot closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lot {
    pub slippage: i64,
    pub penalty: i64,
    pub rate: u32,
}

/// An account before a slice.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    pub leg: &'a Leg,
    pub equity: i64,
    /// Of the whole account, in 10^-4 atoms.
    pub required: i128,
    /// What can pay penalties.
    pub cash: i64,
}

/// Equity and requirement, and lots of the leg that are left.
#[derive(Clone, Debug)]
pub struct State {
    pub equity: i64,
    pub required: i128,
    pub remaining: i64,
}

/// Why a slice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    TargetMet,
    Flat,
    Cap,
    CostCap,
    NoMoreLevels,
}

impl World<'_> {
    pub fn before(&self) -> State {
        State { equity: self.equity, required: self.required, remaining: self.leg.base.abs() }
    }

    /// `E × rate × P ÷ M` and `fraction × rate × P`, each as a numerator and a denominator, in atoms.
    fn health_bound(&self, rate: u32) -> (i128, i128) {
        (i128::from(self.equity) * i128::from(rate) * i128::from(self.leg.price), self.required)
    }

    fn of_margin(&self, fraction_ppb: u64, rate: u32) -> (i128, i128) {
        let numerator = i128::from(fraction_ppb) * i128::from(rate) * i128::from(self.leg.price);
        (numerator, 10_000 * 1_000_000_000)
    }
}

impl State {
    pub fn without_a_lot(&self, world: &World<'_>, lot: &Lot) -> State {
        let of = |lots: i64| world.leg.required[usize::try_from(lots).expect("not negative")];
        State {
            equity: self.equity - lot.slippage - lot.penalty,
            required: self.required - (of(self.remaining) - of(self.remaining - 1)),
            remaining: self.remaining - 1,
        }
    }

    /// `E ÷ M` against another's; without a requirement it is above all, unless there is a debt.
    pub fn against(&self, other: &State) -> Ordering {
        if self.required == 0 || other.required == 0 {
            let rank = |state: &State| if state.required > 0 { 0 } else { state.equity.signum() * 2 + 1 };
            return rank(self).cmp(&rank(other));
        }
        (i128::from(self.equity) * other.required).cmp(&(i128::from(other.equity) * self.required))
    }

    fn against_target(&self, target_bps: u32) -> Ordering {
        (i128::from(self.equity) * 100_000_000).cmp(&(i128::from(target_bps) * self.required))
    }

    pub fn meets(&self, target_bps: u32) -> bool {
        self.against_target(target_bps) != Ordering::Less
    }

    pub fn meets_exactly(&self, target_bps: u32) -> bool {
        self.against_target(target_bps) == Ordering::Equal
    }
}

impl Lot {
    /// Cost within κ and `H·r·P`; the penalty within its schedule and half of what is left; as fractions.
    pub fn within_bounds(&self, world: &World<'_>, limits: &Limits) -> Result<(), String> {
        let within = |atoms: i64, (numerator, denominator): (i128, i128)| i128::from(atoms) * denominator <= numerator;
        let (adverse, bound) = (self.slippage.max(0), world.health_bound(self.rate));
        let cost = adverse + self.penalty;
        let half = (bound.0 - i128::from(adverse) * bound.1, 2 * bound.1);
        let all = [
            self.penalty >= 0,
            within(cost, bound),
            within(cost, world.of_margin(limits.cost_cap_ppb, self.rate)),
            within(self.penalty, world.of_margin(limits.penalty_ppb, self.rate)),
            within(self.penalty, half),
        ];
        if all.contains(&false) {
            return Err(format!("bounds {all:?} of {self:?}"));
        }
        Ok(())
    }
}

fn floor((numerator, denominator): (i128, i128)) -> i64 {
    i64::try_from(numerator.div_euclid(denominator)).expect("small")
}

/// The penalty of a lot, or `None` beyond κ: each bound as a fraction, whole atoms of the least.
fn penalty(world: &World<'_>, limits: &Limits, rate: u32, adverse: i64) -> Option<i64> {
    let bound = world.health_bound(rate);
    let cost_cap = floor(bound).min(floor(world.of_margin(limits.cost_cap_ppb, rate)));
    if adverse > cost_cap {
        return None;
    }
    let half = floor((bound.0 - i128::from(adverse) * bound.1, 2 * bound.1));
    Some(half.min(cost_cap - adverse).min(floor(world.of_margin(limits.penalty_ppb, rate))))
}

/// The slice, and why it ended.
pub fn walk(world: &World<'_>, limits: &Limits) -> (Vec<Lot>, Stop) {
    let mut state = world.before();
    let (mut cash, mut budget) = (world.cash, limits.budget);
    let mut lots = Vec::new();
    for (slippage, available) in &limits.levels {
        for _ in 0..*available {
            if let Some(stop) = enough(&state, world, limits) {
                return (lots, stop);
            }
            let rate = world.leg.rates[usize::try_from(state.remaining).expect("not negative")];
            let adverse = (*slippage).max(0);
            let Some(mut penalty) = penalty(world, limits, rate, adverse) else { return (lots, Stop::CostCap) };
            if penalty > cash || budget.is_some_and(|left| adverse + penalty > left) {
                penalty = 0;
            }
            let lot = Lot { slippage: *slippage, penalty, rate };
            state = state.without_a_lot(world, &lot);
            cash -= penalty;
            budget = budget.map(|left| (left - adverse - penalty).max(0));
            lots.push(lot);
        }
    }
    let stop = enough(&state, world, limits).unwrap_or(Stop::NoMoreLevels);
    (lots, stop)
}

fn enough(state: &State, world: &World<'_>, limits: &Limits) -> Option<Stop> {
    let met = matches!(limits.target, Target::Ratio(bps) if state.meets(bps));
    if state.remaining == 0 {
        Some(Stop::Flat)
    } else if world.leg.base.abs() - state.remaining == limits.cap {
        Some(Stop::Cap)
    } else if met && state.remaining >= world.leg.params.min_position_base_lots {
        Some(Stop::TargetMet)
    } else {
        None
    }
}
