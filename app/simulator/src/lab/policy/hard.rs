//! The whole position at once, at the market: what most venues do.

use anyhow::Result;
use taper_engine::ladder::{position_ppb_up, values_at, PPB_ONE};
use taper_engine::margin::{requirement, Health, Valuation};
use taper_engine::params::MarketParams;
use taper_engine::quantity::{BaseLots, QuoteAtoms, BPS_ONE};

use super::{is_unhealthy, without_takeover, Policy};
use crate::lab::world::{refused, World};

/// What is charged for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fee {
    None,
    /// Of the notional closed, in millionths, rounded down.
    Ppm(u32),
    /// Taper's penalty at the health before, on the requirement of what is closed, rounded down.
    Ladder,
}

/// The policy.
pub struct Hard {
    fee: Fee,
    /// Whose ladder and insurance share the fee follows; the defaults' if nobody's.
    given: Option<Box<MarketParams>>,
}

impl Hard {
    pub fn new(fee: Fee) -> Self {
        Self { fee, given: None }
    }

    /// Charges what the ladder of these parameters would.
    pub fn with_fee_of(params: &MarketParams) -> Self {
        Self { fee: Fee::Ladder, given: Some(Box::new(*params)) }
    }
}

impl Policy for Hard {
    fn params(&self, defaults: &MarketParams) -> MarketParams {
        let mut params = without_takeover(defaults);
        if let Some(given) = &self.given {
            params.ladder = given.ladder;
            params.insurance_share_bps = given.insurance_share_bps;
        }
        params
    }

    fn wants(&self, world: &World, index: usize, _: &Health) -> Result<bool> {
        is_unhealthy(world, index)
    }

    fn act(&mut self, world: &mut World, index: usize) -> Result<()> {
        let before = world.health(index, Valuation::Maintenance)?;
        let base = world.base(index)?;
        let sold = world.sell(index, base.abs().map_err(refused)?, None)?;
        if !sold.lots.is_positive() {
            return Ok(());
        }
        world.tally.caller_transactions += 1;
        let fee = match self.fee {
            Fee::None => return Ok(()),
            Fee::Ppm(ppm) => i128::from(sold.quote.0) * i128::from(ppm) / 1_000_000,
            Fee::Ladder => ladder_fee(&world.market.params, world, &before, base, sold.lots)?,
        };
        let insurance_bps = world.market.params.insurance_share_bps;
        world.charge(index, QuoteAtoms(i64::try_from(fee)?), insurance_bps)
    }

    fn keeps_watching(&self, _: &World, _: usize) -> Result<bool> {
        Ok(false)
    }
}

/// Penalty at this health, times what closing these lots frees of the requirement.
fn ladder_fee(params: &MarketParams, world: &World, before: &Health, base: BaseLots, closed: BaseLots) -> Result<i128> {
    let Some(position) = position_ppb_up(before) else { return Ok(0) };
    let values = values_at(params, position).map_err(refused)?;
    let size = base.abs().map_err(refused)?;
    let of = |lots: BaseLots| -> taper_engine::Result<i128> {
        Ok(requirement(params, world.price.price.notional(lots)?, false)?.0)
    };
    let freed = of(size).map_err(refused)? - of(size.sub(closed).map_err(refused)?).map_err(refused)?;
    Ok(freed * i128::from(values.penalty_ppb_of_mmr) / i128::from(PPB_ONE) / i128::from(BPS_ONE))
}
