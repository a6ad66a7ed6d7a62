//! Every inequality that a market's parameters must satisfy, each with a name. Checked as a whole at every change.

use crate::book::MAX_FILLS;
use crate::error::{EngineError, Result};
use crate::params::MarketParams;
use crate::quantity::{BPS_ONE, MAX_BASE_LOTS};

/// Largest notional of a position, in quote atoms: a quarter of the engine's bound, so that the price may quadruple.
pub const MAX_TIER_NOTIONAL_ATOMS: u64 = 1 << 50;
/// Largest taker or maker fee, in millionths.
const MAX_FEE_PPM: i64 = 10_000;
/// Largest cooldown, cool-off, refill and re-entry period, in slots (about a year).
const MAX_SLOTS: u64 = 80_000_000;
const ONE_BPS_U32: u32 = 10_000;

/// The inequality that parameters break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `1 ≤ tier_count ≤ 4`; tiers in use have rising edges, the last at most `2^50`; the others are zero.
    TierEdges,
    /// Rates do not fall from tier to tier (requirements are convex), `0 < mmr`, `imr ≤ 1`.
    TierRates,
    /// `imr ≥ τ·mmr` in every tier, for both targets.
    InitialCoversTarget,
    /// Ladder health falls strictly from 1 to 0.
    LadderHealth,
    /// Down the ladder penalties do not fall and cooldowns do not rise; `penalty ≤ κ₁ ≤ 1`.
    LadderValues,
    /// `κ₀ + ramp > 0`, `κ₀ ≤ 1`, `ramp ≤ 1`: the cost cap opens.
    CostCapOpens,
    /// Tick, minimum order, minimum position, minimum slice and open-interest cap are within `1..=2^40`.
    Sizes,
    /// `min_slice ≤ throttle_capacity / 4`: an account's share can hold the smallest slice.
    SliceFitsShare,
    /// `min_slice ≤ 32 × min_order`: the fills of one call make the smallest slice, even if each is of the smallest order.
    SliceFitsFills,
    /// Lot exponent within −18..=18.
    LotExponent,
    /// `0 ≤ taker ≤ 1%`, `−taker ≤ maker ≤ 1%`.
    Fees,
    /// `0 < maker_band ≤ imr₁ − mmr₁`: a fill cannot make a maker bankrupt by its price alone.
    MakerBand,
    /// `τ_first > 1`; `τ_again` zero or above 1; both at most 10.
    Targets,
    /// Shares and weights at most 1; the episode budget positive.
    Shares,
    /// `penalty(1) × mmr₁ × insurance_share × (1 − keeper_tip_share) ≥ taker fee`: liquidating oneself is no cheaper than closing,
    /// also when the tips of the episode go back to oneself.
    SelfLiquidation,
    /// Throttle capacity and refill positive, their product within `2^62`; `0 < bypass < 1`.
    Throttle,
    /// Slots within about a year, cool-off positive.
    Periods,
    /// `m·(1 − h_bypass) − c − μ·L > 0`.
    StressSlack,
    /// `S_max / T_refill ≥ μ·N / (m·(1 − h_bypass) − c − μ·L)`.
    Throughput,
    /// `stress_share ≥ 10%`, `c ≥ κ₁(1) / 4`, drift positive.
    StressInputs,
    /// `0 < fresh ≤ max` for age and confidence, biases and confidence at most 1, skews within an hour.
    Oracle,
    /// `0 ≤ sweep_cap ≤ 2^50`, bond at most `2^40`.
    Pool,
    /// `0 < takeover_health ≤` the third ladder point: takeovers lie within the backstop stage; `stall_slots` positive, within a year.
    Takeover,
    /// `0 ≤ draw cap, grant ≤ 2^50`; the window positive, within a year.
    Insurance,
    /// `keeper_tip_share ≤ 1`.
    KeeperTip,
    /// `1 ≤ impact lots ≤ 2^40`; `clamp < 1`; `1 ≤ interval ≤ gap ≤ period`, within a year.
    Funding,
    /// `rank_window_slots` at least 16, within a year.
    RankWindow,
    /// `mmr_ramp_slots` within a year.
    Ramp,
    /// Reserved fields are zero.
    Reserved,
}

