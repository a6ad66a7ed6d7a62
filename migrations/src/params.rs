//! Parameters in a file: the engine's fields by their names, those that differ from the defaults.

use anyhow::{ensure, Result};
use serde::Deserialize;
use taper_engine::params::{LadderPoint, MarginTier, MarketParams, LADDER_POINTS, MARGIN_TIERS};

/// A margin tier.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierEntry {
    /// Upper edge, in quote atoms.
    pub notional_cap_atoms: u64,
    /// Maintenance rate.
    pub mmr_bps: u32,
    /// Initial rate.
    pub imr_bps: u32,
}

/// A point of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointEntry {
    /// Health.
    pub health_bps: u32,
    /// Penalty.
    pub penalty_bps_of_mmr: u32,
    /// Cost cap.
    pub cost_cap_bps_of_mmr: u32,
    /// Cooldown.
    pub cooldown_slots: u32,
}

macro_rules! overrides {
    ($($field:ident: $type:ty,)*) => {
        /// What differs from the defaults. The lot is part of the sizing.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        #[allow(missing_docs, reason = "each is named as the engine's field, which is documented")]
        pub struct Overrides {
            pub tiers: Option<Vec<TierEntry>>,
            pub ladder: Option<Vec<PointEntry>>,
            $(pub $field: Option<$type>,)*
        }

        impl Overrides {
            fn apply_plain(&self, params: &mut MarketParams) {
                $(if let Some(value) = self.$field { params.$field = value; })*
            }
        }

        /// Fields that differ, by name, with both values.
        pub fn differences(from: &MarketParams, to: &MarketParams) -> Vec<(String, String, String)> {
            let mut found = Vec::new();
            for place in 0..MARGIN_TIERS {
                if from.tiers[place] != to.tiers[place] {
                    found.push((format!("tier {}", place + 1), tier_text(&from.tiers[place]), tier_text(&to.tiers[place])));
                }
            }
            for place in 0..LADDER_POINTS {
                if from.ladder[place] != to.ladder[place] {
                    let (from, to) = (point_text(&from.ladder[place]), point_text(&to.ladder[place]));
                    found.push((format!("ladder point {}", place + 1), from, to));
                }
            }
            if from.tier_count != to.tier_count {
                found.push(("tier_count".to_owned(), from.tier_count.to_string(), to.tier_count.to_string()));
            }
            if from.base_lot_exponent != to.base_lot_exponent {
                let (from, to) = (from.base_lot_exponent.to_string(), to.base_lot_exponent.to_string());
                found.push(("base_lot_exponent".to_owned(), from, to));
            }
            $(if from.$field != to.$field {
                found.push((stringify!($field).to_owned(), from.$field.to_string(), to.$field.to_string()));
            })*
            found
        }
    };
}

overrides! {
    tick_size_atoms_per_lot: i64,
    min_order_base_lots: i64,
    min_position_base_lots: i64,
    min_slice_base_lots: i64,
    open_interest_cap_base_lots: i64,
    throttle_capacity_base_lots: i64,
    throttle_refill_slots: u64,
    cooloff_slots: u64,
    reentry_slots: u64,
    sweep_cap_atoms: i64,
    seat_bond_atoms: u64,
    taker_fee_ppm: u32,
    maker_fee_ppm: i32,
    maker_band_bps: u32,
    cost_cap_start_bps_of_mmr: u32,
    cost_cap_ramp_bps_of_mmr_per_slot: u32,
    target_first_bps: u32,
    target_again_bps: u32,
    episode_cost_budget_bps: u32,
    insurance_share_bps: u32,
    throttle_bypass_health_bps: u32,
    profit_init_weight_bps: u32,
    oracle_fresh_age_seconds: u32,
    oracle_max_age_seconds: u32,
    oracle_future_skew_seconds: u32,
    oracle_leg_skew_seconds: u32,
    oracle_fresh_confidence_bps: u32,
    oracle_max_confidence_bps: u32,
    oracle_ema_bias_max_bps: u32,
    oracle_frozen_bias_bps_per_minute: u32,
    stress_drift_ppm_per_slot: u32,
    stress_latency_slots: u32,
    stress_share_bps: u32,
    stress_cost_bps_of_mmr: u32,
    takeover_health_bps: u32,
    insurance_draw_cap_atoms: i64,
    insurance_grant_atoms: i64,
    funding_impact_base_lots: i64,
    insurance_window_slots: u32,
    stall_slots: u32,
    keeper_tip_share_bps: u32,
    funding_clamp_bps: u32,
    funding_period_slots: u32,
    funding_interval_slots: u32,
    funding_gap_slots: u32,
    rank_window_slots: u32,
    mmr_ramp_slots: u32,
}

impl Overrides {
    /// Puts what differs into the parameters. The whole is validated elsewhere.
    ///
    /// # Errors
    /// Too many tiers, or another number of points than a ladder has.
    pub fn apply(&self, params: &mut MarketParams) -> Result<()> {
        if let Some(tiers) = &self.tiers {
            ensure!((1..=MARGIN_TIERS).contains(&tiers.len()), "params.tiers: one to {MARGIN_TIERS}");
            params.tiers = [MarginTier { notional_cap_atoms: 0, mmr_bps: 0, imr_bps: 0 }; MARGIN_TIERS];
            for (place, tier) in params.tiers.iter_mut().zip(tiers) {
                let TierEntry { notional_cap_atoms, mmr_bps, imr_bps } = *tier;
                *place = MarginTier { notional_cap_atoms, mmr_bps, imr_bps };
            }
            params.tier_count = u32::try_from(tiers.len())?;
        }
        if let Some(ladder) = &self.ladder {
            ensure!(ladder.len() == LADDER_POINTS, "params.ladder: exactly {LADDER_POINTS} points");
            for (place, point) in params.ladder.iter_mut().zip(ladder) {
                let PointEntry { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots } = *point;
                *place = LadderPoint { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots };
            }
        }
        self.apply_plain(params);
        Ok(())
    }
}

fn tier_text(tier: &MarginTier) -> String {
    format!("to {} atoms: mmr {} imr {}", tier.notional_cap_atoms, tier.mmr_bps, tier.imr_bps)
}

fn point_text(point: &LadderPoint) -> String {
    let LadderPoint { health_bps, penalty_bps_of_mmr, cost_cap_bps_of_mmr, cooldown_slots } = point;
    format!("at {health_bps}: penalty {penalty_bps_of_mmr} cost {cost_cap_bps_of_mmr} cooldown {cooldown_slots}")
}
