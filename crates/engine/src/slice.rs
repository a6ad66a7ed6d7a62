//! The slice solver: how many lots of one leg to close, at which levels, for which penalty.
//!
//! A pure state machine. Health and prices are taken once, before. It is offered one level after another, best first, and answers
//! how many lots it takes there; whoever runs it over the same levels gets the same slice. With marginal rate `r`, oracle price
//! `P`, slippage `d` (atoms per lot, negative when better than the oracle) and `d⁺ = max(d, 0)`, at each level:
//!
//! 1. `κ = min(κ₁(H), κ₀ + ramp × clock) × r·P`, and never above `H·r·P`; stop if `d⁺ > κ`.
//! 2. `p = min(penalty(H) × r·P, κ − d⁺, ½(H·r·P − d⁺))`, whole atoms per lot, rounded down (favours the account).
//! 3. `min(level, lots to the tier's edge, cap, ceil(D / (τ·r·P − d − p)))` lots. A lot that straddles an edge is a fill of its
//!    own, charged at the lowest rate it touches; what it frees is counted exactly.

use crate::episode::Target;
use crate::error::{EngineError, Result};
use crate::ladder::per_lot_down;
use crate::margin::{requirement, Health, Requirement};
use crate::params::{MarginTier, MarketParams};
use crate::quantity::{wide_mul, BaseLots, Price, QuoteAtoms, Side, BPS_ONE};

/// `10^8`: what turns `atoms × 10^0` into the deficit's unit (`bps × atom-bps`).
const DEFICIT_SCALE: i64 = BPS_ONE * BPS_ONE;

/// What a slice is planned from.
#[derive(Clone, Copy, Debug)]
pub struct SliceInputs<'a> {
    /// The leg's market.
    pub params: &'a MarketParams,
    /// Oracle mid price.
    pub price: Price,
    /// Position before; not zero.
    pub base: BaseLots,
    /// Health of the whole account before; equity positive.
    pub health: Health,
    /// Where the episode stops.
    pub target: Target,
    /// Penalty of the ladder at that health, in `10^-9` of mmr.
    pub penalty_ppb_of_mmr: u64,
    /// Cost cap in force, in `10^-9` of mmr.
    pub cost_cap_ppb_of_mmr: u64,
    /// What the episode may still cost before penalties stop; `None` when no budget applies.
    pub budget: Option<QuoteAtoms>,
    /// Cash that can pay penalties: the account's positive cash. Paper profit pays none, or a coalition could pump a thin market
    /// and draw the profit out as penalties.
    pub penalty_fund: QuoteAtoms,
    /// Most lots this slice may close (throttle, account share, caller).
    pub cap: BaseLots,
}

/// One fill of a slice: lots at one level, one rate, one penalty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceFill {
    /// Lots closed, positive.
    pub lots: BaseLots,
    /// Slippage, in atoms per lot; negative when better than the oracle.
    pub slippage_per_lot: i64,
    /// Penalty, in atoms per lot.
    pub penalty_per_lot: i64,
    /// Marginal rate it was charged at.
    pub rate_bps: u32,
}

/// Rate-dependent bounds, in atoms per lot.
#[derive(Clone, Copy, Debug)]
struct RateBounds {
    rate_bps: u32,
    /// κ, already within `H·r·P`.
    cost_cap: i64,
    /// Penalty of the ladder.
    penalty: i64,
    /// `floor(H·r·P)`.
    health_bound: i64,
}

/// The solver's state.
#[derive(Clone, Copy, Debug)]
pub struct SliceSolver<'a> {
    inputs: SliceInputs<'a>,
    side: Side,
    remaining: i64,
    closed: i64,
    /// `τ·M − E` in `10^-8` atoms; `None` for a full close.
    deficit: Option<i128>,
    target_bps: u32,
    budget: Option<i64>,
    fund: i64,
    bounds: Option<RateBounds>,
    penalty_total: i64,
    forgone_total: i64,
    cost_total: i64,
    last: Option<SliceFill>,
}

impl<'a> SliceSolver<'a> {
    /// Prepares a slice.
    ///
    /// # Errors
    /// `NoPosition` for a flat leg, `AccountBankrupt` for equity at or below zero, `MathOverflow`.
    pub fn new(inputs: SliceInputs<'a>) -> Result<Self> {
        let side = Side::reducing(inputs.base).ok_or(EngineError::NoPosition)?;
        if !inputs.health.equity.is_positive() {
            return Err(EngineError::AccountBankrupt);
        }
        let (deficit, target_bps) = match inputs.target {
            Target::Full => (None, 0),
            Target::Ratio(ratio_bps) => {
                let wanted =
                    inputs.health.requirement.0.checked_mul(i128::from(ratio_bps)).ok_or(EngineError::MathOverflow)?;
                let had = wide_mul(inputs.health.equity.0, DEFICIT_SCALE);
                (Some(wanted.checked_sub(had).ok_or(EngineError::MathOverflow)?), ratio_bps)
            }
        };
        Ok(Self {
            side,
            remaining: inputs.base.abs()?.0,
            closed: 0,
            deficit,
            target_bps,
            budget: inputs.budget.map(|budget| budget.0),
            fund: inputs.penalty_fund.0.max(0),
            bounds: None,
            penalty_total: 0,
            forgone_total: 0,
            cost_total: 0,
            last: None,
            inputs,
        })
    }

