//! Policies of liquidation, behind one trait. All see the same prices, accounts and book, and trade through the same engine; what differs is
//! how much is closed when, and what it costs.

mod caps;
mod hard;
mod hyperliquid;
mod taper;

use anyhow::Result;
use taper_engine::margin::{Health, Valuation};
use taper_engine::params::MarketParams;

use super::world::World;

pub use hard::Fee;

/// What decides about accounts in trouble.
pub trait Policy {
    /// The market's parameters under this policy, from what they are for Taper.
    fn params(&self, defaults: &MarketParams) -> MarketParams;

    /// True if every account asks for a full close, as its owner may.
    fn closes_in_full(&self) -> bool {
        false
    }

    /// True if it would act on an account now.
    ///
    /// # Errors
    /// Of the engine.
    fn wants(&self, world: &World, index: usize, mid: &Health) -> Result<bool>;

    /// Acts on one account, the worst first.
    ///
    /// # Errors
    /// Of the engine.
    fn act(&mut self, world: &mut World, index: usize) -> Result<()>;

    /// True while it may act on an account that is healthy.
    ///
    /// # Errors
    /// Of the engine.
    fn keeps_watching(&self, world: &World, index: usize) -> Result<bool>;
}

/// Unhealthy at the edge of the price's interval that favours the account: what all policies ask before they begin.
///
/// # Errors
/// Of the engine.
pub fn is_unhealthy(world: &World, index: usize) -> Result<bool> {
    Ok(world.health(index, Valuation::Favourable)?.is_below(10_000))
}

/// Baselines take over nobody: what they cannot sell before equity is gone is bad debt.
fn without_takeover(defaults: &MarketParams) -> MarketParams {
    MarketParams { takeover_health_bps: 0, ..*defaults }
}

/// A policy by name, with what it needs to be run.
#[derive(Clone, Debug)]
pub struct PolicyKind {
    pub name: String,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Idle,
    Hard(Fee),
    Hyperliquid,
    Caps,
    Taper,
    TaperWithoutTakeover,
    TaperFull,
    Given(Box<MarketParams>),
    HardAs(Box<MarketParams>),
}

/// Policies by name, and what they are.
pub const KNOWN: [(&str, &str); 10] = [
    ("none", "no liquidation at all but of bankrupt accounts"),
    ("hard-nofee", "the whole position at maintenance, at the market; no fee"),
    ("hard-taper-fee", "the same, with Taper's penalty: the control for what slicing alone does"),
    ("hard-1pct", "the same, with a fee of 1% of what is closed"),
    ("hyperliquid", "20% at the market, the rest 30 s later if still unhealthy; no fee"),
    ("dydx", "a tenth of the position a block, at most the fillable price, fee up to 1.5%"),
    ("taper", "Taper's defaults"),
    ("taper-no-takeover", "Taper's defaults without the takeover at low health"),
    ("taper-full", "Taper's defaults, every account asking for a full close: slices without mercy"),
    ("FILE.toml", "Taper with the ladder, target, caps, throttle and shares of a parameter file"),
];

/// The control that is always shown: Taper's fee, all at once.
pub const CONTROL: &str = "hard-taper-fee";
/// What is compared if nothing is said.
pub const DEFAULTS: [&str; 6] = ["hard-1pct", CONTROL, "hard-nofee", "hyperliquid", "dydx", "taper"];

impl PolicyKind {
    /// The policy of that name; `None` if there is none.
    pub fn named(name: &str) -> Option<Self> {
        let kind = match name {
            "none" => Kind::Idle,
            "hard-nofee" => Kind::Hard(Fee::None),
            "hard-taper-fee" => Kind::Hard(Fee::Ladder),
            "hard-1pct" => Kind::Hard(Fee::Ppm(10_000)),
            "hyperliquid" => Kind::Hyperliquid,
            "dydx" => Kind::Caps,
            "taper" => Kind::Taper,
            "taper-no-takeover" => Kind::TaperWithoutTakeover,
            "taper-full" => Kind::TaperFull,
            _ => return None,
        };
        Some(Self { name: name.to_owned(), kind })
    }

