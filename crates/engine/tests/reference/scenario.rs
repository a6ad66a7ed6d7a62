//! Accounts, books and limits drawn to sit on the edges, from a tape of numbers (so that a failing case shrinks with its tape).

use super::solve::{Problem, Taken};
use super::{ceil, floor, int, rate_of_lot, ratio, schedule, Account, Leg, Q};
use num_bigint::BigInt;
use num_traits::One;
use taper_engine::episode::Target;
use taper_engine::params::{LadderPoint, MarginTier, MarketParams};
use taper_engine::presets::{default_params, MarketSizing};
use taper_engine::quantity::MAX_PRICE_ATOMS_PER_LOT;
use taper_engine::quantity::{BaseLots, Price, MAX_BASE_LOTS, MAX_EQUITY_ATOMS, MAX_NOTIONAL_ATOMS};
use taper_engine::validate::MAX_TIER_NOTIONAL_ATOMS;

/// A tape of numbers; zeroes after its end.
pub struct Tape<'a> {
    numbers: &'a [u64],
    next: usize,
}

impl<'a> Tape<'a> {
    pub fn new(numbers: &'a [u64]) -> Self {
        Self { numbers, next: 0 }
    }

    fn number(&mut self) -> u64 {
        let number = self.numbers.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        number
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.number() % bound.max(1)
    }

    fn within(&mut self, low: i64, high: i64) -> i64 {
        if high <= low {
            return low;
        }
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.below(span))
    }

    /// As likely in one octave as in the next, within `1..=high`.
    fn octave(&mut self, high: i64) -> i64 {
        let bits = self.below(64 - u64::from(high.max(1).leading_zeros())) + 1;
        self.within(1, high.min((1i64 << bits.min(62)) - 1))
    }

    fn chance(&mut self, of: u64) -> bool {
        self.below(of) == of - 1
    }
}

/// One account before a slice, its book and its limits.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub account: Account,
    /// Index of the leg to be sliced.
    pub leg: usize,
    pub target: Target,
    pub clock: u64,
    pub budget: Option<i64>,
    pub fund: i64,
    pub cap: i64,
    pub levels: Vec<(i64, i64)>,
    /// An absorb in the backstop stage: what no better level takes goes at a discount.
    pub discounted: bool,
    /// Lots after which the same slice is interrupted, for the comparison of one call with two.
    pub split: i64,
}

impl Scenario {
    pub fn problem(&self) -> Problem {
        let before = self.account.state();
        let health = before.health().expect("a position has a requirement");
        let leg = self.account.legs[self.leg].clone();
        Problem {
            schedule: schedule(&leg.params, &health, self.clock),
            leg,
            before,
            health,
            target: self.target,
            budget: self.budget,
            fund: self.fund,
            cap: self.cap,
            levels: self.levels.clone(),
            discounted: self.discounted,
        }
    }
}

