//! Parameters of a market as a TOML file: the engine's fields by their names. `tier_count` is the number of tiers in the file.

use serde::{Deserialize, Serialize};
use taper_engine::params::{LadderPoint, MarginTier, MarketParams, LADDER_POINTS, MARGIN_TIERS};

/// A margin tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TierEntry {
    notional_cap_atoms: u64,
    mmr_bps: u32,
    imr_bps: u32,
}

/// A point of the ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PointEntry {
    health_bps: u32,
    penalty_bps_of_mmr: u32,
    cost_cap_bps_of_mmr: u32,
    cooldown_slots: u32,
}

/// One to four tiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<TierEntry>")]
struct Tiers(Vec<TierEntry>);

impl TryFrom<Vec<TierEntry>> for Tiers {
    type Error = String;

    fn try_from(tiers: Vec<TierEntry>) -> Result<Self, String> {
        if tiers.len() > MARGIN_TIERS {
            return Err(format!("a market has at most {MARGIN_TIERS} tiers, here are {}", tiers.len()));
        }
        Ok(Self(tiers))
    }
}

/// Exactly four points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<PointEntry>")]
struct Ladder(Vec<PointEntry>);

impl TryFrom<Vec<PointEntry>> for Ladder {
    type Error = String;

    fn try_from(points: Vec<PointEntry>) -> Result<Self, String> {
        if points.len() != LADDER_POINTS {
            return Err(format!("a ladder has {LADDER_POINTS} points, here are {}", points.len()));
        }
        Ok(Self(points))
    }
}

macro_rules! params_file {
    ($($field:ident: $type:ty,)*) => {
        /// A file of parameters.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct ParamsFile {
            $($field: $type,)*
            tiers: Tiers,
            ladder: Ladder,
        }

        impl From<&ParamsFile> for MarketParams {
            fn from(file: &ParamsFile) -> Self {
                Self {
                    tiers: std::array::from_fn(|place| file.tier(place)),
                    ladder: std::array::from_fn(|place| file.point(place)),
                    tier_count: u32::try_from(file.tiers.0.len()).unwrap_or(u32::MAX),
                    $($field: file.$field,)*
                    reserved: [0; 17],
                }
            }
        }

        impl From<&MarketParams> for ParamsFile {
            fn from(params: &MarketParams) -> Self {
                Self {
                    $($field: params.$field,)*
                    tiers: Tiers(params.tiers().iter().map(tier_entry).collect()),
                    ladder: Ladder(params.ladder.iter().map(point_entry).collect()),
                }
            }
        }
    };
}

params_file! {
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
    base_lot_exponent: i32,
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

impl ParamsFile {
    fn tier(&self, place: usize) -> MarginTier {
        let unused = MarginTier { notional_cap_atoms: 0, mmr_bps: 0, imr_bps: 0 };
        self.tiers.0.get(place).map_or(unused, |entry| MarginTier {
            notional_cap_atoms: entry.notional_cap_atoms,
            mmr_bps: entry.mmr_bps,
            imr_bps: entry.imr_bps,
        })
    }

    fn point(&self, place: usize) -> LadderPoint {
        let none = LadderPoint { health_bps: 0, penalty_bps_of_mmr: 0, cost_cap_bps_of_mmr: 0, cooldown_slots: 0 };
        self.ladder.0.get(place).map_or(none, |entry| LadderPoint {
            health_bps: entry.health_bps,
            penalty_bps_of_mmr: entry.penalty_bps_of_mmr,
            cost_cap_bps_of_mmr: entry.cost_cap_bps_of_mmr,
            cooldown_slots: entry.cooldown_slots,
        })
    }
}

fn tier_entry(tier: &MarginTier) -> TierEntry {
    TierEntry { notional_cap_atoms: tier.notional_cap_atoms, mmr_bps: tier.mmr_bps, imr_bps: tier.imr_bps }
}

fn point_entry(point: &LadderPoint) -> PointEntry {
    PointEntry {
        health_bps: point.health_bps,
        penalty_bps_of_mmr: point.penalty_bps_of_mmr,
        cost_cap_bps_of_mmr: point.cost_cap_bps_of_mmr,
        cooldown_slots: point.cooldown_slots,
    }
}
