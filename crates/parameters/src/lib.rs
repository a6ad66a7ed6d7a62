//! Parameters of a market as text: the engine's fields by their names, in one list for everything that reads or writes them. What a value may be
//! is judged by the engine alone (`taper_engine::validate`); here only the shape is: names, numbers, how many tiers and points.
#![deny(missing_docs)]

mod rows;

use serde::{Deserialize, Serialize};
use taper_engine::params::{MarketParams, LADDER_POINTS, MARGIN_TIERS};

use rows::{point_text, tier_text, Ladder, Tiers};

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name; tiers and points are numbered from one.
    pub field: String,
    /// What it is.
    pub from: String,
    /// What it should be.
    pub to: String,
}

macro_rules! fields {
    ($($field:ident: $type:ty,)*) => {
        /// All parameters of a market. `tier_count` is the number of tiers in the text.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct Whole {
            base_lot_exponent: i32,
            $($field: $type,)*
            tiers: Tiers,
            ladder: Ladder,
        }

        impl From<&Whole> for MarketParams {
            fn from(text: &Whole) -> Self {
                Self {
                    tiers: text.tiers.rows(),
                    ladder: text.ladder.rows(),
                    tier_count: text.tiers.count(),
                    base_lot_exponent: text.base_lot_exponent,
                    $($field: text.$field,)*
                    reserved: [0; 17],
                }
            }
        }

        impl From<&MarketParams> for Whole {
            fn from(params: &MarketParams) -> Self {
                Self {
                    base_lot_exponent: params.base_lot_exponent,
                    $($field: params.$field,)*
                    tiers: Tiers::of(params.tiers()),
                    ladder: Ladder::of(&params.ladder),
                }
            }
        }

        /// What differs from defaults. The lot is not part of it: defaults are sized by it.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Overrides {
            tiers: Option<Tiers>,
            ladder: Option<Ladder>,
            $($field: Option<$type>,)*
        }

        impl Overrides {
            /// Puts what differs into the parameters.
            pub fn apply(&self, params: &mut MarketParams) {
                if let Some(tiers) = &self.tiers {
                    (params.tiers, params.tier_count) = (tiers.rows(), tiers.count());
                }
                if let Some(ladder) = &self.ladder {
                    params.ladder = ladder.rows();
                }
                $(if let Some(value) = self.$field { params.$field = value; })*
            }
        }

        fn plain_differences(from: &MarketParams, to: &MarketParams, found: &mut Differences) {
            found.note("base_lot_exponent", &from.base_lot_exponent, &to.base_lot_exponent);
            $(found.note(stringify!($field), &from.$field, &to.$field);)*
        }
    };
}

fields! {
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

struct Differences(Vec<Difference>);

impl Differences {
    fn note<T: PartialEq + ToString>(&mut self, field: &str, from: &T, to: &T) {
        if from != to {
            self.0.push(Difference { field: field.to_owned(), from: from.to_string(), to: to.to_string() });
        }
    }
}

/// Fields that differ, by name: tiers and ladder first.
pub fn differences(from: &MarketParams, to: &MarketParams) -> Vec<Difference> {
    let mut found = Differences(Vec::new());
    for place in 0..MARGIN_TIERS {
        let name = format!("tier {}", place + 1);
        found.note(&name, &tier_text(&from.tiers[place]), &tier_text(&to.tiers[place]));
    }
    for place in 0..LADDER_POINTS {
        let name = format!("ladder point {}", place + 1);
        found.note(&name, &point_text(&from.ladder[place]), &point_text(&to.ladder[place]));
    }
    found.note("tier_count", &from.tier_count, &to.tier_count);
    plain_differences(from, to, &mut found);
    found.0
}

#[cfg(test)]
mod tests;
