//! Status, parameters, and the life of a market.

use bytemuck::allocation::zeroed_box;
use taper_engine::governance::{self, Limits};
use taper_engine::market::MarketState;
use taper_engine::modes::Action;
use taper_engine::params::MarketParams;
use taper_engine::settlement;
use taper_engine::EngineError;

use super::legs::{refused_at, require_mode};
use super::{EngineWorld, Venue};
use crate::op::Change;
use crate::outside::{Outcome, Outside, Refusal, DAY_SLOTS};

/// Least price of a lot at listing.
const LISTING_PRICE_MIN: i64 = 100_000;

/// Parameters with some fields changed.
pub fn changed(params: &MarketParams, change: &Change) -> MarketParams {
    let mut new = *params;
    if let Some(rates) = change.rates {
        for tier in new.tiers.iter_mut().take(params.tier_count as usize) {
            tier.mmr_bps = tier.mmr_bps.saturating_add_signed(rates);
            tier.imr_bps = tier.imr_bps.saturating_add_signed(rates);
        }
    }
    if let Some(cap) = change.position_cap {
        new.tiers[params.tier_count as usize - 1].notional_cap_atoms = cap;
    }
    new.open_interest_cap_base_lots = change.open_interest_cap.unwrap_or(new.open_interest_cap_base_lots);
    new.sweep_cap_atoms = change.sweep_cap.unwrap_or(new.sweep_cap_atoms);
    new.insurance_draw_cap_atoms = change.draw_cap.unwrap_or(new.insurance_draw_cap_atoms);
    new.insurance_grant_atoms = change.grant.unwrap_or(new.insurance_grant_atoms);
    new.taker_fee_ppm = change.taker_fee.unwrap_or(new.taker_fee_ppm);
    new.maker_fee_ppm = change.maker_fee.unwrap_or(new.maker_fee_ppm);
    new.profit_init_weight_bps = change.profit_weight.unwrap_or(new.profit_init_weight_bps);
    new.throttle_refill_slots = change.refill.unwrap_or(new.throttle_refill_slots);
    new.target_again_bps = change.target_again.unwrap_or(new.target_again_bps);
    new.tick_size_atoms_per_lot = change.tick.unwrap_or(new.tick_size_atoms_per_lot);
    new
}

impl EngineWorld {
    pub(super) fn effective_status(&self, market: usize, slot: u64) -> u8 {
        let venue = &self.venues[market];
        let closed = slot < venue.opens_slot || venue.state.settle_after_slot != 0;
        venue.status.max(self.exchange.status).max(u8::from(closed))
    }

    pub(super) fn holds_withdrawals(&self, slot: u64) -> bool {
        self.exchange.status == 2 && slot < self.exchange.paused_slot.saturating_add(DAY_SLOTS)
    }

    pub(super) fn set_status(
        &mut self,
        outside: &Outside,
        market: Option<usize>,
        status: u8,
        both: bool,
    ) -> Outcome<()> {
        if status > 2 {
            return Err(Refusal::InvalidArgument);
        }
        let before = market.map_or(self.exchange.status, |market| self.venues[market].status);
        if !(status > before || (both && status < before)) {
            return Err(Refusal::StatusNotTightened);
        }
        match market {
            Some(market) => self.venues[market].status = status,
            None => {
                let again = self.exchange.paused_slot.saturating_add(2 * DAY_SLOTS);
                if status == 2 && (self.exchange.paused_slot == 0 || outside.slot >= again) {
                    self.exchange.paused_slot = outside.slot;
                }
                self.exchange.status = status;
            }
        }
        Ok(())
    }

    pub(super) fn tighten(&mut self, outside: &Outside, market: usize, change: &Change) -> Outcome<()> {
        let limits = Limits {
            open_interest_cap_base_lots: change.open_interest_cap,
            position_cap_atoms: change.position_cap,
            sweep_cap_atoms: change.sweep_cap,
            insurance_draw_cap_atoms: change.draw_cap,
            insurance_grant_atoms: change.grant,
        };
        Ok(governance::tighten(&mut self.venues[market].state, &limits, outside.slot)?)
    }