/// Draws a scenario. Every tape gives one: the equity is always positive and below the target.
pub fn draw(numbers: &[u64]) -> Scenario {
    let tape = &mut Tape::new(numbers);
    let target_bps = match tape.below(4) {
        0 | 1 => 12_500,
        2 => 10_001,
        _ => tape.within(10_002, 30_000) as u32,
    };
    let mut legs = vec![draw_leg(tape, target_bps)];
    let others = if tape.chance(2) { tape.below(8) } else { 0 };
    for _ in 0..others {
        legs.push(draw_leg(tape, target_bps));
    }
    let leg = tape.below(legs.len() as u64) as usize;
    legs.swap(0, leg);
    let mut account = Account { cash: 0, legs };
    let (equity, target) = draw_equity(tape, &account, leg, target_bps);
    let carried = floor(&account.state().equity);
    account.cash = i64::try_from(BigInt::from(equity) - carried).expect("cash within i64");
    let clock = match tape.below(4) {
        0 => 0,
        1 => tape.below(16),
        2 => tape.below(60),
        _ => 1_000_000,
    };
    let base = account.legs[leg].base.abs();
    let (budget, fund, cap, levels, split) = (None, i64::MAX, base, Vec::new(), 0);
    let discounted = false;
    let mut scenario = Scenario { account, leg, target, clock, budget, fund, cap, levels, discounted, split };
    scenario.levels = draw_levels(tape, &scenario.problem());
    let (planned, _) = super::solve::at_once(&scenario.problem());
    let closable: i64 = planned.iter().map(|run| run.lots).sum();
    scenario.cap = match tape.below(6) {
        0 => closable.clamp(1, base),
        1 => (closable - 1).clamp(1, base),
        2 => tape.within(1, base),
        _ => base,
    };
    scenario.budget = draw_budget(tape, &planned, true);
    scenario.fund = match tape.below(3) {
        0 => scenario.account.cash.max(0),
        1 => draw_budget(tape, &planned, false).unwrap_or(i64::MAX),
        _ => i64::MAX,
    };
    scenario.split = match tape.below(4) {
        0 => 1,
        1 => (closable - 1).max(1),
        2 => (closable / 4).max(1),
        _ => tape.within(1, closable.max(1)),
    };
    let third = ratio(scenario.account.legs[scenario.leg].params.ladder[2].health_bps, 10_000);
    scenario.discounted = scenario.problem().health < third && tape.below(2) == 0;
    scenario
}

fn draw_leg(tape: &mut Tape<'_>, target_bps: u32) -> Leg {
    let price = match tape.below(6) {
        0 => tape.within(1, 16),
        1 => MAX_PRICE_ATOMS_PER_LOT - tape.within(0, 2),
        2 => tape.octave(MAX_PRICE_ATOMS_PER_LOT),
        _ => tape.within(100_000, 1_000_000_000),
    };
    let largest = (MAX_NOTIONAL_ATOMS / price).min(MAX_BASE_LOTS);
    let allowed = ((MAX_TIER_NOTIONAL_ATOMS as i64) / price).clamp(1, MAX_BASE_LOTS);
    let size = match tape.below(8) {
        0 => 1,
        1 => tape.within(1, 6),
        2 | 3 => tape.within(1, 40),
        4 => largest,
        5 => allowed,
        _ => tape.octave(allowed),
    }
    .clamp(1, largest);
    let base = if tape.chance(2) { -size } else { size };
    let mut params = template();
    draw_tiers(tape, &mut params, size, price, target_bps);
    draw_ladder(tape, &mut params);
    params.target_first_bps = target_bps;
    params.min_position_base_lots = match tape.below(4) {
        0 => 1,
        1 => 2,
        2 => tape.within(1, size),
        _ => tape.octave(size),
    };
    params.takeover_health_bps = params.takeover_health_bps.min(params.ladder[2].health_bps);
    assert_eq!(params.violated_rule(), None, "{params:?}");
    let notional = size * price;
    let noise = tape.within(-(notional >> 3), notional >> 3);
    Leg { params, price, base, quote: -base * price + noise }
}

/// Parameters whose market-wide inequalities leave room for any tiers and ladder.
fn template() -> MarketParams {
    let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
    let mut params = default_params(&sizing).expect("default parameters");
    params.open_interest_cap_base_lots = 1;
    params.throttle_refill_slots = 1;
    params.stress_drift_ppm_per_slot = 1;
    params.stress_latency_slots = 0;
    params.stress_cost_bps_of_mmr = 2_500;
    params.taker_fee_ppm = 0;
    params.maker_fee_ppm = 0;
    params.maker_band_bps = 1;
    params
}

