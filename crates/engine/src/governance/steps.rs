//! How far one change may loosen a market.
//!
//! A limit is any parameter that lets more be lost, or be taken from somebody, when it rises (or falls). Its rise is bounded by a step:
//! half of what it was, or up to a floor that is small for any market, so that a limit at zero can be raised at all. One that loosens by
//! falling may fall by a third at most, or by the floor. Both are factors of 1.5.

use crate::error::{EngineError, Result};
use crate::margin::requirement;
use crate::params::{LadderPoint, MarketParams};
use crate::quantity::QuoteAtoms;

/// A limit may rise by one part in this many (a half), and fall to the same ratio (by a third).
pub const LIMIT_STEP_PARTS: i64 = 2;
/// Slots between two changes that raise limits: a day.
pub const LIMIT_INTERVAL_SLOTS: u64 = 216_000;
/// A limit in quote atoms may always rise to this.
pub const LIMIT_FLOOR_ATOMS: i64 = 10_000_000_000;
/// A limit in bps may always rise to this, or fall by it.
pub const LIMIT_FLOOR_BPS: i64 = 50;
/// A limit in seconds may always rise to this.
pub const LIMIT_FLOOR_SECONDS: i64 = 5;
/// A limit in slots may always rise to this.
pub const LIMIT_FLOOR_SLOTS: i64 = 10;

/// Notes whether any limit rises.
struct Gauge {
    raised: bool,
}

impl Gauge {
    /// A limit that loosens by rising: to at most `old × 3/2` rounded down, or the floor.
    fn up(&mut self, old: impl Into<i64>, new: impl Into<i64>, floor: i64) -> Result<()> {
        let (old, new) = (old.into(), new.into());
        if new <= old {
            return Ok(());
        }
        self.raised = true;
        let step = old.checked_div(LIMIT_STEP_PARTS).unwrap_or(0);
        within(new <= old.saturating_add(step).max(floor))
    }

    /// A limit that loosens by falling: to no less than `old × 2/3` rounded up, or by more than the floor.
    fn down(&mut self, old: impl Into<i64>, new: impl Into<i64>, floor: i64) -> Result<()> {
        let (old, new) = (old.into(), new.into());
        if new >= old {
            return Ok(());
        }
        self.raised = true;
        let step = old.checked_div(LIMIT_STEP_PARTS.saturating_add(1)).unwrap_or(0);
        within(new >= old.saturating_sub(step.max(floor)))
    }
}

fn within(holds: bool) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(EngineError::LimitRaisedTooFar)
    }
}

/// Values up to `2^50` in both signednesses.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Whether any limit rises. Both sets of parameters validate.
///
/// # Errors
/// `LimitRaisedTooFar` if one rises by more than a step; `MathOverflow`.
pub(super) fn raises_limits(old: &MarketParams, new: &MarketParams) -> Result<bool> {
    let mut gauge = Gauge { raised: false };
    exposure(&mut gauge, old, new)?;
    margin(&mut gauge, old, new, false)?;
    margin(&mut gauge, old, new, true)?;
    money(&mut gauge, old, new)?;
    liquidation(&mut gauge, old, new)?;
    oracle(&mut gauge, old, new)?;
    funding_and_stress(&mut gauge, old, new)?;
    Ok(gauge.raised)
}

/// How much can be at stake. Open interest may always rise to what one full bucket of the throttle can liquidate.
fn exposure(gauge: &mut Gauge, old: &MarketParams, new: &MarketParams) -> Result<()> {
    gauge.up(old.open_interest_cap_base_lots, new.open_interest_cap_base_lots, old.throttle_capacity_base_lots)?;
    let last_cap = |params: &MarketParams| params.tiers().last().map_or(0, |tier| signed(tier.notional_cap_atoms));
    gauge.up(last_cap(old), last_cap(new), LIMIT_FLOOR_ATOMS)?;
    gauge.up(old.profit_init_weight_bps, new.profit_init_weight_bps, LIMIT_FLOOR_BPS)
}

/// What a position needs: at no notional may the requirement fall by more than a third. It is linear between the edges of both
/// sets of tiers and beyond the last one, so the edges and the last rates decide.
fn margin(gauge: &mut Gauge, old: &MarketParams, new: &MarketParams, initial: bool) -> Result<()> {
    for tier in old.tiers().iter().chain(new.tiers()) {
        let edge = QuoteAtoms(signed(tier.notional_cap_atoms));
        needs(gauge, requirement(old, edge, initial)?.0, requirement(new, edge, initial)?.0)?;
    }
    let last_rate = |params: &MarketParams| {
        let last = params.tiers().last();
        last.map_or(0, |tier| i128::from(if initial { tier.imr_bps } else { tier.mmr_bps }))
    };
    needs(gauge, last_rate(old), last_rate(new))
}

fn needs(gauge: &mut Gauge, old: i128, new: i128) -> Result<()> {
    if new >= old {
        return Ok(());
    }
    gauge.raised = true;
    within(new.saturating_mul(3) >= old.saturating_mul(2))
}

