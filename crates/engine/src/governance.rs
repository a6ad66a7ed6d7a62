//! Changes of a market's parameters: what may change, how far at once, and how a dearer maintenance rate comes into force.
//!
//! Whoever governs may tighten at will and loosen in steps: each change may raise a risk limit by half at most, a day apart, so that
//! a change nobody stopped still leaves days in which everybody can see where it leads. A raised maintenance rate would
//! liquidate accounts that were sound a moment before, so it ramps.

mod steps;

use crate::error::{EngineError, Result};
use crate::market::{MarketState, Ramp, Throttle};
use crate::params::{MarketParams, MARGIN_TIERS};
use crate::quantity::{mul_div_down, Price, QuoteAtoms};

pub use steps::{
    LIMIT_FLOOR_ATOMS, LIMIT_FLOOR_BPS, LIMIT_FLOOR_SECONDS, LIMIT_FLOOR_SLOTS, LIMIT_INTERVAL_SLOTS, LIMIT_STEP_PARTS,
};

/// A change that may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Parameters in force at once: the new ones, but maintenance rates and edges where the old ones needed less.
    pub at_once: MarketParams,
    /// The raise of requirements that follows; all zero without one.
    pub ramp: Ramp,
    /// True if a risk limit rises: the next raise must wait.
    pub raises_limits: bool,
}

/// What an applied change did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// True if a risk limit rose.
    pub raises_limits: bool,
    /// Slot in which maintenance rates and edges reach their new values; zero if they have.
    pub ramp_end_slot: u64,
    /// What the exchange has to keep in the vault in addition, under a higher sweep cap, for losses that nobody has borne.
    pub held: QuoteAtoms,
}

/// Limits that may be lowered at once; `None` leaves one as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Largest open interest, in lots.
    pub open_interest_cap_base_lots: Option<i64>,
    /// Largest notional of a position: the last tier's edge, in quote atoms.
    pub position_cap_atoms: Option<u64>,
    /// Net profit that may be swept out before losers have paid, in quote atoms.
    pub sweep_cap_atoms: Option<i64>,
    /// What insurance pays within its window, in quote atoms.
    pub insurance_draw_cap_atoms: Option<i64>,
    /// What insurance pays beyond what the market paid in, in quote atoms.
    pub insurance_grant_atoms: Option<i64>,
}

/// Judges a change of parameters: the whole of the new ones, what may never change, how far limits rise and when the last ones did,
/// and the parameters in force while maintenance rates ramp.
///
/// # Errors
/// `InvalidParameters` for the new parameters, or for those in force at once; `ImmutableParameter`; `LimitRaisedTooFar`;
/// `LimitRaisedTooSoon`; `MathOverflow`.
pub fn check_change(old: &MarketParams, new: &MarketParams, limits_raised_slot: u64, slot: u64) -> Result<Change> {
    new.validate()?;
    let same_lots = old.base_lot_exponent == new.base_lot_exponent;
    if !same_lots || old.tick_size_atoms_per_lot != new.tick_size_atoms_per_lot {
        return Err(EngineError::ImmutableParameter);
    }
    let (at_once, ramp) = start_of_ramp(old, new, slot);
    at_once.validate()?;
    let raises_limits = steps::raises_limits(old, &at_once)?;
    let waits = limits_raised_slot != 0 && slot < limits_raised_slot.saturating_add(LIMIT_INTERVAL_SLOTS);
    if raises_limits && waits {
        return Err(EngineError::LimitRaisedTooSoon);
    }
    Ok(Change { at_once, ramp, raises_limits })
}