    pub(super) fn change_params(&mut self, outside: &Outside, market: usize, change: &Change) -> Outcome<()> {
        let new = changed(&self.venues[market].state.params, change);
        self.set_params(outside, market, &new)
    }

    pub(super) fn set_params(&mut self, outside: &Outside, market: usize, new: &MarketParams) -> Outcome<()> {
        let applied = governance::apply_change(&mut self.venues[market].state, new, outside.slot)?;
        self.exchange.held += applied.held.0;
        Ok(())
    }

    pub(super) fn advance_ramp(&mut self, outside: &Outside, market: usize) -> Outcome<()> {
        Ok(governance::advance_ramp(&mut self.venues[market].state, outside.slot)?)
    }

    pub(super) fn wind_down(&mut self, outside: &Outside, market: usize) -> Outcome<()> {
        let state = &mut self.venues[market].state;
        if state.settle_after_slot != 0 {
            return Err(Refusal::AlreadyWindingDown);
        }
        state.settle_after_slot = outside.slot.saturating_add(outside.timelock_slots);
        Ok(())
    }

    pub(super) fn settle_market(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<()> {
        self.venues[market].state.require_due(outside.slot)?;
        let (_, is_listing) = outside.passed(market, oracles);
        let price = match self.live_price(outside, market, oracles) {
            Err(refusal) if !is_listing => return Err(refusal),
            price => price,
        };
        let venue = &mut self.venues[market];
        settlement::settle_market(&mut venue.state, &mut venue.book, price.as_ref().ok(), outside.slot).map_err(
            |refusal| match (refusal, &price) {
                (EngineError::OracleStale, Err(reason)) => *reason,
                (refusal, Err(_)) => refusal.into(),
                (refusal, Ok(price)) => refused_at(refusal, price.grade),
            },
        )?;
        if let Ok(price) = &price {
            venue.state.last_price.record(price, outside.slot)?;
        }
        Ok(())
    }

    /// Lists a further market; returns its number.
    pub(super) fn list_new(&mut self, outside: &Outside, params: &MarketParams, oracles: u8) -> Outcome<usize> {
        params.validate()?;
        let mut state: Box<MarketState> = zeroed_box();
        state.params = *params;
        let market = self.venues.len();
        self.venues.push(Venue { state, book: zeroed_box(), status: 0, opens_slot: outside.slot });
        self.list(outside, market, oracles)?;
        Ok(market)
    }

    /// A market's first price. Its state is zeroes and parameters.
    pub(super) fn list(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<()> {
        self.venues[market].opens_slot = outside.slot.saturating_add(outside.timelock_slots);
        let price = self.live_price(outside, market, oracles)?;
        require_mode(Action::ListMarket, price.grade)?;
        if price.price.0 < LISTING_PRICE_MIN {
            return Err(Refusal::ListingPriceTooSmall);
        }
        Ok(self.venues[market].state.last_price.record(&price, outside.slot)?)
    }

    pub(super) fn relist(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<()> {
        let venue = &mut self.venues[market];
        if !venue.state.is_over() {
            return Err(Refusal::MarketNotSettled);
        }
        let income = settlement::close_market(&mut venue.state, &venue.book)?;
        self.exchange.fees += income.fees.0;
        self.exchange.insurance += income.insurance.0;
        let params = venue.state.params;
        // Rows that were never used are zero already; the one after them is copied by whoever restores.
        let rows = venue.state.seats.touched_count as usize;
        let header = size_of_val(&*venue.state) - size_of_val(&venue.state.seats.rows);
        let used = header + rows * size_of::<taper_engine::seat::Seat>();
        bytemuck::bytes_of_mut(&mut *venue.state)[..used].fill(0);
        (venue.book.next_sequence, venue.book.bid_count, venue.book.ask_count) = (0, 0, 0);
        venue.state.params = params;
        venue.status = 0;
        self.list(outside, market, oracles)
    }
}
