//! dYdX v4's: in each block at most a tenth of the position (at least 1,000 USD of it) and 100,000 USD an account, at no worse than the
//! *fillable price*, until health is 1 again. Its fee, up to 1.5%, goes to insurance.
//!
//! ```text
//! fillable price of a long = P × (1 − 1.5 × (1 − health) × maintenance rate)        a short: +
//! ```
//!
//! The rules are those of `x/clob` in dydxprotocol/v4-chain. The numbers are settings of governance, given here as we know them and not
//! checked against its chain; the code's own defaults are a whole position, no cap on the account, a fee of 0.5% and a spread of 0.1.

use anyhow::Result;
use taper_engine::margin::{Health, Valuation};
use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};

use super::{is_unhealthy, without_takeover, Policy};
use crate::lab::world::{refused, World};

const BLOCK_MS: i64 = 1_200;
const PORTION: i64 = 10;
const LEAST_ATOMS: i64 = 1_000_000_000;
const MOST_ATOMS: i64 = 100_000_000_000;
const FEE_PPM: i128 = 15_000;
/// The spread, in tenths of the maintenance margin.
const SPREAD_TENTHS: i128 = 15;
/// All of the fee is insurance's.
const INSURANCE_BPS: u32 = 10_000;

/// The policy.
pub struct Caps {
    /// Last block in which an account was sold from.
    blocks: Vec<i64>,
}

impl Caps {
    pub fn new(accounts: usize) -> Self {
        Self { blocks: vec![0; accounts] }
    }
}

impl Policy for Caps {
    fn params(&self, defaults: &MarketParams) -> MarketParams {
        without_takeover(defaults)
    }

    fn wants(&self, world: &World, index: usize, _: &Health) -> Result<bool> {
        is_unhealthy(world, index)
    }

    fn act(&mut self, world: &mut World, index: usize) -> Result<()> {
        let block = world.time_ms.div_euclid(BLOCK_MS);
        let Some(last) = self.blocks.get_mut(index) else { return Ok(()) };
        // Prices are posted every other block: those in between are made up for, two at most.
        let passed = (block - *last).clamp(0, 2);
        *last = block;
        let base = world.base(index)?;
        let (size, price) = (base.abs().map_err(refused)?, world.price.price);
        let least = LEAST_ATOMS / price.0.max(1);
        let most = (MOST_ATOMS / price.0.max(1)).min((size.0 / PORTION).max(least)) * passed;
        let limit = fillable(world, index, base)?;
        let sold = world.sell(index, BaseLots(most), Some(limit))?;
        if !sold.lots.is_positive() {
            return Ok(());
        }
        world.tally.caller_transactions += 1;
        let fee = i64::try_from(i128::from(sold.quote.0) * FEE_PPM / 1_000_000)?;
        world.charge(index, QuoteAtoms(fee), INSURANCE_BPS)
    }

    fn keeps_watching(&self, _: &World, _: usize) -> Result<bool> {
        Ok(false)
    }
}

/// The worst price that a liquidation may fill at. Its distance is in proportion to what of the maintenance margin is lost.
fn fillable(world: &World, index: usize, base: BaseLots) -> Result<Price> {
    let health = world.health(index, Valuation::Maintenance)?;
    let price = world.price.price.0;
    let required = health.requirement.to_atoms_down();
    let lost = (required - health.equity.0.max(0)).max(0);
    // 1.5 × (M − E) ÷ M × M ÷ size: the requirement cancels out.
    let size = i128::from(base.0.abs().max(1));
    let spread = i64::try_from(i128::from(lost) * SPREAD_TENTHS / 10 / size)?;
    Ok(match Side::reducing(base) {
        Some(Side::Bid) => Price(price.saturating_add(spread)),
        _ => Price((price - spread).max(1)),
    })
}