/// The parameters in force at once, and the ramp from them.
///
/// Each tier starts at the lower of its old and new rates and at the higher of its old and new edges, so no position's requirement
/// rises at the start, whatever edges and rates do. The last edge, the largest position, falls at once as far as the edges below it
/// allow: beyond it the last rate continues, so it moves no requirement. For the same reason tiers that the old parameters did not have
/// start at the old last rate and at their own edges. The longer of the old and the new ramp counts: a change cannot drop the ramp
/// and raise rates in one go.
fn start_of_ramp(old: &MarketParams, new: &MarketParams, slot: u64) -> (MarketParams, Ramp) {
    let length = u64::from(old.mmr_ramp_slots.max(new.mmr_ramp_slots));
    let (used, inner) = (new.tiers().len(), old.tiers().len().min(new.tiers().len()).saturating_sub(1));
    let mut ramp: Ramp = bytemuck::Zeroable::zeroed();
    let (mut at_once, mut below) = (*new, 0u64);
    for (place, tier) in at_once.tiers.iter_mut().enumerate().take(used) {
        let Some(was) = old.tiers().get(place).or(old.tiers().last()) else { break };
        let floor = if place < inner { was.notional_cap_atoms } else { below.saturating_add(1) };
        put(&mut ramp.to_mmr_bps, place, tier.mmr_bps);
        put(&mut ramp.to_cap_atoms, place, tier.notional_cap_atoms);
        tier.mmr_bps = tier.mmr_bps.min(was.mmr_bps);
        tier.notional_cap_atoms = tier.notional_cap_atoms.max(floor);
        put(&mut ramp.from_mmr_bps, place, tier.mmr_bps);
        put(&mut ramp.from_cap_atoms, place, tier.notional_cap_atoms);
        below = tier.notional_cap_atoms;
    }
    if length == 0 || at_once.tiers == new.tiers {
        return (*new, bytemuck::Zeroable::zeroed());
    }
    ramp.start_slot = slot;
    ramp.end_slot = slot.saturating_add(length);
    (at_once, ramp)
}

fn put<T>(row: &mut [T; MARGIN_TIERS], place: usize, value: T) {
    if let Some(cell) = row.get_mut(place) {
        *cell = value;
    }
}

/// Applies a change of parameters. A ramp that was running is first moved to this slot; what is left of it is dropped: the new one
/// starts from the rates as they then stand.
///
/// What depends on the old parameters is settled at them first: funding, the throttles, what insurance has forgotten. Buckets keep
/// their lots, at most the new capacity. A sweep cap below what has been swept out already becomes that much instead (INV-12): nothing
/// more leaves the market until losers have paid.
///
/// # Errors
/// As [`check_change`]; `MarketSettled`.
pub fn apply_change(market: &mut MarketState, new: &MarketParams, slot: u64) -> Result<Applied> {
    if market.final_price_atoms_per_lot != 0 {
        return Err(EngineError::MarketSettled);
    }
    move_ramp(market, slot);
    let mut change = check_change(&market.params, new, market.limits_raised_slot, slot)?;
    let sweep_cap = change.at_once.sweep_cap_atoms.max(market.net_swept_profit_atoms);
    change.at_once.sweep_cap_atoms = sweep_cap;
    settle_at_old_parameters(market, slot)?;
    let old_refill_slots = market.params.throttle_refill_slots;
    for throttle in &mut market.throttles {
        rescale(throttle, old_refill_slots, &change.at_once);
    }
    market.params = change.at_once;
    market.ramp = change.ramp;
    if change.raises_limits {
        market.limits_raised_slot = slot;
    }
    // Under a higher cap winners can take out more of what nobody has borne.
    let held = market.hold_unassigned()?;
    Ok(Applied { raises_limits: change.raises_limits, ramp_end_slot: change.ramp.end_slot, held })
}

/// Brings everything that fades or accrues at rates from the parameters up to this slot.
fn settle_at_old_parameters(market: &mut MarketState, slot: u64) -> Result<()> {
    market.accrue(slot);
    let lately = market.drawn_lately(slot)?;
    market.insurance.window_atoms = lately.0;
    market.insurance.window_slot = market.insurance.window_slot.max(slot);
    market.sharing = market.sharing_at(Price(market.last_price.price_atoms_per_lot), slot)?;
    for throttle in &mut market.throttles {
        throttle.refill(&market.params, slot)?;
    }
    Ok(())
}

/// A bucket's level in lots × the new refill slots, rounded down (favours the market), at most full.
fn rescale(throttle: &mut Throttle, old_refill_slots: u64, new: &MarketParams) {
    let level = u128::from(throttle.level_lot_slots).saturating_mul(u128::from(new.throttle_refill_slots));
    let level = level.checked_div(u128::from(old_refill_slots)).unwrap_or(0);
    let capacity = u128::from(new.throttle_capacity_base_lots.max(0).unsigned_abs());
    let full = capacity.saturating_mul(u128::from(new.throttle_refill_slots));
    throttle.level_lot_slots = u64::try_from(level.min(full)).unwrap_or(0);
}

