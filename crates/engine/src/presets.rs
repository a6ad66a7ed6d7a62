//! Default parameters: the ladder and rates of the specification, sized for a market by its price and its depth.

use crate::error::{EngineError, Result};
use crate::params::{LadderPoint, MarginTier, MarketParams};
use crate::quantity::{BaseLots, Price};

/// What the defaults are sized by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketSizing {
    /// `1 lot = 10^base_lot_exponent` base units.
    pub base_lot_exponent: i32,
    /// A recent price.
    pub price: Price,
    /// Lots resting within 1% of the price on one side, in calm.
    pub calm_depth_lots: BaseLots,
}

/// Ladder of the specification (§4): `(health, penalty, κ₁, cooldown)`.
const LADDER: [LadderPoint; 4] = [
    LadderPoint { health_bps: 10_000, penalty_bps_of_mmr: 500, cost_cap_bps_of_mmr: 3_000, cooldown_slots: 5 },
    LadderPoint { health_bps: 6_700, penalty_bps_of_mmr: 1_200, cost_cap_bps_of_mmr: 4_700, cooldown_slots: 2 },
    LadderPoint { health_bps: 3_300, penalty_bps_of_mmr: 2_500, cost_cap_bps_of_mmr: 3_300, cooldown_slots: 0 },
    LadderPoint { health_bps: 0, penalty_bps_of_mmr: 2_500, cost_cap_bps_of_mmr: 3_300, cooldown_slots: 0 },
];