fn draw_tiers(tape: &mut Tape<'_>, params: &mut MarketParams, size: i64, price: i64, target_bps: u32) {
    let mut edges: Vec<u64> = Vec::new();
    for _ in 0..tape.below(4) {
        let lot = tape.within(0, size);
        let offset = match tape.below(6) {
            0 => 0,
            1 => 1,
            2 => -1,
            3 => price >> 1,
            _ => tape.within(0, price),
        };
        edges.push((lot * price + offset).clamp(1, (MAX_TIER_NOTIONAL_ATOMS as i64) - 1) as u64);
    }
    edges.sort_unstable();
    edges.dedup();
    let top = edges.last().copied().unwrap_or(0);
    let last = if tape.chance(2) { MAX_TIER_NOTIONAL_ATOMS } else { top + 1 + tape.below(1 << 20) };
    edges.push(last.min(MAX_TIER_NOTIONAL_ATOMS));
    // The highest maintenance rate that leaves room for τ × mmr and the maker band below 100%.
    let highest = 9_998 * 10_000 / i64::from(target_bps);
    let mut rate = match tape.below(3) {
        0 => tape.within(1, 20),
        1 => 300,
        _ => tape.within(1, highest),
    };
    params.tiers = [MarginTier { notional_cap_atoms: 0, mmr_bps: 0, imr_bps: 0 }; 4];
    params.tier_count = edges.len() as u32;
    for (tier, edge) in params.tiers.iter_mut().zip(edges) {
        let mmr = rate as u32;
        let imr = (u64::from(mmr) * u64::from(target_bps)).div_ceil(10_000) as u32 + 1;
        *tier = MarginTier { notional_cap_atoms: edge, mmr_bps: mmr, imr_bps: imr };
        rate = match tape.below(3) {
            0 => rate,
            1 => rate * 4 / 3,
            _ => tape.within(rate, highest),
        }
        .min(highest);
    }
}

fn draw_ladder(tape: &mut Tape<'_>, params: &mut MarketParams) {
    if tape.below(3) < 2 {
        return;
    }
    let mut ladder = params.ladder;
    let (mut health, mut penalty, mut cooldown) = (10_000, tape.within(0, 2_000), tape.within(0, 50));
    for (index, point) in ladder.iter_mut().enumerate() {
        *point = LadderPoint {
            health_bps: if index == 3 { 0 } else { health as u32 },
            penalty_bps_of_mmr: penalty as u32,
            cost_cap_bps_of_mmr: tape.within(penalty, 10_000) as u32,
            cooldown_slots: cooldown as u32,
        };
        health = tape.within(3 - index as i64, health - 1);
        penalty = tape.within(penalty, (penalty * 2).clamp(penalty, 10_000));
        cooldown = tape.within(0, cooldown);
    }
    params.ladder = ladder;
    params.cost_cap_start_bps_of_mmr = tape.within(0, 10_000) as u32;
    params.cost_cap_ramp_bps_of_mmr_per_slot = tape.within(1, 500) as u32;
}

/// Equity on an edge: just above zero, around a ladder point, just below the target, or anywhere between.
fn draw_equity(tape: &mut Tape<'_>, account: &Account, leg: usize, target_bps: u32) -> (i64, Target) {
    let required = account.state().requirement;
    let at = |bps: u32| &required * ratio(bps, 10_000);
    let limit = int(MAX_EQUITY_ATOMS);
    // The largest whole equity below the target.
    let highest = (ceil(&at(target_bps)) - BigInt::one()).min(MAX_EQUITY_ATOMS.into());
    let highest = i64::try_from(highest).expect("within the bounds");
    let offset = tape.within(-1, 1);
    let ladder = account.legs[leg].params.ladder;
    let drawn: BigInt = match tape.below(7) {
        0 => BigInt::from(tape.within(1, 3)),
        1 | 2 => floor(&at(ladder[tape.below(4) as usize].health_bps)) + offset,
        3 => BigInt::from(highest) - tape.within(0, 1),
        4 => floor(&required) + offset,
        _ => BigInt::from(tape.within(1, highest)),
    };
    let full = highest < 1 || tape.chance(5);
    if full {
        // A full close goes on at any health.
        let ceiling = floor(&(&required * int(2)).min(limit)).max(BigInt::one());
        let equity = if tape.chance(3) { ceiling } else { drawn.clamp(BigInt::one(), ceiling) };
        return (i64::try_from(equity).expect("within the bounds"), Target::Full);
    }
    let equity = drawn.clamp(BigInt::one(), BigInt::from(highest));
    (i64::try_from(equity).expect("within the bounds"), Target::Ratio(target_bps))
}

