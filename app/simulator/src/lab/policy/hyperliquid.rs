//! Hyperliquid's: a fifth of the position at the market first; if the account is still unhealthy 30 s later, the rest. No fee.
//!
//! Hyperliquid does so for positions above 100,000 USD; here for all, because the markets of the laboratory are small. Its documentation can
//! also be read so that the rest goes at once within the 30 s; then it is closer to `hard-nofee`. Its vault, which takes whole accounts over
//! below two thirds of maintenance and keeps their margin, is left out: it would only lower what its accounts retain.

use anyhow::Result;
use taper_engine::margin::Health;
use taper_engine::params::MarketParams;
use taper_engine::quantity::BaseLots;

use super::{is_unhealthy, without_takeover, Policy};
use crate::lab::world::{refused, World};

const FIRST_PERCENT: i64 = 20;
const WAIT_MS: i64 = 30_000;

/// When an account was sold from first, and when it was last found unhealthy.
#[derive(Clone, Copy, Debug)]
struct Begun {
    first_ms: i64,
    last_ms: i64,
}

/// The policy.
pub struct Hyperliquid {
    begun: Vec<Option<Begun>>,
}

impl Hyperliquid {
    pub fn new(accounts: usize) -> Self {
        Self { begun: vec![None; accounts] }
    }
}

impl Policy for Hyperliquid {
    fn params(&self, defaults: &MarketParams) -> MarketParams {
        without_takeover(defaults)
    }

    fn wants(&self, world: &World, index: usize, _: &Health) -> Result<bool> {
        is_unhealthy(world, index)
    }

    fn act(&mut self, world: &mut World, index: usize) -> Result<()> {
        let now = world.time_ms;
        let size = world.base(index)?.abs().map_err(refused)?;
        let Some(begun) = self.begun.get_mut(index) else { return Ok(()) };
        // Whoever has been healthy for as long as the wait begins anew.
        let running = begun.filter(|begun| now - begun.last_ms <= WAIT_MS);
        let most = match running {
            None => BaseLots((size.0 * FIRST_PERCENT + 99) / 100),
            Some(begun) if now - begun.first_ms >= WAIT_MS => size,
            Some(_) => BaseLots::ZERO,
        };
        *begun = Some(Begun { first_ms: running.map_or(now, |begun| begun.first_ms), last_ms: now });
        if most.is_positive() && world.sell(index, most, None)?.lots.is_positive() {
            world.tally.caller_transactions += 1;
        }
        Ok(())
    }

    fn keeps_watching(&self, _: &World, _: usize) -> Result<bool> {
        Ok(false)
    }
}