    /// Taper with given parameters: see [`adopt`].
    pub fn given(name: &str, params: MarketParams) -> Self {
        Self { name: name.to_owned(), kind: Kind::Given(Box::new(params)) }
    }

    /// The whole position at once, with the penalty that the parameters charge: what [`Self::given`] is to be held against.
    pub fn hard_with_fee_of(name: &str, params: MarketParams) -> Self {
        Self { name: name.to_owned(), kind: Kind::HardAs(Box::new(params)) }
    }

    /// The policy, ready for so many accounts.
    pub fn build(&self, accounts: usize) -> Box<dyn Policy> {
        match &self.kind {
            Kind::Idle => Box::new(Idle),
            Kind::Hard(fee) => Box::new(hard::Hard::new(*fee)),
            Kind::Hyperliquid => Box::new(hyperliquid::Hyperliquid::new(accounts)),
            Kind::Caps => Box::new(caps::Caps::new(accounts)),
            Kind::Taper => Box::new(taper::Taper::default()),
            Kind::TaperWithoutTakeover => Box::new(taper::Taper::without_takeover()),
            Kind::TaperFull => Box::new(taper::Taper::in_full()),
            Kind::Given(params) => Box::new(taper::Taper::with(params)),
            Kind::HardAs(params) => Box::new(hard::Hard::with_fee_of(params)),
        }
    }

    /// The parameters that a market would have under the policy.
    pub fn params(&self, defaults: &MarketParams) -> MarketParams {
        self.build(0).params(defaults)
    }
}

/// What is compared is liquidation, so margin, fees, ticks and sizes stay the market's own; of a file count the ladder, the cost cap, the
/// targets, the budget, the shares, the periods, the takeover, and the throttle in proportion to the open interest that it was made for.
pub fn adopt(file: &MarketParams, defaults: &MarketParams) -> MarketParams {
    let scaled = |lots: i64| -> i64 {
        let cap = i128::from(file.open_interest_cap_base_lots.max(1));
        let exact = i128::from(lots) * i128::from(defaults.open_interest_cap_base_lots) / cap;
        i64::try_from(exact).unwrap_or(i64::MAX).max(1)
    };
    MarketParams {
        ladder: file.ladder,
        throttle_capacity_base_lots: scaled(file.throttle_capacity_base_lots),
        min_slice_base_lots: scaled(file.min_slice_base_lots),
        throttle_refill_slots: file.throttle_refill_slots,
        throttle_bypass_health_bps: file.throttle_bypass_health_bps,
        cooloff_slots: file.cooloff_slots,
        reentry_slots: file.reentry_slots,
        cost_cap_start_bps_of_mmr: file.cost_cap_start_bps_of_mmr,
        cost_cap_ramp_bps_of_mmr_per_slot: file.cost_cap_ramp_bps_of_mmr_per_slot,
        target_first_bps: file.target_first_bps,
        target_again_bps: file.target_again_bps,
        episode_cost_budget_bps: file.episode_cost_budget_bps,
        insurance_share_bps: file.insurance_share_bps,
        keeper_tip_share_bps: file.keeper_tip_share_bps,
        takeover_health_bps: file.takeover_health_bps,
        stall_slots: file.stall_slots,
        // What a slice is expected to cost goes with the cap on it.
        stress_cost_bps_of_mmr: file.stress_cost_bps_of_mmr,
        ..*defaults
    }
}

/// Nobody is liquidated: what holding on would have brought, with bankrupt accounts resolved.
struct Idle;

impl Policy for Idle {
    fn params(&self, defaults: &MarketParams) -> MarketParams {
        without_takeover(defaults)
    }

    fn wants(&self, _: &World, _: usize, _: &Health) -> Result<bool> {
        Ok(false)
    }

    fn act(&mut self, _: &mut World, _: usize) -> Result<()> {
        Ok(())
    }

    fn keeps_watching(&self, _: &World, _: usize) -> Result<bool> {
        Ok(false)
    }
}
