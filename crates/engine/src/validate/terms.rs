//! The comparisons of every rule, in the order of the specification (section 14).

use super::{Place, Relation, Rule, Term, MAX_TIER_NOTIONAL_ATOMS};
use crate::book::MAX_FILLS;
use crate::params::{MarketParams, MARGIN_TIERS};
use crate::quantity::{BPS_ONE, MAX_BASE_LOTS};

/// Largest taker or maker fee, in millionths.
const MAX_FEE_PPM: i64 = 10_000;
/// Largest cooldown, cool-off, refill and re-entry period, in slots (about a year).
const MAX_SLOTS: u64 = 80_000_000;
/// Largest amount of a limit in quote atoms.
const MAX_LIMIT_ATOMS: i64 = 1 << 50;
/// Fewest slots of the ranking's window.
const MIN_RANK_WINDOW_SLOTS: u32 = 16;

/// Where the comparisons go.
struct To<'a>(&'a mut dyn FnMut(Term));

impl To<'_> {
    fn term(
        &mut self,
        text: &'static str,
        place: Place,
        left: impl Into<i128>,
        relation: Relation,
        right: impl Into<i128>,
    ) {
        (self.0)(Term { text, place, left: left.into(), relation, right: right.into() });
    }

    fn one(&mut self, text: &'static str, left: impl Into<i128>, relation: Relation, right: impl Into<i128>) {
        self.term(text, Place::Market, left, relation, right);
    }

    /// `low ≤ value ≤ high`.
    fn range(&mut self, text: &'static str, value: impl Into<i128>, low: impl Into<i128>, high: impl Into<i128>) {
        let value = value.into();
        self.one(text, value, Relation::AtLeast, low);
        self.one(text, value, Relation::AtMost, high);
    }
}

/// The numbers from 1 on.
fn numbered<T>(items: &[T]) -> impl Iterator<Item = (usize, &T)> {
    (1usize..).zip(items)
}

/// Each item but the first with the one before it, and its number from 1 on.
fn steps<T>(items: &[T]) -> impl Iterator<Item = (usize, &T, &T)> {
    (2usize..).zip(items.windows(2)).filter_map(|(number, pair)| match pair {
        [before, after] => Some((number, before, after)),
        _ => None,
    })
}

fn product(factors: &[i128]) -> i128 {
    factors.iter().fold(1, |product, factor| product.saturating_mul(*factor))
}

