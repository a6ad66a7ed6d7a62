//! Taper: slices of the engine, and the keeper of the replay, which flags accounts whose clock has to run before depth comes within reach.

use anyhow::Result;
use taper_engine::episode::Target;
use taper_engine::liquidate::LiquidationRequest;
use taper_engine::margin::Health;
use taper_engine::params::MarketParams;
use taper_engine::quantity::QuoteAtoms;
use taper_engine::EngineError;

use super::{adopt, is_unhealthy, Policy};
use crate::lab::world::{refused, World};
use crate::replay::liquidator::{CLOCK_SLOTS, FLAG_SLOTS, LEAST_INCOME_ATOMS, PATIENCE_SLOTS};

/// The policy.
#[derive(Default)]
pub struct Taper {
    given: Option<Box<MarketParams>>,
    takeover_off: bool,
    in_full: bool,
}

impl Taper {
    pub fn with(params: &MarketParams) -> Self {
        Self { given: Some(Box::new(*params)), ..Self::default() }
    }

    pub fn without_takeover() -> Self {
        Self { takeover_off: true, ..Self::default() }
    }

    pub fn in_full() -> Self {
        Self { in_full: true, ..Self::default() }
    }
}

impl Policy for Taper {
    fn params(&self, defaults: &MarketParams) -> MarketParams {
        let mut params = self.given.as_ref().map_or(*defaults, |given| adopt(given, defaults));
        if self.takeover_off {
            params.takeover_health_bps = 0;
        }
        params
    }

    fn closes_in_full(&self) -> bool {
        self.in_full
    }

    fn wants(&self, world: &World, index: usize, mid: &Health) -> Result<bool> {
        let mut episode = world.trader(index)?.account.episode;
        episode.expire(world.slot, &world.market.params);
        Ok(match episode.target(&world.market.params) {
            Some(Target::Ratio(ratio)) => mid.is_below(ratio),
            Some(Target::Full) => true,
            None => is_unhealthy(world, index)?,
        })
    }

    fn act(&mut self, world: &mut World, index: usize) -> Result<()> {
        let base = world.base(index)?;
        // The engine refuses in a cooldown and changes nothing: no need to ask it.
        if world.slot < world.trader(index)?.account.cooldown_until_slot {
            return Ok(());
        }
        let request = LiquidationRequest {
            caller_max: base.abs().map_err(refused)?,
            expected_base: base,
            min_payout: QuoteAtoms(LEAST_INCOME_ATOMS),
            deadline_slot: world.slot + PATIENCE_SLOTS,
        };
        match world.slice(index, &request)? {
            Ok(_) => Ok(()),
            Err(EngineError::NoFillInsideCap | EngineError::SliceTooSmall | EngineError::PayoutTooLow) => {
                self.flag(world, index)
            }
            Err(EngineError::InvariantViolated | EngineError::MathOverflow) => {
                anyhow::bail!("the engine cannot slice account {index}")
            }
            Err(_) => Ok(()),
        }
    }

    fn keeps_watching(&self, world: &World, index: usize) -> Result<bool> {
        let mut episode = world.trader(index)?.account.episode;
        episode.expire(world.slot, &world.market.params);
        Ok(episode.is_active())
    }
}

impl Taper {
    /// Keeps the clock of the account's episode running, which raises its cost cap: what lies too deep now comes within it.
    fn flag(&self, world: &mut World, index: usize) -> Result<()> {
        let episode = world.trader(index)?.account.episode;
        let rested = world.slot - episode.last_unhealthy_slot >= FLAG_SLOTS;
        if episode.is_active() && (episode.clock_slots >= CLOCK_SLOTS || !rested) {
            return Ok(());
        }
        world.flag(index)
    }
}