impl MarketParams {
    /// Checks every inequality.
    ///
    /// # Errors
    /// `InvalidParameters`; [`MarketParams::violated_rule`] names the inequality.
    pub fn validate(&self) -> Result<()> {
        match self.violated_rule() {
            None => Ok(()),
            Some(_) => Err(EngineError::InvalidParameters),
        }
    }

    /// The first inequality that does not hold, in the order of [`Rule`].
    pub fn violated_rule(&self) -> Option<Rule> {
        let checks: [(Rule, bool); 29] = [
            (Rule::TierEdges, self.tier_edges_hold()),
            (Rule::TierRates, self.tier_rates_hold()),
            (Rule::InitialCoversTarget, self.initial_covers_target()),
            (Rule::LadderHealth, self.ladder_health_holds()),
            (Rule::LadderValues, self.ladder_values_hold()),
            (Rule::CostCapOpens, self.cost_cap_opens()),
            (Rule::Sizes, self.sizes_hold()),
            (Rule::SliceFitsShare, self.min_slice_base_lots <= self.throttle_capacity_base_lots >> 2),
            (Rule::SliceFitsFills, self.slice_fits_fills()),
            (Rule::LotExponent, (-18..=18).contains(&self.base_lot_exponent)),
            (Rule::Fees, self.fees_hold()),
            (Rule::MakerBand, self.maker_band_holds()),
            (Rule::Targets, self.targets_hold()),
            (Rule::Shares, self.shares_hold()),
            (Rule::SelfLiquidation, self.self_liquidation_is_not_cheaper()),
            (Rule::Throttle, self.throttle_holds()),
            (Rule::Periods, self.periods_hold()),
            (Rule::StressSlack, self.stress_slack_scaled() > 0),
            (Rule::Throughput, self.throughput_suffices()),
            (Rule::StressInputs, self.stress_inputs_hold()),
            (Rule::Oracle, self.oracle_holds()),
            (Rule::Pool, self.pool_holds()),
            (Rule::Takeover, self.takeover_holds()),
            (Rule::Insurance, self.insurance_holds()),
            (Rule::KeeperTip, self.keeper_tip_share_bps <= ONE_BPS_U32),
            (Rule::Funding, self.funding_holds()),
            (Rule::RankWindow, (16..=MAX_SLOTS).contains(&u64::from(self.rank_window_slots))),
            (Rule::Ramp, u64::from(self.mmr_ramp_slots) <= MAX_SLOTS),
            (Rule::Reserved, self.reserved.iter().all(|word| *word == 0)),
        ];
        checks.iter().find(|(_, holds)| !holds).map(|(rule, _)| *rule)
    }

    fn tier_edges_hold(&self) -> bool {
        let count = usize::try_from(self.tier_count).unwrap_or(usize::MAX);
        let Some((used, unused)) = self.tiers.split_at_checked(count) else { return false };
        let rising = used.windows(2).all(|pair| match pair {
            [low, high] => low.notional_cap_atoms < high.notional_cap_atoms,
            _ => false,
        });
        let edges_positive = used.first().is_some_and(|tier| tier.notional_cap_atoms > 0);
        let bounded = used.last().is_some_and(|tier| tier.notional_cap_atoms <= MAX_TIER_NOTIONAL_ATOMS);
        let rest_zero =
            unused.iter().all(|tier| tier.notional_cap_atoms == 0 && tier.mmr_bps == 0 && tier.imr_bps == 0);
        rising && edges_positive && bounded && rest_zero
    }

    fn tier_rates_hold(&self) -> bool {
        let convex = self.tiers().windows(2).all(|pair| match pair {
            [low, high] => low.mmr_bps <= high.mmr_bps && low.imr_bps <= high.imr_bps,
            _ => false,
        });
        convex
            && self
                .tiers()
                .iter()
                .all(|tier| tier.mmr_bps > 0 && tier.mmr_bps <= tier.imr_bps && tier.imr_bps <= ONE_BPS_U32)
    }

    fn initial_covers_target(&self) -> bool {
        let highest = self.target_first_bps.max(self.target_again_bps);
        self.tiers().iter().all(|tier| {
            let initial = u64::from(tier.imr_bps).saturating_mul(u64::from(ONE_BPS_U32));
            initial >= u64::from(highest).saturating_mul(u64::from(tier.mmr_bps))
        })
    }

