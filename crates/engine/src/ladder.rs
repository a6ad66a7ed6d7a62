//! The ladder: penalty, cost cap and cooldown as piecewise linear functions of health.

use crate::error::{EngineError, Result};
use crate::margin::Health;
use crate::params::{LadderPoint, MarketParams};
use crate::quantity::{mul_div_down, BPS_ONE};

/// One, in the unit of ladder positions and values (`10^-9`).
pub const PPB_ONE: u64 = 1_000_000_000;
/// `10^-9` in a basis point.
const PPB_PER_BPS: u64 = 100_000;

/// A stage is a name for a range of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// At or above the second point (0.67).
    Soft = 0,
    /// At or above the third point (0.33).
    Hard = 1,
    /// Below it.
    Backstop = 2,
}

/// What the ladder says at one health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LadderValues {
    /// Penalty, in `10^-9` of the marginal maintenance rate; rounded down (favours the account).
    pub penalty_ppb_of_mmr: u64,
    /// Cost cap κ₁, in `10^-9` of the marginal maintenance rate; rounded down (favours the account).
    pub cost_cap_ppb_of_mmr: u64,
    /// Cooldown after a whole slice, in slots; rounded up (favours the account).
    pub cooldown_slots: u64,
    /// Name of the range.
    pub stage: Stage,
}

/// Position on the ladder: `ceil(H × 10^9)`, at most 1. Rounded up, which favours the account: penalties fall with health.
/// `None` when `E ≤ 0`.
pub fn position_ppb_up(health: &Health) -> Option<u64> {
    if !health.equity.is_positive() {
        return None;
    }
    if health.is_at_least(10_000) {
        return Some(PPB_ONE);
    }
    // E × 10^13 / M4, with E ≤ 2^56: the product is under 2^100. E < M, so the quotient is at most 10^9.
    let scaled = crate::quantity::wide_mul(health.equity.0, 10_000_000_000_000);
    let divisor = health.requirement.0;
    let quotient = match (u64::try_from(scaled), u64::try_from(divisor)) {
        (Ok(s), Ok(d)) if d > 0 => u128::from(s.div_ceil(d)),
        _ => u128::try_from(scaled).ok()?.div_ceil(u128::try_from(divisor).ok()?.max(1)),
    };
    u64::try_from(quotient).ok().map(|q| q.min(PPB_ONE))
}

/// The ladder's values at a position of at most 1.
///
/// # Errors
/// `InvalidParameters` when the ladder does not cover the position (validated parameters always do).
pub fn values_at(params: &MarketParams, position_ppb: u64) -> Result<LadderValues> {
    let mut upper: Option<&LadderPoint> = None;
    for point in &params.ladder {
        let at = u64::from(point.health_bps).saturating_mul(PPB_PER_BPS);
        if position_ppb >= at {
            let above = upper.unwrap_or(point);
            return Ok(between(params, point, above, position_ppb));
        }
        upper = Some(point);
    }
    Err(EngineError::InvalidParameters)
}

fn between(params: &MarketParams, low: &LadderPoint, high: &LadderPoint, position_ppb: u64) -> LadderValues {
    let low_at = u64::from(low.health_bps).saturating_mul(PPB_PER_BPS);
    let high_at = u64::from(high.health_bps).saturating_mul(PPB_PER_BPS);
    let span = high_at.saturating_sub(low_at);
    let over = position_ppb.saturating_sub(low_at).min(span);
    let under = span.saturating_sub(over);
    // Values are at most 10^9 and spans at most 10^9: each product is at most 10^18, the weighted sum too.
    let blend = |low_value: u32, high_value: u32, scale: u64| -> (u64, u64) {
        if span == 0 {
            return (u64::from(low_value).saturating_mul(scale), 1);
        }
        let weighted = u64::from(low_value)
            .saturating_mul(scale)
            .saturating_mul(under)
            .saturating_add(u64::from(high_value).saturating_mul(scale).saturating_mul(over));
        (weighted, span)
    };
    let down = |(weighted, span): (u64, u64)| weighted.checked_div(span).unwrap_or(0);
    let (cooldown, divisor) = blend(low.cooldown_slots, high.cooldown_slots, 1);
    LadderValues {
        penalty_ppb_of_mmr: down(blend(low.penalty_bps_of_mmr, high.penalty_bps_of_mmr, PPB_PER_BPS)),
        cost_cap_ppb_of_mmr: down(blend(low.cost_cap_bps_of_mmr, high.cost_cap_bps_of_mmr, PPB_PER_BPS)),
        cooldown_slots: cooldown.div_ceil(divisor.max(1)),
        stage: stage_at(params, position_ppb),
    }
}

fn stage_at(params: &MarketParams, position_ppb: u64) -> Stage {
    let at_least = |index: usize| {
        params
            .ladder
            .get(index)
            .is_some_and(|point| position_ppb >= u64::from(point.health_bps).saturating_mul(PPB_PER_BPS))
    };
    if at_least(1) {
        Stage::Soft
    } else if at_least(2) {
        Stage::Hard
    } else {
        Stage::Backstop
    }
}

/// The cost cap in force: `min(κ₁(H), κ₀ + ramp × clock)`, in `10^-9` of the marginal maintenance rate.
pub fn cost_cap_ppb(params: &MarketParams, values: &LadderValues, clock_slots: u64) -> u64 {
    let ramp = u64::from(params.cost_cap_ramp_bps_of_mmr_per_slot).saturating_mul(clock_slots);
    let started = u64::from(params.cost_cap_start_bps_of_mmr).saturating_add(ramp).saturating_mul(PPB_PER_BPS);
    values.cost_cap_ppb_of_mmr.min(started)
}

/// A fraction of the maintenance rate as atoms per lot: `floor(floor(fraction × rate) × P)`, rounded down (favours the account).
///
/// # Errors
/// `MathOverflow`.
pub fn per_lot_down(fraction_ppb: u64, rate_bps: u32, price_atoms_per_lot: u64) -> Result<u64> {
    let of_notional_ppb = fraction_ppb
        .checked_mul(u64::from(rate_bps))
        .and_then(|v| v.checked_div(BPS_ONE.unsigned_abs()))
        .ok_or(EngineError::MathOverflow)?;
    mul_div_down(of_notional_ppb, price_atoms_per_lot, PPB_ONE)
}

#[cfg(test)]
mod tests;