/// Whose money pays, and how soon again.
fn money(gauge: &mut Gauge, old: &MarketParams, new: &MarketParams) -> Result<()> {
    gauge.up(old.sweep_cap_atoms, new.sweep_cap_atoms, LIMIT_FLOOR_ATOMS)?;
    gauge.up(old.insurance_draw_cap_atoms, new.insurance_draw_cap_atoms, LIMIT_FLOOR_ATOMS)?;
    gauge.up(old.insurance_grant_atoms, new.insurance_grant_atoms, LIMIT_FLOOR_ATOMS)?;
    gauge.down(old.insurance_window_slots, new.insurance_window_slots, 0)
}

/// What a liquidation may take from an account, how long it may wait, and when an account is taken over whole: in both directions, for
/// an early takeover takes what is left of an account's equity, and a late one leaves a loss.
fn liquidation(gauge: &mut Gauge, old: &MarketParams, new: &MarketParams) -> Result<()> {
    for (old, new) in old.ladder.iter().zip(&new.ladder) {
        ladder_point(gauge, old, new)?;
    }
    gauge.up(old.cost_cap_start_bps_of_mmr, new.cost_cap_start_bps_of_mmr, LIMIT_FLOOR_BPS)?;
    let (old_ramp, new_ramp) = (old.cost_cap_ramp_bps_of_mmr_per_slot, new.cost_cap_ramp_bps_of_mmr_per_slot);
    gauge.up(old_ramp, new_ramp, LIMIT_FLOOR_BPS)?;
    gauge.up(old.episode_cost_budget_bps, new.episode_cost_budget_bps, LIMIT_FLOOR_BPS)?;
    gauge.up(old.throttle_bypass_health_bps, new.throttle_bypass_health_bps, LIMIT_FLOOR_BPS)?;
    gauge.up(old.takeover_health_bps, new.takeover_health_bps, LIMIT_FLOOR_BPS)?;
    gauge.down(old.takeover_health_bps, new.takeover_health_bps, LIMIT_FLOOR_BPS)?;
    gauge.down(old.stall_slots, new.stall_slots, LIMIT_FLOOR_SLOTS)?;
    gauge.down(old.mmr_ramp_slots, new.mmr_ramp_slots, LIMIT_FLOOR_SLOTS)
}

fn ladder_point(gauge: &mut Gauge, old: &LadderPoint, new: &LadderPoint) -> Result<()> {
    gauge.up(old.health_bps, new.health_bps, LIMIT_FLOOR_BPS)?;
    gauge.up(old.penalty_bps_of_mmr, new.penalty_bps_of_mmr, LIMIT_FLOOR_BPS)?;
    gauge.up(old.cost_cap_bps_of_mmr, new.cost_cap_bps_of_mmr, LIMIT_FLOOR_BPS)?;
    gauge.up(old.cooldown_slots, new.cooldown_slots, LIMIT_FLOOR_SLOTS)
}

/// Which prices count, and how they are biased.
fn oracle(gauge: &mut Gauge, old: &MarketParams, new: &MarketParams) -> Result<()> {
    gauge.up(old.oracle_fresh_age_seconds, new.oracle_fresh_age_seconds, LIMIT_FLOOR_SECONDS)?;
    gauge.up(old.oracle_max_age_seconds, new.oracle_max_age_seconds, LIMIT_FLOOR_SECONDS)?;
    gauge.up(old.oracle_future_skew_seconds, new.oracle_future_skew_seconds, LIMIT_FLOOR_SECONDS)?;
    gauge.up(old.oracle_leg_skew_seconds, new.oracle_leg_skew_seconds, LIMIT_FLOOR_SECONDS)?;
    gauge.up(old.oracle_fresh_confidence_bps, new.oracle_fresh_confidence_bps, LIMIT_FLOOR_BPS)?;
    gauge.up(old.oracle_max_confidence_bps, new.oracle_max_confidence_bps, LIMIT_FLOOR_BPS)?;
    gauge.down(old.oracle_ema_bias_max_bps, new.oracle_ema_bias_max_bps, LIMIT_FLOOR_BPS)?;
    let (old_bias, new_bias) = (old.oracle_frozen_bias_bps_per_minute, new.oracle_frozen_bias_bps_per_minute);
    gauge.up(old_bias, new_bias, LIMIT_FLOOR_BPS)
}

/// How fast funding can move money, and the stress that the throughput inequality must withstand.
fn funding_and_stress(gauge: &mut Gauge, old: &MarketParams, new: &MarketParams) -> Result<()> {
    gauge.up(old.funding_clamp_bps, new.funding_clamp_bps, LIMIT_FLOOR_BPS)?;
    gauge.up(old.funding_gap_slots, new.funding_gap_slots, LIMIT_FLOOR_SLOTS)?;
    gauge.down(old.funding_period_slots, new.funding_period_slots, 0)?;
    gauge.down(old.funding_interval_slots, new.funding_interval_slots, 0)?;
    gauge.down(old.funding_impact_base_lots, new.funding_impact_base_lots, 0)?;
    gauge.down(old.rank_window_slots, new.rank_window_slots, 0)?;
    gauge.down(old.stress_drift_ppm_per_slot, new.stress_drift_ppm_per_slot, 1)?;
    gauge.down(old.stress_latency_slots, new.stress_latency_slots, LIMIT_FLOOR_SLOTS)?;
    gauge.down(old.stress_share_bps, new.stress_share_bps, LIMIT_FLOOR_BPS)?;
    gauge.down(old.stress_cost_bps_of_mmr, new.stress_cost_bps_of_mmr, LIMIT_FLOOR_BPS)
}