impl MarketParams {
    /// The comparisons of a rule: it holds if and only if all of them do.
    pub fn terms(&self, rule: Rule, visit: &mut dyn FnMut(Term)) {
        let mut to = To(visit);
        match rule {
            Rule::TierEdges => self.tier_edges(&mut to),
            Rule::TierRates => self.tier_rates(&mut to),
            Rule::InitialCoversTarget => self.initial_covers_target(&mut to),
            Rule::LadderHealth => self.ladder_health(&mut to),
            Rule::LadderValues => self.ladder_values(&mut to),
            Rule::CostCapOpens => self.cost_cap_opens(&mut to),
            Rule::Sizes => self.sizes(&mut to),
            Rule::SliceFitsShare => to.one(
                "min_slice ≤ throttle_capacity ÷ 4",
                self.min_slice_base_lots,
                Relation::AtMost,
                self.throttle_capacity_base_lots >> 2,
            ),
            Rule::SliceFitsFills => {
                let fills = i128::try_from(MAX_FILLS).unwrap_or(0);
                let filled = product(&[self.min_order_base_lots.into(), fills]);
                to.one("min_slice ≤ 32 × min_order", self.min_slice_base_lots, Relation::AtMost, filled);
            }
            Rule::LotExponent => to.range("base_lot_exponent", self.base_lot_exponent, -18, 18),
            Rule::Fees => self.fees(&mut to),
            Rule::MakerBand => {
                let room = self.tiers.first().map_or(0, |tier| tier.imr_bps.saturating_sub(tier.mmr_bps));
                to.one("maker_band ≥ 1", self.maker_band_bps, Relation::AtLeast, 1);
                to.one("maker_band ≤ imr₁ − mmr₁", self.maker_band_bps, Relation::AtMost, room);
            }
            Rule::Targets => self.targets(&mut to),
            Rule::Shares => {
                to.one("insurance_share ≤ 1", self.insurance_share_bps, Relation::AtMost, BPS_ONE);
                to.one("profit_init_weight ≤ 1", self.profit_init_weight_bps, Relation::AtMost, BPS_ONE);
                to.range("episode_cost_budget", self.episode_cost_budget_bps, 1, BPS_ONE);
            }
            Rule::SelfLiquidation => self.self_liquidation(&mut to),
            Rule::Throttle => self.throttle(&mut to),
            Rule::Periods => self.periods(&mut to),
            Rule::StressSlack => {
                to.one("m × (1 − bypass) − c − μ × L > 0", self.stress_slack_scaled(), Relation::More, 0);
            }
            Rule::Throughput => self.throughput(&mut to),
            Rule::StressInputs => self.stress_inputs(&mut to),
            Rule::Oracle => self.oracle(&mut to),
            Rule::Pool => {
                to.range("sweep_cap", self.sweep_cap_atoms, 0, MAX_LIMIT_ATOMS);
                to.one("seat_bond ≤ 2^40", self.seat_bond_atoms, Relation::AtMost, 1u64 << 40);
            }
            Rule::Takeover => {
                let backstop = self.ladder.get(2).map_or(0, |point| point.health_bps);
                to.one("takeover_health ≥ 1", self.takeover_health_bps, Relation::AtLeast, 1);
                to.one("takeover_health ≤ health of point 3", self.takeover_health_bps, Relation::AtMost, backstop);
                to.range("stall_slots", self.stall_slots, 1, MAX_SLOTS);
            }
            Rule::Insurance => {
                to.range("insurance_draw_cap", self.insurance_draw_cap_atoms, 0, MAX_LIMIT_ATOMS);
                to.range("insurance_grant", self.insurance_grant_atoms, 0, MAX_LIMIT_ATOMS);
                to.range("insurance_window", self.insurance_window_slots, 1, MAX_SLOTS);
            }
            Rule::KeeperTip => to.one("keeper_tip_share ≤ 1", self.keeper_tip_share_bps, Relation::AtMost, BPS_ONE),
            Rule::Funding => self.funding(&mut to),
            Rule::RankWindow => to.range("rank_window", self.rank_window_slots, MIN_RANK_WINDOW_SLOTS, MAX_SLOTS),
            Rule::Ramp => to.one("mmr_ramp_slots", self.mmr_ramp_slots, Relation::AtMost, MAX_SLOTS),
            Rule::Reserved => {
                let written = self.reserved.iter().filter(|word| **word != 0).count();
                to.one("reserved fields written", i128::try_from(written).unwrap_or(1), Relation::Equal, 0);
            }
        }
    }

    fn tier_edges(&self, to: &mut To) {
        let last = i128::try_from(MARGIN_TIERS).unwrap_or(0);
        to.range("tier_count", self.tier_count, 1, last);
        if let Some(first) = self.tiers().first() {
            to.term("cap > 0", Place::Tier(1), first.notional_cap_atoms, Relation::More, 0);
        }
        for (number, before, tier) in steps(self.tiers()) {
            let (cap, lower) = (tier.notional_cap_atoms, before.notional_cap_atoms);
            to.term("cap > the cap before", Place::Tier(number), cap, Relation::More, lower);
        }
        if let Some(last) = self.tiers().last() {
            to.one("last cap ≤ 2^50", last.notional_cap_atoms, Relation::AtMost, MAX_TIER_NOTIONAL_ATOMS);
        }
        for (number, tier) in numbered(&self.tiers).skip(self.tiers().len()) {
            let written = u128::from(tier.notional_cap_atoms | u64::from(tier.mmr_bps) | u64::from(tier.imr_bps));
            let written = i128::try_from(written).unwrap_or(1);
            to.term("unused, so all zero", Place::Tier(number), written, Relation::Equal, 0);
        }
    }

    fn tier_rates(&self, to: &mut To) {
        for (number, before, tier) in steps(self.tiers()) {
            to.term("mmr ≥ mmr before", Place::Tier(number), tier.mmr_bps, Relation::AtLeast, before.mmr_bps);
            to.term("imr ≥ imr before", Place::Tier(number), tier.imr_bps, Relation::AtLeast, before.imr_bps);
        }
        for (number, tier) in numbered(self.tiers()) {
            to.term("mmr > 0", Place::Tier(number), tier.mmr_bps, Relation::More, 0);
            to.term("imr ≥ mmr", Place::Tier(number), tier.imr_bps, Relation::AtLeast, tier.mmr_bps);
            to.term("imr ≤ 1", Place::Tier(number), tier.imr_bps, Relation::AtMost, BPS_ONE);
        }
    }

    fn initial_covers_target(&self, to: &mut To) {
        let highest = self.target_first_bps.max(self.target_again_bps);
        for (number, tier) in numbered(self.tiers()) {
            let initial = product(&[tier.imr_bps.into(), BPS_ONE.into()]);
            let needed = product(&[highest.into(), tier.mmr_bps.into()]);
            to.term("imr ≥ target × mmr", Place::Tier(number), initial, Relation::AtLeast, needed);
        }
    }