/// Default parameters for a market. The throttle's capacity is half of the calm depth; the open-interest cap is ten times that,
/// which the throughput inequality allows; the smallest order is a 4,096th of it, so that dust cannot fill a side of the book; tier edges are 1, 4, 10 and 20 times the notional of the calm depth.
///
/// # Errors
/// `InvalidParameters` when the sizing leads to parameters that do not validate; `MathOverflow`.
pub fn default_params(sizing: &MarketSizing) -> Result<MarketParams> {
    let depth = sizing.calm_depth_lots;
    let capacity = depth.0 >> 1;
    let depth_notional = sizing.price.notional(depth)?.0.max(0).unsigned_abs();
    let tier = |times: u64, mmr_bps: u32, imr_bps: u32| MarginTier {
        notional_cap_atoms: depth_notional.saturating_mul(times).min(crate::validate::MAX_TIER_NOTIONAL_ATOMS),
        mmr_bps,
        imr_bps,
    };
    let params = MarketParams {
        tiers: [tier(1, 300, 500), tier(4, 400, 650), tier(10, 600, 1_000), tier(20, 1_000, 1_600)],
        ladder: LADDER,
        tick_size_atoms_per_lot: (sizing.price.0 >> 14).max(1),
        min_order_base_lots: (capacity >> 12).max(1),
        min_position_base_lots: 2,
        min_slice_base_lots: (capacity >> 10).max(1),
        open_interest_cap_base_lots: capacity.checked_mul(10).ok_or(EngineError::MathOverflow)?,
        throttle_capacity_base_lots: capacity,
        throttle_refill_slots: 300,
        cooloff_slots: 1_500,
        reentry_slots: 216_000,
        sweep_cap_atoms: 100_000_000_000,
        seat_bond_atoms: 1_000_000,
        tier_count: 4,
        base_lot_exponent: sizing.base_lot_exponent,
        taker_fee_ppm: 500,
        maker_fee_ppm: -100,
        maker_band_bps: 200,
        cost_cap_start_bps_of_mmr: 1_500,
        cost_cap_ramp_bps_of_mmr_per_slot: 100,
        target_first_bps: 12_500,
        target_again_bps: 0,
        episode_cost_budget_bps: 3_000,
        insurance_share_bps: 4_000,
        throttle_bypass_health_bps: 3_300,
        profit_init_weight_bps: 0,
        oracle_fresh_age_seconds: 10,
        oracle_max_age_seconds: 60,
        oracle_future_skew_seconds: 5,
        oracle_leg_skew_seconds: 20,
        oracle_fresh_confidence_bps: 100,
        oracle_max_confidence_bps: 300,
        oracle_ema_bias_max_bps: 200,
        oracle_frozen_bias_bps_per_minute: 50,
        stress_drift_ppm_per_slot: 50,
        stress_latency_slots: 25,
        stress_share_bps: 1_000,
        stress_cost_bps_of_mmr: 750,
        takeover_health_bps: 2_000,
        insurance_draw_cap_atoms: 100_000_000_000,
        insurance_grant_atoms: 0,
        funding_impact_base_lots: (depth.0 >> 5).max(1),
        insurance_window_slots: 216_000,
        stall_slots: 150,
        keeper_tip_share_bps: 1_500,
        funding_clamp_bps: 100,
        funding_period_slots: 72_000,
        funding_interval_slots: 150,
        funding_gap_slots: 9_000,
        rank_window_slots: 216_000,
        mmr_ramp_slots: 216_000,
        reserved: [0; 17],
    };
    params.validate()?;
    Ok(params)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::Rule;

    fn sol() -> MarketParams {
        let sizing =
            MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(2_000_000) };
        default_params(&sizing).unwrap()
    }

    #[test]
    fn the_defaults_validate() {
        assert_eq!(sol().violated_rule(), None);
    }

    /// 2,000,000 lots of depth at 450,000 atoms.
    #[test]
    fn sizes_follow_the_depth_and_the_price() {
        let params = sol();
        assert_eq!((params.throttle_capacity_base_lots, params.open_interest_cap_base_lots), (1_000_000, 10_000_000));
        assert_eq!((params.min_order_base_lots, params.min_slice_base_lots), (244, 976));
        assert_eq!((params.tick_size_atoms_per_lot, params.funding_impact_base_lots), (27, 62_500));
        let edges: [u64; 4] = [1, 4, 10, 20].map(|times| times * 900_000_000_000);
        assert_eq!(params.tiers().iter().map(|tier| tier.notional_cap_atoms).collect::<std::vec::Vec<_>>(), edges);
    }

    #[test]
    fn a_market_without_depth_has_no_defaults() {
        let sizing = MarketSizing { base_lot_exponent: -2, price: Price(450_000), calm_depth_lots: BaseLots(1) };
        assert_eq!(default_params(&sizing), Err(EngineError::InvalidParameters));
    }

    #[test]
    fn every_rule_can_be_broken_alone() {
        type Spoil = fn(&mut MarketParams);
        let breaks: [(Rule, Spoil); 29] = [
            (Rule::TierEdges, |p| p.tiers[1].notional_cap_atoms = p.tiers[0].notional_cap_atoms),
            (Rule::TierRates, |p| p.tiers[3].mmr_bps = 500),
            (Rule::InitialCoversTarget, |p| p.target_first_bps = 17_000),
            (Rule::LadderHealth, |p| p.ladder[0].health_bps = 9_999),
            (Rule::LadderValues, |p| p.ladder[1].penalty_bps_of_mmr = 499),
            (Rule::CostCapOpens, |p| {
                p.cost_cap_start_bps_of_mmr = 0;
                p.cost_cap_ramp_bps_of_mmr_per_slot = 0;
            }),
            (Rule::Sizes, |p| p.min_position_base_lots = 0),
            (Rule::SliceFitsShare, |p| p.min_slice_base_lots = p.throttle_capacity_base_lots / 4 + 1),
            (Rule::SliceFitsFills, |p| p.min_order_base_lots = p.min_slice_base_lots / 32),
            (Rule::LotExponent, |p| p.base_lot_exponent = 19),
            (Rule::Fees, |p| p.maker_fee_ppm = -501),
            (Rule::MakerBand, |p| p.maker_band_bps = 201),
            (Rule::Targets, |p| p.target_again_bps = 10_000),
            (Rule::Shares, |p| p.episode_cost_budget_bps = 0),
            (Rule::SelfLiquidation, |p| p.taker_fee_ppm = 511),
            (Rule::Throttle, |p| p.throttle_bypass_health_bps = 0),
            (Rule::Periods, |p| p.cooloff_slots = 0),
            (Rule::StressSlack, |p| p.stress_latency_slots = 357),
            (Rule::Throughput, |p| p.open_interest_cap_base_lots = p.throttle_capacity_base_lots * 12),
            (Rule::StressInputs, |p| p.stress_cost_bps_of_mmr = 749),
            (Rule::Oracle, |p| p.oracle_fresh_age_seconds = 61),
            (Rule::Pool, |p| p.sweep_cap_atoms = -1),
            (Rule::Takeover, |p| p.takeover_health_bps = 3_301),
            (Rule::Insurance, |p| p.insurance_grant_atoms = -1),
            (Rule::KeeperTip, |p| {
                p.taker_fee_ppm = 0;
                p.maker_fee_ppm = 0;
                p.keeper_tip_share_bps = 10_001;
            }),
            (Rule::Funding, |p| p.funding_gap_slots = p.funding_interval_slots - 1),
            (Rule::RankWindow, |p| p.rank_window_slots = 15),
            (Rule::Ramp, |p| p.mmr_ramp_slots = 80_000_001),
            (Rule::Reserved, |p| p.reserved[16] = 1),
        ];
        for (rule, spoil) in breaks {
            let mut params = sol();
            spoil(&mut params);
            assert_eq!(params.violated_rule(), Some(rule));
            let mut failed = 0;
            params.terms(rule, &mut |term| failed += usize::from(!term.holds()));
            assert!(failed > 0, "{rule:?} is broken, but no comparison of it says so");
            assert_eq!(params.validate(), Err(EngineError::InvalidParameters));
        }
    }

    #[test]
    fn a_painted_premium_costs_at_least_what_it_brings_exactly_at_the_edge() {
        let mut params = sol();
        // 20,000 lots × 72,000 slots = 10,000,000 lots × 144 slots.
        (params.funding_impact_base_lots, params.funding_interval_slots) = (20_000, 144);
        assert_eq!((params.open_interest_cap_base_lots, params.funding_period_slots), (10_000_000, 72_000));
        assert_eq!(params.violated_rule(), None);
        params.funding_interval_slots += 1;
        assert_eq!(params.violated_rule(), Some(Rule::Funding));
        params.funding_interval_slots -= 1;
        params.funding_impact_base_lots -= 1;
        assert_eq!(params.violated_rule(), Some(Rule::Funding));
    }

    #[test]
    fn the_throughput_inequality_holds_exactly_at_its_edge() {
        let mut params = sol();
        // slack = 30,000 × (10,000 − 3,300 − 750) − 50 × 25 × 10,000 = 166,000,000, in 10^-10 of the notional.
        assert_eq!(params.stress_slack_scaled(), 166_000_000);
        // S × slack ≥ μ × cap × share × T: 10^6 × 1.66×10^8 / (50 × 1,000 × 300) = 11,066,666.67 lots.
        params.open_interest_cap_base_lots = 11_066_666;
        assert_eq!(params.violated_rule(), None);
        params.open_interest_cap_base_lots = 11_066_667;
        assert_eq!(params.violated_rule(), Some(Rule::Throughput));
    }
}