    fn ladder_health_holds(&self) -> bool {
        let falling = self.ladder.windows(2).all(|pair| match pair {
            [high, low] => high.health_bps > low.health_bps,
            _ => false,
        });
        let ends = self.ladder.first().zip(self.ladder.last());
        falling && ends.is_some_and(|(top, bottom)| top.health_bps == ONE_BPS_U32 && bottom.health_bps == 0)
    }

    fn ladder_values_hold(&self) -> bool {
        let ordered = self.ladder.windows(2).all(|pair| match pair {
            [high, low] => {
                high.penalty_bps_of_mmr <= low.penalty_bps_of_mmr && high.cooldown_slots >= low.cooldown_slots
            }
            _ => false,
        });
        ordered
            && self.ladder.iter().all(|point| {
                point.penalty_bps_of_mmr <= point.cost_cap_bps_of_mmr
                    && point.cost_cap_bps_of_mmr <= ONE_BPS_U32
                    && u64::from(point.cooldown_slots) <= MAX_SLOTS
            })
    }

    fn cost_cap_opens(&self) -> bool {
        let (start, ramp) = (self.cost_cap_start_bps_of_mmr, self.cost_cap_ramp_bps_of_mmr_per_slot);
        (start > 0 || ramp > 0) && start <= ONE_BPS_U32 && ramp <= ONE_BPS_U32
    }

    fn sizes_hold(&self) -> bool {
        [
            self.tick_size_atoms_per_lot,
            self.min_order_base_lots,
            self.min_position_base_lots,
            self.min_slice_base_lots,
            self.open_interest_cap_base_lots,
        ]
        .iter()
        .all(|size| (1..=MAX_BASE_LOTS).contains(size))
    }

    fn slice_fits_fills(&self) -> bool {
        let fills = i64::try_from(MAX_FILLS).unwrap_or(0);
        self.min_slice_base_lots <= self.min_order_base_lots.saturating_mul(fills)
    }

    fn fees_hold(&self) -> bool {
        let (taker, maker) = (i64::from(self.taker_fee_ppm), i64::from(self.maker_fee_ppm));
        taker <= MAX_FEE_PPM && maker <= MAX_FEE_PPM && maker.saturating_add(taker) >= 0
    }

    fn maker_band_holds(&self) -> bool {
        let room = self.tiers.first().map_or(0, |tier| tier.imr_bps.saturating_sub(tier.mmr_bps));
        (1..=room).contains(&self.maker_band_bps)
    }

    fn targets_hold(&self) -> bool {
        let above_one = |target: u32| target > ONE_BPS_U32 && target <= 100_000;
        above_one(self.target_first_bps) && (self.target_again_bps == 0 || above_one(self.target_again_bps))
    }

    fn shares_hold(&self) -> bool {
        self.insurance_share_bps <= ONE_BPS_U32
            && self.profit_init_weight_bps <= ONE_BPS_U32
            && self.episode_cost_budget_bps > 0
            && self.episode_cost_budget_bps <= ONE_BPS_U32
    }

    fn self_liquidation_is_not_cheaper(&self) -> bool {
        let penalty = self.ladder.first().map_or(0, |point| u64::from(point.penalty_bps_of_mmr));
        let rate = self.tiers.first().map_or(0, |tier| u64::from(tier.mmr_bps));
        let kept = ONE_BPS_U32.saturating_sub(self.keeper_tip_share_bps);
        let insurance = u128::from(penalty)
            .saturating_mul(u128::from(rate))
            .saturating_mul(u128::from(self.insurance_share_bps))
            .saturating_mul(u128::from(kept));
        // bps⁴ = 10^16 against ppm = 10^6.
        insurance >= u128::from(self.taker_fee_ppm).saturating_mul(10_000_000_000)
    }

    fn throttle_holds(&self) -> bool {
        let product =
            i128::from(self.throttle_capacity_base_lots).saturating_mul(i128::from(self.throttle_refill_slots));
        (1..=MAX_BASE_LOTS).contains(&self.throttle_capacity_base_lots)
            && self.throttle_refill_slots > 0
            && product <= 1 << 62
            && (1..ONE_BPS_U32).contains(&self.throttle_bypass_health_bps)
    }