    /// Side of the liquidation's fills: a long is sold, a short bought back.
    pub fn side(&self) -> Side {
        self.side
    }

    /// Where the episode stops.
    pub fn target(&self) -> Target {
        self.inputs.target
    }

    /// The cost cap in force, in `10^-9` of mmr.
    pub fn cost_cap_ppb(&self) -> u64 {
        self.inputs.cost_cap_ppb_of_mmr
    }

    /// Lots closed so far.
    pub fn closed(&self) -> BaseLots {
        BaseLots(self.closed)
    }

    /// Penalty so far.
    pub fn penalty_total(&self) -> QuoteAtoms {
        QuoteAtoms(self.penalty_total)
    }

    /// Penalty that the schedule gave, after slippage, and that budget or cash did not cover.
    pub fn forgone_total(&self) -> QuoteAtoms {
        QuoteAtoms(self.forgone_total)
    }

    /// Slippage above zero so far: what whoever took the lots paid less than the oracle price.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn slippage_total(&self) -> Result<QuoteAtoms> {
        self.cost_total().sub(self.penalty_total())
    }

    /// Cost (slippage above zero, and penalty) so far.
    pub fn cost_total(&self) -> QuoteAtoms {
        QuoteAtoms(self.cost_total)
    }

    /// The last fill taken.
    pub fn last_fill(&self) -> Option<SliceFill> {
        self.last
    }

    /// True when no further lot is wanted, whatever the next level: target met and no dust left, cap used, or flat.
    pub fn is_done(&self) -> bool {
        self.remaining == 0 || self.closed >= self.inputs.cap.0 || (self.target_met() && !self.leaves_dust())
    }

    /// True when the lots closed so far meet a target ratio; never for a full close.
    pub fn target_met(&self) -> bool {
        self.deficit.is_some_and(|deficit| deficit <= 0)
    }

    fn leaves_dust(&self) -> bool {
        self.remaining < self.inputs.params.min_position_base_lots
    }

    /// Offers a level. Takes lots from it and returns them as one fill, or `None` to stop. To be asked again for what the
    /// level has left: a level can take several fills (tier edges, the end of budget or fund).
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn step(&mut self, level: Price, available: BaseLots) -> Result<Option<SliceFill>> {
        if self.is_done() || !available.is_positive() {
            return Ok(None);
        }
        let price = self.inputs.price.0;
        let slippage_per_lot = match self.side {
            Side::Ask => price.checked_sub(level.0),
            Side::Bid => level.0.checked_sub(price),
        }
        .ok_or(EngineError::MathOverflow)?;
        let adverse = slippage_per_lot.max(0);
        let stretch = self.stretch()?;
        let bounds = self.bounds_for(stretch.rate_bps)?;
        if adverse > bounds.cost_cap {
            return Ok(None);
        }
        // Half of what is left under H·r·P, rounded down (favours the account): the account keeps the other half.
        let half_left = bounds.health_bound.saturating_sub(adverse).max(0) >> 1;
        let scheduled = bounds.penalty.min(bounds.cost_cap.saturating_sub(adverse)).min(half_left);
        let lots = available.0.min(self.remaining).min(self.inputs.cap.0.saturating_sub(self.closed)).min(stretch.lots);
        let affordable = self.lots_with_penalty(adverse, scheduled)?;
        let (penalty_per_lot, lots) = if affordable == 0 { (0, lots) } else { (scheduled, lots.min(affordable)) };
        let gain = self.gain_per_lot(&stretch, slippage_per_lot, penalty_per_lot)?;
        let lots = BaseLots(self.lots_wanted(lots, gain)?);
        let fill = SliceFill { lots, slippage_per_lot, penalty_per_lot, rate_bps: stretch.rate_bps };
        self.take(fill, scheduled.saturating_sub(penalty_per_lot), gain).map(Some)
    }

    /// The worst level that the next lot takes: κ beyond the oracle price, at the rate that this lot is charged at. It leaves no penalty.
    /// The oracle price when no lot is wanted.
    ///
    /// # Errors
    /// `MathOverflow`.
    pub fn discounted_level(&mut self) -> Result<Price> {
        let price = self.inputs.price;
        if self.is_done() {
            return Ok(price);
        }
        let rate_bps = self.stretch()?.rate_bps;
        let discount = self.bounds_for(rate_bps)?.cost_cap;
        let level = match self.side {
            Side::Ask => price.0.checked_sub(discount),
            Side::Bid => price.0.checked_add(discount),
        };
        level.map(Price).ok_or(EngineError::MathOverflow)
    }

    /// Lots that may carry this penalty: within the episode's budget (which counts slippage too) and the cash that can pay it.
    /// Rounded down (favours the account).
    fn lots_with_penalty(&self, adverse: i64, penalty: i64) -> Result<i64> {
        if penalty == 0 {
            return Ok(i64::MAX);
        }
        let overflow = EngineError::MathOverflow;
        let paid = self.fund.checked_div(penalty).ok_or(overflow)?;
        let Some(budget) = self.budget else { return Ok(paid) };
        let cost = adverse.checked_add(penalty).ok_or(overflow)?;
        Ok(paid.min(budget.max(0).checked_div(cost).ok_or(overflow)?))
    }

    /// Lots needed to meet the deficit at this gain, at most `lots`; all of them when only dust drives the slice.
    fn lots_wanted(&self, lots: i64, gain: i128) -> Result<i64> {
        let Some(deficit) = self.deficit.filter(|deficit| *deficit > 0) else { return Ok(lots) };
        if gain <= 0 {
            // κ ≤ H·r·P < τ·r·P while the target is not met, so this cannot be; taking nothing is the safe answer.
            return Err(EngineError::InvariantViolated);
        }
        let whole = gain.checked_mul(i128::from(lots)).ok_or(EngineError::MathOverflow)?;
        if deficit >= whole {
            return Ok(lots);
        }
        // Rounded up: one lot less would miss the target.
        let needed = match (u64::try_from(deficit), u64::try_from(gain)) {
            (Ok(d), Ok(g)) => i64::try_from(d.div_ceil(g)).map_err(|_| EngineError::MathOverflow)?,
            _ => i64::try_from(deficit.unsigned_abs().div_ceil(gain.unsigned_abs()))
                .map_err(|_| EngineError::MathOverflow)?,
        };
        Ok(needed.min(lots))
    }

    fn take(&mut self, fill: SliceFill, forgone_per_lot: i64, gain: i128) -> Result<SliceFill> {
        let overflow = EngineError::MathOverflow;
        let lots = fill.lots.0;
        let of_all = |per_lot: i64| per_lot.checked_mul(lots).ok_or(overflow);
        let (paid, slipped) = (of_all(fill.penalty_per_lot)?, of_all(fill.slippage_per_lot.max(0))?);
        let cost = slipped.checked_add(paid).ok_or(overflow)?;
        self.remaining = self.remaining.checked_sub(lots).ok_or(overflow)?;
        self.closed = self.closed.checked_add(lots).ok_or(overflow)?;
        self.penalty_total = self.penalty_total.checked_add(paid).ok_or(overflow)?;
        self.forgone_total = self.forgone_total.checked_add(of_all(forgone_per_lot)?).ok_or(overflow)?;
        self.cost_total = self.cost_total.checked_add(cost).ok_or(overflow)?;
        self.fund = self.fund.saturating_sub(paid);
        self.budget = self.budget.map(|budget| budget.saturating_sub(cost).max(0));
        if let Some(deficit) = self.deficit {
            let covered = gain.checked_mul(i128::from(lots)).ok_or(overflow)?;
            self.deficit = Some(deficit.checked_sub(covered).ok_or(overflow)?);
        }
        self.last = Some(fill);
        Ok(fill)
    }

    /// How much one lot lowers `τ·M − E`, in `10^-8` atoms: `τ × ΔM − (d + p)`.
    fn gain_per_lot(&self, stretch: &Stretch, slippage: i64, penalty: i64) -> Result<i128> {
        let overflow = EngineError::MathOverflow;
        let freed = stretch.freed_per_lot.checked_mul(i128::from(self.target_bps)).ok_or(overflow)?;
        let cost = slippage.checked_add(penalty).ok_or(overflow)?;
        freed.checked_sub(wide_mul(cost, DEFICIT_SCALE)).ok_or(overflow)
    }

    fn bounds_for(&mut self, rate_bps: u32) -> Result<RateBounds> {
        if let Some(bounds) = self.bounds.filter(|bounds| bounds.rate_bps == rate_bps) {
            return Ok(bounds);
        }
        let price = self.inputs.price.0.unsigned_abs();
        let atoms = |fraction| -> Result<i64> {
            i64::try_from(per_lot_down(fraction, rate_bps, price)?).map_err(|_| EngineError::MathOverflow)
        };
        let health_bound = health_bound_per_lot_down(&self.inputs.health, rate_bps, self.inputs.price)?;
        let bounds = RateBounds {
            rate_bps,
            cost_cap: atoms(self.inputs.cost_cap_ppb_of_mmr)?.min(health_bound),
            penalty: atoms(self.inputs.penalty_ppb_of_mmr)?,
            health_bound,
        };
        self.bounds = Some(bounds);
        Ok(bounds)
    }

    /// The lots that come next at one marginal rate, and what each of them frees.
    fn stretch(&self) -> Result<Stretch> {
        let price = self.inputs.price;
        let notional = price.notional(BaseLots(self.remaining))?.0.unsigned_abs();
        let tiers = self.inputs.params.tiers();
        let (tier, lower_edge) = tier_below(tiers, notional)?;
        let inside = notional.saturating_sub(lower_edge);
        // Lots to the edge, rounded down: the lot that straddles it is a fill of its own.
        let lots = inside.checked_div(price.0.unsigned_abs()).ok_or(EngineError::MathOverflow)?;
        if lots > 0 {
            return Ok(Stretch {
                rate_bps: tier.mmr_bps,
                lots: i64::try_from(lots).unwrap_or(i64::MAX),
                freed_per_lot: wide_mul(price.0, i64::from(tier.mmr_bps)),
            });
        }
        let after = self.remaining.checked_sub(1).ok_or(EngineError::MathOverflow)?;
        let notional_after = price.notional(BaseLots(after))?;
        let rate_bps = lowest_rate_from(tiers, notional_after.0.unsigned_abs())?;
        let before = requirement(self.inputs.params, price.notional(BaseLots(self.remaining))?, false)?;
        let below = requirement(self.inputs.params, notional_after, false)?;
        let freed_per_lot = before.0.checked_sub(below.0).ok_or(EngineError::MathOverflow)?;
        Ok(Stretch { rate_bps, lots: 1, freed_per_lot })
    }
}

