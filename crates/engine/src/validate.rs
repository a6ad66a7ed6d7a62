//! Every inequality that a market's parameters must satisfy, each with a name. Checked as a whole at every change.
//!
//! A rule is a list of comparisons of two numbers ([`Term`]). What refuses parameters and what explains them are the same list.

mod terms;

use core::fmt;

use crate::error::{EngineError, Result};
use crate::params::MarketParams;
use crate::quantity::BPS_ONE;

/// Largest notional of a position, in quote atoms: a quarter of the engine's bound, so that the price may quadruple.
pub const MAX_TIER_NOTIONAL_ATOMS: u64 = 1 << 50;

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

impl Rule {
    /// Every rule, in order.
    #[rustfmt::skip]
    pub const ALL: [Rule; 29] = [
        Rule::TierEdges, Rule::TierRates, Rule::InitialCoversTarget, Rule::LadderHealth, Rule::LadderValues,
        Rule::CostCapOpens, Rule::Sizes, Rule::SliceFitsShare, Rule::SliceFitsFills, Rule::LotExponent, Rule::Fees,
        Rule::MakerBand, Rule::Targets, Rule::Shares, Rule::SelfLiquidation, Rule::Throttle, Rule::Periods,
        Rule::StressSlack, Rule::Throughput, Rule::StressInputs, Rule::Oracle, Rule::Pool, Rule::Takeover,
        Rule::Insurance, Rule::KeeperTip, Rule::Funding, Rule::RankWindow, Rule::Ramp, Rule::Reserved,
    ];
}

/// How the two sides of a [`Term`] must compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `left < right`.
    Less,
    /// `left ≤ right`.
    AtMost,
    /// `left = right`.
    Equal,
    /// `left ≥ right`.
    AtLeast,
    /// `left > right`.
    More,
}

impl Relation {
    /// Its sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Relation::Less => "<",
            Relation::AtMost => "≤",
            Relation::Equal => "=",
            Relation::AtLeast => "≥",
            Relation::More => ">",
        }
    }
}

/// What a [`Term`] is about, when there are several of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The market as a whole.
    Market,
    /// A margin tier, counted from 1.
    Tier(usize),
    /// A point of the ladder, counted from 1.
    Point(usize),
}

/// One comparison of a rule, with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// What is compared, in the words of the specification.
    pub text: &'static str,
    /// Of which tier or point.
    pub place: Place,
    /// Left side.
    pub left: i128,
    /// How it must compare with the right one.
    pub relation: Relation,
    /// Right side.
    pub right: i128,
}

impl Term {
    /// Whether it holds.
    pub fn holds(&self) -> bool {
        match self.relation {
            Relation::Less => self.left < self.right,
            Relation::AtMost => self.left <= self.right,
            Relation::Equal => self.left == self.right,
            Relation::AtLeast => self.left >= self.right,
            Relation::More => self.left > self.right,
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Market => {}
            Place::Tier(number) => write!(to, "tier {number}: ")?,
            Place::Point(number) => write!(to, "point {number}: ")?,
        }
        write!(to, "{}: {} {} {}", self.text, self.left, self.relation.sign(), self.right)
    }
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
        Rule::ALL.iter().copied().find(|rule| !self.holds(*rule))
    }

    /// Whether every comparison of a rule holds.
    pub fn holds(&self, rule: Rule) -> bool {
        let mut all = true;
        self.terms(rule, &mut |term| all &= term.holds());
        all
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
}

#[cfg(test)]
mod tests;
