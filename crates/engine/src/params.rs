//! A market's parameters, and every inequality that they must satisfy.

use crate::row::{assert_layout, row};

/// Tiers a market can have.
pub const MARGIN_TIERS: usize = 4;
/// Points of the liquidation ladder.
pub const LADDER_POINTS: usize = 4;

row! {
    /// One marginal margin tier: rates for the part of a notional below `notional_cap_atoms` and above the tier before.
    #[derive(Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
    pub struct MarginTier {
        /// Upper edge of the tier, in quote atoms. The last tier's edge is the largest notional of a position.
        pub notional_cap_atoms: u64,
        /// Maintenance rate inside the tier.
        pub mmr_bps: u32,
        /// Initial rate inside the tier.
        pub imr_bps: u32,
    }
}
assert_layout!(MarginTier, 16, { notional_cap_atoms: 0, mmr_bps: 8, imr_bps: 12 });

row! {
    /// One point of the ladder. Between points every value is linear in health.
    #[derive(Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
    pub struct LadderPoint {
        /// Health of the point.
        pub health_bps: u32,
        /// Penalty, as a fraction of the leg's marginal maintenance rate.
        pub penalty_bps_of_mmr: u32,
        /// Largest cost (slippage and penalty), as a fraction of the leg's marginal maintenance rate.
        pub cost_cap_bps_of_mmr: u32,
        /// Slots after a whole slice before the next one.
        pub cooldown_slots: u32,
    }
}
assert_layout!(LadderPoint, 16, { health_bps: 0, penalty_bps_of_mmr: 4, cost_cap_bps_of_mmr: 8, cooldown_slots: 12 });