/// Levels best first, with slippages at, just under and just over every bound of the lots that can be closed.
fn draw_levels(tape: &mut Tape<'_>, problem: &Problem) -> Vec<(i64, i64)> {
    let (price, base) = (problem.leg.price, problem.leg.base.abs());
    let count = match tape.below(8) {
        0 => 0,
        1..=4 => tape.within(1, 4),
        5 | 6 => tape.within(1, 16),
        _ => 64,
    };
    // Enough to see what the slice wants at the oracle price, so that levels can end on it.
    let endless = Problem { levels: vec![(price, base)], ..problem.clone() };
    let wanted: i64 = super::solve::at_once(&endless).0.iter().map(|run| run.lots).sum();
    let mut slippages: Vec<i64> = (0..count).map(|_| draw_slippage(tape, problem)).collect();
    slippages.sort_unstable();
    let level = |slippage: i64| if problem.leg.base > 0 { price - slippage } else { price + slippage };
    slippages
        .into_iter()
        .map(|slippage| {
            let lots = match tape.below(8) {
                0 => 1,
                1 => base,
                2 => wanted + tape.within(-1, 1),
                3 => tape.octave(base.saturating_mul(2)),
                4 => wanted / 2 + tape.within(0, 1),
                _ => tape.within(1, (base / count.max(1)).max(2)),
            };
            (level(slippage).clamp(1, MAX_PRICE_ATOMS_PER_LOT), lots.clamp(1, MAX_BASE_LOTS))
        })
        .collect()
}

fn draw_slippage(tape: &mut Tape<'_>, problem: &Problem) -> i64 {
    let (price, base) = (problem.leg.price, problem.leg.base.abs());
    let lot = if tape.chance(3) { tape.within(1, base) } else { base };
    let terms = problem.terms(rate_of_lot(&problem.leg.params, lot, price));
    let bound = floor(&terms.health_bound).min(BigInt::from(price));
    let near = tape.within(-1, 1);
    let edge: BigInt = match tape.below(9) {
        0 => BigInt::from(0),
        1 => BigInt::from(-tape.octave(price)),
        2 => terms.cost_cap.clone(),
        3 => bound,
        4 => &terms.cost_cap - &terms.penalty,
        5 => bound - &terms.penalty * 2,
        6 => &terms.cost_cap / 2,
        7 => BigInt::from(tape.within(0, 3)),
        _ => BigInt::from(tape.within(0, i64::try_from(terms.cost_cap).unwrap_or(0))),
    };
    // A better level stays a price; a worse one too.
    i64::try_from(edge + near).unwrap_or(0).clamp(-price, price - 1)
}

/// None, nothing, plenty, or the cost of some of the fills a slice without a budget makes, and one atom around it.
fn draw_budget(tape: &mut Tape<'_>, unbounded: &[Taken], with_slippage: bool) -> Option<i64> {
    let mode = tape.below(6);
    if mode < 2 {
        return None;
    }
    if mode == 2 {
        return Some(tape.within(0, 2));
    }
    let mut budget = Q::from_integer(0.into());
    for run in unbounded {
        let slippage = if with_slippage { run.slippage.max(0) } else { 0 };
        let cost = slippage + run.penalty;
        let lots = if tape.chance(3) { tape.within(0, run.lots) } else { run.lots };
        budget += int(BigInt::from(cost) * lots);
        if lots < run.lots {
            break;
        }
    }
    let around = floor(&budget) + tape.within(-1, 1);
    Some(i64::try_from(around).unwrap_or(i64::MAX >> 2).max(0))
}