/// Lots at one marginal rate.
struct Stretch {
    rate_bps: u32,
    lots: i64,
    /// What closing one lot frees, in atom-bps.
    freed_per_lot: i128,
}

/// The tier that holds what lies just below a positive notional, and the tier's lower edge.
fn tier_below(tiers: &[MarginTier], notional: u64) -> Result<(&MarginTier, u64)> {
    let mut lower = 0;
    let mut found = None;
    for tier in tiers {
        found = Some((tier, lower));
        if notional <= tier.notional_cap_atoms {
            break;
        }
        lower = tier.notional_cap_atoms;
    }
    // Above the last edge the last tier goes on: `found` keeps its own lower edge.
    found.ok_or(EngineError::InvalidParameters)
}

/// The rate just above a notional: the lowest that a lot starting there touches, since rates rise.
fn lowest_rate_from(tiers: &[MarginTier], notional: u64) -> Result<u32> {
    tiers
        .iter()
        .find(|tier| notional < tier.notional_cap_atoms)
        .or(tiers.last())
        .map(|tier| tier.mmr_bps)
        .ok_or(EngineError::InvalidParameters)
}

/// `floor(H·r·P)` in atoms per lot, exactly `floor(E × r_bps × P / M)` with `M` in atom-bps. Rounded down (favours the account).
/// Without a requirement there is no bound.
///
/// # Errors
/// `MathOverflow`.
pub fn health_bound_per_lot_down(health: &Health, rate_bps: u32, price: Price) -> Result<i64> {
    let Requirement(required) = health.requirement;
    if required == 0 {
        return Ok(i64::MAX);
    }
    // E ≤ 2^56, r ≤ 2^14, P ≤ 2^40: the product is under 2^110.
    let rate_price = price.0.checked_mul(i64::from(rate_bps)).ok_or(EngineError::MathOverflow)?;
    let product = wide_mul(health.equity.0.max(0), rate_price);
    if let (Ok(p), Ok(m)) = (u64::try_from(product), u64::try_from(required)) {
        return i64::try_from(p.checked_div(m).ok_or(EngineError::MathOverflow)?)
            .map_err(|_| EngineError::MathOverflow);
    }
    let quotient = product.unsigned_abs().checked_div(required.unsigned_abs()).ok_or(EngineError::MathOverflow)?;
    Ok(i64::try_from(quotient).unwrap_or(i64::MAX))
}

/// Lots the slice would take of an endless level at the oracle price: the plan, before depth and the caller's limits.
///
/// # Errors
/// `MathOverflow`.
pub fn planned_lots(solver: &SliceSolver<'_>) -> Result<BaseLots> {
    let mut plan = *solver;
    // At most two fills a tier (inside, straddling), one each for the ends of budget and fund, one for dust.
    for _ in 0..16u8 {
        if plan.step(plan.inputs.price, BaseLots(i64::MAX))?.is_none() {
            break;
        }
    }
    Ok(plan.closed())
}

#[cfg(test)]
mod tests;