    fn ladder_health(&self, to: &mut To) {
        let ends = self.ladder.first().zip(self.ladder.last());
        let (top, bottom) = ends.map_or((0, 1), |(top, bottom)| (top.health_bps, bottom.health_bps));
        to.one("health of the first point = 1", top, Relation::Equal, BPS_ONE);
        to.one("health of the last point = 0", bottom, Relation::Equal, 0);
        for (number, before, point) in steps(&self.ladder) {
            let place = Place::Point(number);
            to.term("health < health before", place, point.health_bps, Relation::Less, before.health_bps);
        }
    }

    fn ladder_values(&self, to: &mut To) {
        for (number, before, point) in steps(&self.ladder) {
            let (higher, lower) = (point.penalty_bps_of_mmr, before.penalty_bps_of_mmr);
            to.term("penalty ≥ penalty before", Place::Point(number), higher, Relation::AtLeast, lower);
            let (shorter, longer) = (point.cooldown_slots, before.cooldown_slots);
            to.term("cooldown ≤ cooldown before", Place::Point(number), shorter, Relation::AtMost, longer);
        }
        for (number, point) in numbered(&self.ladder) {
            let (place, cap) = (Place::Point(number), point.cost_cap_bps_of_mmr);
            to.term("penalty ≤ κ₁", place, point.penalty_bps_of_mmr, Relation::AtMost, cap);
            to.term("κ₁ ≤ 1", place, cap, Relation::AtMost, BPS_ONE);
            to.term("cooldown within a year", place, point.cooldown_slots, Relation::AtMost, MAX_SLOTS);
        }
    }

    fn cost_cap_opens(&self, to: &mut To) {
        let (start, ramp) = (self.cost_cap_start_bps_of_mmr, self.cost_cap_ramp_bps_of_mmr_per_slot);
        to.one("κ₀ + ramp > 0", i128::from(start).saturating_add(i128::from(ramp)), Relation::More, 0);
        to.one("κ₀ ≤ 1", start, Relation::AtMost, BPS_ONE);
        to.one("ramp ≤ 1", ramp, Relation::AtMost, BPS_ONE);
    }

    fn sizes(&self, to: &mut To) {
        for (text, size) in [
            ("tick_size", self.tick_size_atoms_per_lot),
            ("min_order", self.min_order_base_lots),
            ("min_position", self.min_position_base_lots),
            ("min_slice", self.min_slice_base_lots),
            ("open_interest_cap", self.open_interest_cap_base_lots),
        ] {
            to.range(text, size, 1, MAX_BASE_LOTS);
        }
    }

    fn fees(&self, to: &mut To) {
        let (taker, maker) = (i64::from(self.taker_fee_ppm), i64::from(self.maker_fee_ppm));
        to.one("taker_fee ≤ 1%", taker, Relation::AtMost, MAX_FEE_PPM);
        to.one("maker_fee ≤ 1%", maker, Relation::AtMost, MAX_FEE_PPM);
        to.one("maker_fee + taker_fee ≥ 0", maker.saturating_add(taker), Relation::AtLeast, 0);
    }

    fn targets(&self, to: &mut To) {
        to.one("target_first > 1", self.target_first_bps, Relation::More, BPS_ONE);
        to.one("target_first ≤ 10", self.target_first_bps, Relation::AtMost, 100_000);
        if self.target_again_bps != 0 {
            to.one("target_again > 1", self.target_again_bps, Relation::More, BPS_ONE);
            to.one("target_again ≤ 10", self.target_again_bps, Relation::AtMost, 100_000);
        }
    }

    fn self_liquidation(&self, to: &mut To) {
        let penalty = self.ladder.first().map_or(0, |point| point.penalty_bps_of_mmr);
        let rate = self.tiers.first().map_or(0, |tier| tier.mmr_bps);
        let kept = BPS_ONE.saturating_sub(i64::from(self.keeper_tip_share_bps)).max(0);
        let insurance = product(&[penalty.into(), rate.into(), self.insurance_share_bps.into(), kept.into()]);
        // bps⁴ = 10^16 against ppm = 10^6.
        let fee = product(&[self.taker_fee_ppm.into(), 10_000_000_000]);
        let text = "penalty(1) × mmr₁ × insurance_share × (1 − keeper_tip_share) ≥ taker_fee × 10^10";
        to.one(text, insurance, Relation::AtLeast, fee);
    }