row! {
    /// Everything that governance decides about a market. Checked as a whole by [`MarketParams::validate`].
    #[derive(Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
    pub struct MarketParams {
        /// Margin tiers by rising notional; the first `tier_count` are used.
        pub tiers: [MarginTier; MARGIN_TIERS],
        /// Ladder points by falling health: the first at 10,000 bps, the last at 0.
        pub ladder: [LadderPoint; LADDER_POINTS],
        /// Prices of orders are multiples of this, in quote atoms per lot.
        pub tick_size_atoms_per_lot: i64,
        /// Smallest order, in lots (reductions of a smaller position excepted).
        pub min_order_base_lots: i64,
        /// A slice that would leave less than this closes everything.
        pub min_position_base_lots: i64,
        /// A slice under this, and under its plan, is refused.
        pub min_slice_base_lots: i64,
        /// Largest open interest, in lots.
        pub open_interest_cap_base_lots: i64,
        /// Throttle: lots that one side may liquidate at once.
        pub throttle_capacity_base_lots: i64,
        /// Throttle: slots in which an empty bucket fills.
        pub throttle_refill_slots: u64,
        /// An episode ends this many slots after it was last observed unhealthy.
        pub cooloff_slots: u64,
        /// An episode that begins within this many slots of the last one's end is a repeated one.
        pub reentry_slots: u64,
        /// Net profit that may be swept out of this market before its losers have paid, in quote atoms.
        pub sweep_cap_atoms: i64,
        /// Refundable price of a seat while the table is under 80% full, in quote atoms.
        pub seat_bond_atoms: u64,
        /// Number of margin tiers in use, 1 to 4.
        pub tier_count: u32,
        /// `1 lot = 10^base_lot_exponent` base units.
        pub base_lot_exponent: i32,
        /// Taker fee, in millionths of the notional.
        pub taker_fee_ppm: u32,
        /// Maker fee, in millionths of the notional; negative is a rebate. Never below `-taker_fee_ppm`.
        pub maker_fee_ppm: i32,
        /// A resting order worse for its owner than this against the oracle is removed, not filled.
        pub maker_band_bps: u32,
        /// Cost cap at the start of an episode (κ₀), as a fraction of the marginal maintenance rate.
        pub cost_cap_start_bps_of_mmr: u32,
        /// Growth of that cap per slot of the episode.
        pub cost_cap_ramp_bps_of_mmr_per_slot: u32,
        /// Target health of a first episode (τ).
        pub target_first_bps: u32,
        /// Target health of a repeated episode; 0 is a full close, in slices.
        pub target_again_bps: u32,
        /// Cost that an account may pay in an episode before penalties stop, as a fraction of its requirement at the start.
        pub episode_cost_budget_bps: u32,
        /// Insurance's part of a penalty; the caller gets the rest.
        pub insurance_share_bps: u32,
        /// Below this health the throttle and the episode budget do not apply.
        pub throttle_bypass_health_bps: u32,
        /// Weight of unrealised and unswept profit in initial health.
        pub profit_init_weight_bps: u32,
        /// Age to which a price is fresh.
        pub oracle_fresh_age_seconds: u32,
        /// Age to which a price is degraded; beyond it the leg is frozen.
        pub oracle_max_age_seconds: u32,
        /// How far a price may be ahead of the clock.
        pub oracle_future_skew_seconds: u32,
        /// How far apart in time the live legs of one account may be.
        pub oracle_leg_skew_seconds: u32,
        /// Confidence to which a price is fresh.
        pub oracle_fresh_confidence_bps: u32,
        /// Confidence to which a price is degraded; beyond it the leg is frozen.
        pub oracle_max_confidence_bps: u32,
        /// Largest bias of initial health towards the EMA.
        pub oracle_ema_bias_max_bps: u32,
        /// Growth of the bias of a frozen leg, per minute of age.
        pub oracle_frozen_bias_bps_per_minute: u32,
        /// Stress: drift of the price, in millionths per slot (μ).
        pub stress_drift_ppm_per_slot: u32,
        /// Stress: latency, in slots (L).
        pub stress_latency_slots: u32,
        /// Stress: part of the open interest that becomes liquidatable; at least 1,000 bps.
        pub stress_share_bps: u32,
        /// Stress: penalty and cost expected in the soft stage, as a fraction of mmr (c); at least a quarter of κ₁(1.00).
        pub stress_cost_bps_of_mmr: u32,
        /// Below this health the account may be taken over: its legs go to the opposite seats at the zero price.
        pub takeover_health_bps: u32,
        /// Most that insurance pays for this market's losses within `insurance_window_slots`, in quote atoms.
        pub insurance_draw_cap_atoms: i64,
        /// What insurance pays for this market beyond what the market has itself paid in, over its whole life, in quote atoms.
        pub insurance_grant_atoms: i64,
        /// Lots over which the book's impact prices are averaged for the funding premium.
        pub funding_impact_base_lots: i64,
        /// Slots over which a full draw on insurance is forgotten.
        pub insurance_window_slots: u32,
        /// Slots in the backstop stage without a fill after which an account may be taken over.
        pub stall_slots: u32,
        /// Largest part of insurance's share of the penalties of an episode that may go back to keepers as tips.
        pub keeper_tip_share_bps: u32,
        /// Largest premium that counts for funding, against the EMA.
        pub funding_clamp_bps: u32,
        /// Slots in which a constant premium is paid once in full.
        pub funding_period_slots: u32,
        /// Least slots between two samples of the premium.
        pub funding_interval_slots: u32,
        /// Slots for which a sample sets the rate; after them nothing accrues until the next one.
        pub funding_gap_slots: u32,
        /// Slots over which swept profit is forgotten in the ranking for auto-deleveraging.
        pub rank_window_slots: u32,
        /// Slots over which a raised maintenance rate comes into force.
        pub mmr_ramp_slots: u32,
        /// Zero.
        pub reserved: [u32; 17],
    }
}
assert_layout!(MarketParams, 448, {
    tiers: 0, ladder: 64, tick_size_atoms_per_lot: 128, min_order_base_lots: 136, min_position_base_lots: 144,
    min_slice_base_lots: 152, open_interest_cap_base_lots: 160, throttle_capacity_base_lots: 168,
    throttle_refill_slots: 176, cooloff_slots: 184, reentry_slots: 192, sweep_cap_atoms: 200, seat_bond_atoms: 208,
    tier_count: 216, base_lot_exponent: 220, taker_fee_ppm: 224, maker_fee_ppm: 228, maker_band_bps: 232,
    cost_cap_start_bps_of_mmr: 236, cost_cap_ramp_bps_of_mmr_per_slot: 240, target_first_bps: 244,
    target_again_bps: 248, episode_cost_budget_bps: 252, insurance_share_bps: 256, throttle_bypass_health_bps: 260,
    profit_init_weight_bps: 264, oracle_fresh_age_seconds: 268, oracle_max_age_seconds: 272,
    oracle_future_skew_seconds: 276, oracle_leg_skew_seconds: 280, oracle_fresh_confidence_bps: 284,
    oracle_max_confidence_bps: 288, oracle_ema_bias_max_bps: 292, oracle_frozen_bias_bps_per_minute: 296,
    stress_drift_ppm_per_slot: 300, stress_latency_slots: 304, stress_share_bps: 308, stress_cost_bps_of_mmr: 312,
    takeover_health_bps: 316, insurance_draw_cap_atoms: 320, insurance_grant_atoms: 328, funding_impact_base_lots: 336,
    insurance_window_slots: 344, stall_slots: 348, keeper_tip_share_bps: 352, funding_clamp_bps: 356,
    funding_period_slots: 360, funding_interval_slots: 364, funding_gap_slots: 368, rank_window_slots: 372,
    mmr_ramp_slots: 376, reserved: 380,
});
