//! Which accounts have to be looked at. An account that is healthy and at rest has one price at which it stops being so, found with the
//! engine's own health; until the posted price passes it nothing can happen to the account, so nothing is computed.
//!
//! That is exact: `E − M` of a single leg rises with the price for a long and falls for a short, because no maintenance rate reaches 100%.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use anyhow::Result;
use taper_engine::margin::Valuation;
use taper_engine::oracle::OraclePrice;
use taper_engine::quantity::{Price, MAX_NOTIONAL_ATOMS, MAX_PRICE_ATOMS_PER_LOT};

use super::world::World;

/// One at rest: its trigger, its place, and the version of the trigger.
type Resting = (i64, usize, u64);

/// The watch over all accounts.
#[derive(Default)]
pub struct Watch {
    /// Longs: unhealthy below their trigger; the highest first.
    longs: BinaryHeap<Resting>,
    /// Shorts: unhealthy above their trigger; the lowest first.
    shorts: BinaryHeap<Reverse<Resting>>,
    /// Version of each account's trigger; older ones in the heaps count no more.
    versions: Vec<u64>,
    /// Accounts that are looked at every time, in order of their places.
    hot: Vec<usize>,
    is_hot: Vec<bool>,
}

impl Watch {
    /// A watch over so many accounts, none of which rests yet.
    pub fn new(accounts: usize) -> Self {
        Self { versions: vec![0; accounts], is_hot: vec![false; accounts], ..Self::default() }
    }

    /// The accounts to look at, by place, after the posted price has passed some triggers.
    pub fn look(&mut self, price: &OraclePrice) -> &[usize] {
        let (high, low) = (price.price.0.saturating_add(price.confidence.0), price.price.0 - price.confidence.0);
        let mut woken = Vec::new();
        while let Some(&(trigger, index, version)) = self.longs.peek() {
            if high.min(MAX_PRICE_ATOMS_PER_LOT) >= trigger {
                break;
            }
            self.longs.pop();
            woken.push((index, version));
        }
        while let Some(&Reverse((trigger, index, version))) = self.shorts.peek() {
            if low.max(1) <= trigger {
                break;
            }
            self.shorts.pop();
            woken.push((index, version));
        }
        for (index, version) in woken {
            if self.versions.get(index) == Some(&version) {
                self.heat(index);
            }
        }
        &self.hot
    }

    /// Has an account looked at every time.
    pub fn heat(&mut self, index: usize) {
        let Some(is_hot) = self.is_hot.get_mut(index) else { return };
        if !*is_hot {
            *is_hot = true;
            let place = self.hot.partition_point(|other| *other < index);
            self.hot.insert(place, index);
        }
    }

    /// Those looked at every time.
    pub fn hot(&self) -> &[usize] {
        &self.hot
    }

    /// Lets an account rest until its trigger is passed; one without a position for good.
    ///
    /// # Errors
    /// Of the engine.
    pub fn rest(&mut self, world: &World, index: usize) -> Result<()> {
        if let Some(is_hot) = self.is_hot.get_mut(index) {
            if std::mem::take(is_hot) {
                self.hot.retain(|other| *other != index);
            }
        }
        self.renew(world, index)
    }

    /// Finds the trigger of an account at rest anew. For one that is hot there is nothing to do.
    ///
    /// # Errors
    /// Of the engine.
    pub fn renew(&mut self, world: &World, index: usize) -> Result<()> {
        if self.is_hot.get(index).copied().unwrap_or(true) {
            return Ok(());
        }
        let Some(version) = self.versions.get_mut(index) else { return Ok(()) };
        *version += 1;
        let version = *version;
        let base = world.base(index)?.0;
        if base > 0 {
            let trigger = trigger(world, index, base)?;
            self.longs.push((trigger, index, version));
        } else if base < 0 {
            let trigger = trigger(world, index, base)?;
            self.shorts.push(Reverse((trigger, index, version)));
        }
        Ok(())
    }
}

/// For a long the lowest price at which it is healthy, for a short the highest; beyond the range of prices where there is none.
///
/// # Errors
/// Of the engine.
pub fn trigger(world: &World, index: usize, base: i64) -> Result<i64> {
    let unhealthy = |price: i64| -> Result<bool> {
        let at = OraclePrice { price: Price(price), confidence: Price(0), ema: Price(price), ..world.price };
        Ok(world.health_at(index, &at, Valuation::Maintenance)?.is_below(10_000))
    };
    let (mut low, mut high) = (0, MAX_PRICE_ATOMS_PER_LOT.min(MAX_NOTIONAL_ATOMS / base.abs()) + 1);
    // Invariant: a long is unhealthy at `low` and healthy at `high`, a short the other way, both ends assumed.
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if unhealthy(middle)? == (base > 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(if base > 0 { high } else { low })
}