    fn throttle(&self, to: &mut To) {
        to.range("throttle_capacity", self.throttle_capacity_base_lots, 1, MAX_BASE_LOTS);
        to.one("throttle_refill ≥ 1", self.throttle_refill_slots, Relation::AtLeast, 1);
        let level = product(&[self.throttle_capacity_base_lots.into(), self.throttle_refill_slots.into()]);
        to.one("throttle_capacity × throttle_refill ≤ 2^62", level, Relation::AtMost, 1i128 << 62);
        to.range("throttle_bypass_health", self.throttle_bypass_health_bps, 1, BPS_ONE.saturating_sub(1));
    }

    fn periods(&self, to: &mut To) {
        to.range("cooloff", self.cooloff_slots, 1, MAX_SLOTS);
        to.one("reentry", self.reentry_slots, Relation::AtMost, MAX_SLOTS);
        to.one("throttle_refill", self.throttle_refill_slots, Relation::AtMost, MAX_SLOTS);
    }

    /// `S × slack ≥ μ × (open-interest cap × stress_share) × T`, the throughput inequality without its quotients.
    fn throughput(&self, to: &mut To) {
        let supply = product(&[self.throttle_capacity_base_lots.into(), self.stress_slack_scaled()]);
        let demand = product(&[
            self.stress_drift_ppm_per_slot.into(),
            self.open_interest_cap_base_lots.into(),
            self.stress_share_bps.into(),
            self.throttle_refill_slots.into(),
        ]);
        let text = "throttle_capacity × stress slack ≥ μ × open_interest_cap × stress_share × throttle_refill";
        to.one(text, supply, Relation::AtLeast, demand);
    }

    fn stress_inputs(&self, to: &mut To) {
        let soft_cap = self.ladder.first().map_or(0, |point| point.cost_cap_bps_of_mmr);
        let fourfold = product(&[self.stress_cost_bps_of_mmr.into(), 4]);
        to.range("stress_share", self.stress_share_bps, 1_000, BPS_ONE);
        to.one("4 × stress_cost ≥ κ₁ of point 1", fourfold, Relation::AtLeast, soft_cap);
        to.one("stress_drift > 0", self.stress_drift_ppm_per_slot, Relation::More, 0);
    }

    fn oracle(&self, to: &mut To) {
        let (age, max_age) = (self.oracle_fresh_age_seconds, self.oracle_max_age_seconds);
        to.one("fresh_age > 0", age, Relation::More, 0);
        to.one("fresh_age ≤ max_age", age, Relation::AtMost, max_age);
        for (text, seconds) in [
            ("max_age ≤ an hour", max_age),
            ("future_skew ≤ an hour", self.oracle_future_skew_seconds),
            ("leg_skew ≤ an hour", self.oracle_leg_skew_seconds),
        ] {
            to.one(text, seconds, Relation::AtMost, 3_600);
        }
        let (fresh, max) = (self.oracle_fresh_confidence_bps, self.oracle_max_confidence_bps);
        to.one("fresh_confidence > 0", fresh, Relation::More, 0);
        to.one("fresh_confidence ≤ max_confidence", fresh, Relation::AtMost, max);
        to.one("max_confidence < 1", max, Relation::Less, BPS_ONE);
        to.one("ema_bias_max < 1", self.oracle_ema_bias_max_bps, Relation::Less, BPS_ONE);
        to.one("frozen_bias < 1 a minute", self.oracle_frozen_bias_bps_per_minute, Relation::Less, BPS_ONE);
    }

    fn funding(&self, to: &mut To) {
        let (interval, gap) = (self.funding_interval_slots, self.funding_gap_slots);
        to.range("funding_impact", self.funding_impact_base_lots, 1, MAX_BASE_LOTS);
        to.one("funding_clamp < 1", self.funding_clamp_bps, Relation::Less, BPS_ONE);
        to.one("funding_interval ≥ 1", interval, Relation::AtLeast, 1);
        to.one("funding_interval ≤ funding_gap", interval, Relation::AtMost, gap);
        to.one("funding_gap ≤ funding_period", gap, Relation::AtMost, self.funding_period_slots);
        to.one("funding_period within a year", self.funding_period_slots, Relation::AtMost, MAX_SLOTS);
        // What whoever paints a premium loses to one taker, against what all of the open interest can earn by it until the next sample.
        let costs = product(&[self.funding_impact_base_lots.into(), self.funding_period_slots.into()]);
        let brings = product(&[self.open_interest_cap_base_lots.into(), interval.into()]);
        let text = "funding_impact × funding_period ≥ open_interest_cap × funding_interval";
        to.one(text, costs, Relation::AtLeast, brings);
    }
}
