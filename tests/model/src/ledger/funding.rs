//! Section 22: funding.

use taper_engine::EngineError as E;

use super::number::{floor, toward_zero, Z};
use super::oracle::{Need, Price};
use super::seat::SCALE;
use super::{Ledger, Market};
use crate::outside::{Outcome, Outside};

/// Funding of a market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funding {
    /// What a long lot has paid, in 2^-20 atoms.
    pub index: Z,
    /// Its growth per slot.
    pub rate: Z,
    /// Slot to which it has moved.
    pub accrued: u64,
    /// Slot of the last sample.
    pub sampled: u64,
    /// The last sample.
    pub premium: Z,
}

impl Market {
    /// The index in this slot.
    pub fn funding_index_at(&self, slot: u64) -> Z {
        let funding = &self.funding;
        let end = slot.min(funding.sampled.saturating_add(self.params.funding_gap_slots.into()));
        funding.index + funding.rate * Z::from(end.saturating_sub(funding.accrued))
    }

    /// Moves the index to this slot.
    pub fn accrue(&mut self, slot: u64) {
        self.funding.index = self.funding_index_at(slot);
        self.funding.accrued = self.funding.accrued.max(slot);
    }

    /// Sum of the prices at which so many lots could be traded with a side of the book; `None` without that depth.
    fn impact(&self, side: usize, price: &Price, slot: u64) -> Option<Z> {
        let mut left = Z::from(self.params.funding_impact_base_lots);
        let mut sum = 0;
        for order in &self.book[side] {
            let counts = order.placed < slot && !order.is_expired(slot) && !order.reduce_only;
            if !counts || self.is_out_of_band(side, order.price, price.price) {
                continue;
            }
            let lots = order.lots.min(left);
            sum += lots * order.price;
            left -= lots;
            if left == 0 {
                return Some(sum);
            }
        }
        None
    }

    fn premium(&self, price: &Price, slot: u64) -> Z {
        let lots = Z::from(self.params.funding_impact_base_lots);
        let clamp = floor(price.ema * Z::from(self.params.funding_clamp_bps), 10_000);
        let above = self.impact(0, price, slot).map_or(0, |bids| (bids - lots * price.ema).max(0));
        let below = self.impact(1, price, slot).map_or(0, |asks| (lots * price.ema - asks).max(0));
        (floor(above, lots) - floor(below, lots)).clamp(-clamp, clamp)
    }
}

impl Ledger {
    pub(super) fn sample(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<()> {
        let price = self.live_price(outside, market, oracles)?;
        price.require(Need::Fresh)?;
        self.remember(outside, market, &price);
        let slot = outside.slot;
        let row = &mut self.markets[market];
        if row.final_price > 0 {
            return Err(E::MarketSettled.into());
        }
        let passed = slot.saturating_sub(row.funding.sampled);
        if passed < row.params.funding_interval_slots.into() && row.funding.sampled != 0 {
            return Err(E::FundingTooSoon.into());
        }
        row.accrue(slot);
        let premium = row.premium(&price, slot);
        let last = if passed <= row.params.funding_gap_slots.into() { row.funding.premium } else { 0 };
        let lesser = match premium.signum() * last.signum() {
            1 => premium.signum() * premium.abs().min(last.abs()),
            _ => 0,
        };
        row.funding.rate = toward_zero(lesser * SCALE, row.params.funding_period_slots.into());
        (row.funding.premium, row.funding.sampled) = (premium, slot);
        Ok(())
    }
}