    fn periods_hold(&self) -> bool {
        self.cooloff_slots > 0
            && [self.cooloff_slots, self.reentry_slots, self.throttle_refill_slots]
                .iter()
                .all(|slots| *slots <= MAX_SLOTS)
    }

    /// `m·(1 − h_bypass) − c − μ·L` of the notional, in `10^-10` (millionths × 10^-4), exact.
    pub fn stress_slack_scaled(&self) -> i128 {
        let rate_ppm = self.tiers.first().map_or(0, |tier| i128::from(tier.mmr_bps).saturating_mul(100));
        let above_bypass = i128::from(BPS_ONE).saturating_sub(i128::from(self.throttle_bypass_health_bps));
        let drift = i128::from(self.stress_drift_ppm_per_slot)
            .saturating_mul(i128::from(self.stress_latency_slots))
            .saturating_mul(i128::from(BPS_ONE));
        rate_ppm
            .saturating_mul(above_bypass.saturating_sub(i128::from(self.stress_cost_bps_of_mmr)))
            .saturating_sub(drift)
    }

    /// `S × slack ≥ μ × (open-interest cap × stress_share) × T`, the throughput inequality without its quotients.
    fn throughput_suffices(&self) -> bool {
        let supply = i128::from(self.throttle_capacity_base_lots).saturating_mul(self.stress_slack_scaled());
        let demand = i128::from(self.stress_drift_ppm_per_slot)
            .saturating_mul(i128::from(self.open_interest_cap_base_lots))
            .saturating_mul(i128::from(self.stress_share_bps))
            .saturating_mul(i128::from(self.throttle_refill_slots));
        supply >= demand
    }

    fn stress_inputs_hold(&self) -> bool {
        let soft_cap = self.ladder.first().map_or(0, |point| point.cost_cap_bps_of_mmr);
        (1_000..=ONE_BPS_U32).contains(&self.stress_share_bps)
            && u64::from(self.stress_cost_bps_of_mmr).saturating_mul(4) >= u64::from(soft_cap)
            && self.stress_drift_ppm_per_slot > 0
    }

    fn oracle_holds(&self) -> bool {
        self.oracle_fresh_age_seconds > 0
            && self.oracle_fresh_age_seconds <= self.oracle_max_age_seconds
            && self.oracle_max_age_seconds <= 3_600
            && self.oracle_future_skew_seconds <= 3_600
            && self.oracle_leg_skew_seconds <= 3_600
            && self.oracle_fresh_confidence_bps > 0
            && self.oracle_fresh_confidence_bps <= self.oracle_max_confidence_bps
            && self.oracle_max_confidence_bps < ONE_BPS_U32
            && self.oracle_ema_bias_max_bps < ONE_BPS_U32
            && self.oracle_frozen_bias_bps_per_minute < ONE_BPS_U32
    }

    fn pool_holds(&self) -> bool {
        (0..=1 << 50).contains(&self.sweep_cap_atoms) && self.seat_bond_atoms <= 1 << 40
    }

    fn takeover_holds(&self) -> bool {
        let backstop = self.ladder.get(2).map_or(0, |point| point.health_bps);
        (1..=backstop).contains(&self.takeover_health_bps)
            && (1..=MAX_SLOTS).contains(&u64::from(self.stall_slots))
    }

    fn insurance_holds(&self) -> bool {
        (0..=1 << 50).contains(&self.insurance_draw_cap_atoms)
            && (0..=1 << 50).contains(&self.insurance_grant_atoms)
            && (1..=MAX_SLOTS).contains(&u64::from(self.insurance_window_slots))
    }

    fn funding_holds(&self) -> bool {
        (1..=MAX_BASE_LOTS).contains(&self.funding_impact_base_lots)
            && self.funding_clamp_bps < ONE_BPS_U32
            && self.funding_interval_slots >= 1
            && self.funding_interval_slots <= self.funding_gap_slots
            && self.funding_gap_slots <= self.funding_period_slots
            && u64::from(self.funding_period_slots) <= MAX_SLOTS
    }
}
