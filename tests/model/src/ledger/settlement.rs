//! Section 21: the life of a market.

use taper_engine::params::MarketParams;
use taper_engine::EngineError as E;

use super::number::{compare, Z};
use super::oracle::{Grade, Need, Price};
use super::{Ledger, Market};
use crate::outside::{Outcome, Outside, Refusal, DAY_SLOTS};

/// Least price of a lot at listing.
const LISTING_PRICE_MIN: Z = 100_000;

impl Ledger {
    /// Refuses a market that is not open for risk.
    pub(super) fn require_open(&self, outside: &Outside, market: usize) -> Outcome<()> {
        let row = &self.markets[market];
        let closed = outside.slot < row.opens_slot || row.settle_after != 0;
        match (self.status, row.status.max(self.status), closed) {
            (2, _, _) => Err(Refusal::ExchangePaused),
            (_, 2, _) => Err(Refusal::MarketPaused),
            (_, 0, false) => Ok(()),
            _ if outside.slot < row.opens_slot => Err(Refusal::MarketNotOpen),
            _ => Err(E::ReduceOnly.into()),
        }
    }

    pub(super) fn wind_down(&mut self, outside: &Outside, market: usize) -> Outcome<()> {
        let row = &mut self.markets[market];
        if row.settle_after != 0 {
            return Err(Refusal::AlreadyWindingDown);
        }
        row.settle_after = outside.slot.saturating_add(outside.timelock_slots);
        Ok(())
    }

    /// The final price.
    fn final_price(&self, outside: &Outside, market: usize, price: Outcome<Price>, is_listing: bool) -> Outcome<Z> {
        let row = &self.markets[market];
        let a_day_late = outside.slot >= row.settle_after.saturating_add(DAY_SLOTS);
        match price {
            Ok(price) => {
                if price.grade == Grade::Degraded && !a_day_late {
                    return Err(Refusal::OracleDegraded);
                }
                let apart = (price.ema - price.price).abs();
                if compare(&[apart, 10_000], &[price.price, row.params.tiers[0].mmr_bps.into()]).is_gt() {
                    return Err(E::OracleAverageTooFar.into());
                }
                Ok(price.ema)
            }
            Err(refusal) if !is_listing => Err(refusal),
            Err(refusal) => {
                let is_silent = outside.slot >= row.last.slot.saturating_add(DAY_SLOTS);
                if a_day_late && is_silent && row.last.price > 0 {
                    Ok(row.last.price)
                } else {
                    Err(refusal)
                }
            }
        }
    }

    pub(super) fn settle_market(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<()> {
        let row = &self.markets[market];
        if row.final_price > 0 {
            return Err(E::MarketSettled.into());
        }
        if row.settle_after == 0 {
            return Err(E::NotWindingDown.into());
        }
        if outside.slot < row.settle_after {
            return Err(E::SettlementTooEarly.into());
        }
        let (_, is_listing) = outside.passed(market, oracles);
        let price = self.live_price(outside, market, oracles);
        let final_price = self.final_price(outside, market, price, is_listing)?;
        let row = &mut self.markets[market];
        row.accrue(outside.slot);
        for seat in 0..row.seats.len() {
            if row.seats[seat].as_ref().is_some_and(|seat| seat.base != 0) {
                row.settle(seat);
            }
        }
        for seat in row.seats.iter_mut().flatten() {
            seat.realised += seat.base * final_price + seat.entry;
            (seat.base, seat.entry, seat.borne) = (0, 0, 0);
            (seat.bid_lots, seat.ask_lots, seat.bid_extreme, seat.ask_extreme) = (0, 0, 0, 0);
            (seat.quotes, seat.counts) = ([0; 2], [0; 2]);
        }
        row.book = [Vec::new(), Vec::new()];
        row.funding.rate = 0;
        // Nobody owes anything to the pool any more: what it holds is the residue.
        row.final_price = final_price;
        if let Ok(price) = price {
            self.remember(outside, market, &price);
        }
        Ok(())
    }

    /// Lists a further market.
    pub(super) fn list_new(&mut self, outside: &Outside, params: MarketParams, oracles: u8) -> Outcome<usize> {
        params.validate()?;
        self.markets.push(Market::new(params));
        let market = self.markets.len() - 1;
        self.list(outside, market, oracles)?;
        Ok(market)
    }

    /// A market's first price.
    pub(super) fn list(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<()> {
        self.markets[market].opens_slot = outside.slot.saturating_add(outside.timelock_slots);
        let price = self.live_price(outside, market, oracles)?;
        price.require(Need::Live)?;
        if price.price < LISTING_PRICE_MIN {
            return Err(Refusal::ListingPriceTooSmall);
        }
        self.remember(outside, market, &price);
        Ok(())
    }

    pub(super) fn relist(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<()> {
        let row = &self.markets[market];
        if row.final_price == 0 && row.was_used {
            return Err(Refusal::MarketNotSettled);
        }
        if row.taken() > 0 || row.unassigned > 0 || !row.book.iter().all(Vec::is_empty) {
            return Err(E::MarketNotEmpty.into());
        }
        self.take_income(market);
        self.markets[market] = Market::new(self.markets[market].params);
        self.list(outside, market, oracles)
    }
}