/// Moves maintenance rates and edges to where their ramp is in this slot: `from + (to − from) × elapsed ÷ length`, rates rounded down
/// and edges up (favours the accounts). Anyone may ask for it.
///
/// Between two sets of tiers that satisfy every inequality all others do too: each inequality is linear in the rates, and edges that
/// rise from tier to tier at both ends do so in between.
///
/// # Errors
/// `NoRamp` without a ramp, or when nothing of it is due; `InvalidParameters` if the rates did not validate.
pub fn advance_ramp(market: &mut MarketState, slot: u64) -> Result<()> {
    if !move_ramp(market, slot) {
        return Err(EngineError::NoRamp);
    }
    market.params.validate()
}

/// As [`advance_ramp`]; true if anything moved.
fn move_ramp(market: &mut MarketState, slot: u64) -> bool {
    let ramp = market.ramp;
    if ramp.end_slot == 0 {
        return false;
    }
    let length = ramp.end_slot.saturating_sub(ramp.start_slot).max(1);
    let elapsed = slot.saturating_sub(ramp.start_slot).min(length);
    let part = |distance: u64| mul_div_down(distance, elapsed, length).unwrap_or(0);
    let before = market.params.tiers;
    let rates = ramp.from_mmr_bps.iter().zip(ramp.to_mmr_bps.iter());
    let edges = ramp.from_cap_atoms.iter().zip(ramp.to_cap_atoms.iter());
    for (tier, ((from_rate, to_rate), (from_edge, to_edge))) in market.params.tiers.iter_mut().zip(rates.zip(edges)) {
        let rise = u32::try_from(part(u64::from(to_rate.saturating_sub(*from_rate)))).unwrap_or(0);
        tier.mmr_bps = from_rate.saturating_add(rise);
        tier.notional_cap_atoms = from_edge.saturating_sub(part(from_edge.saturating_sub(*to_edge)));
    }
    if elapsed == length {
        market.ramp = bytemuck::Zeroable::zeroed();
    }
    before != market.params.tiers
}

/// Lowers limits at once. Every limit named must be at most what it is, and one must fall.
///
/// A sweep cap below what has been swept out already becomes that much instead (INV-12).
///
/// # Errors
/// `LimitNotLowered` if one would rise, or none falls; `InvalidParameters` if the whole does not validate any more; `MathOverflow`.
pub fn tighten(market: &mut MarketState, limits: &Limits, slot: u64) -> Result<()> {
    let mut params = market.params;
    let net_swept = market.net_swept_profit_atoms;
    let sweep_cap = limits.sweep_cap_atoms.map(|cap| cap.max(net_swept));
    lower(&mut params.open_interest_cap_base_lots, limits.open_interest_cap_base_lots)?;
    lower(&mut params.sweep_cap_atoms, sweep_cap)?;
    lower(&mut params.insurance_draw_cap_atoms, limits.insurance_draw_cap_atoms)?;
    lower(&mut params.insurance_grant_atoms, limits.insurance_grant_atoms)?;
    let last = params.tiers().len().saturating_sub(1);
    let mut ramp = market.ramp;
    if let Some(tier) = params.tiers.get_mut(last) {
        lower(&mut tier.notional_cap_atoms, limits.position_cap_atoms)?;
        // A ramp on its way must not bring the old edge back.
        for row in [&mut ramp.from_cap_atoms, &mut ramp.to_cap_atoms] {
            if let Some(edge) = row.get_mut(last) {
                *edge = tier.notional_cap_atoms.min(*edge);
            }
        }
    }
    if params == market.params {
        return Err(EngineError::LimitNotLowered);
    }
    params.validate()?;
    settle_at_old_parameters(market, slot)?;
    market.params = params;
    market.ramp = ramp;
    Ok(())
}

fn lower<T: PartialOrd>(limit: &mut T, wanted: Option<T>) -> Result<()> {
    match wanted {
        Some(wanted) if wanted > *limit => return Err(EngineError::LimitNotLowered),
        Some(wanted) => *limit = wanted,
        None => {}
    }
    Ok(())
}

const _: () = assert!(MARGIN_TIERS == 4, "the ramp's rows have a rate for every tier");

#[cfg(test)]
mod tests;
