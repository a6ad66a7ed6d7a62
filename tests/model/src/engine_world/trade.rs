//! Cash, orders, seats, funding.

use taper_engine::book::OrderId;
use taper_engine::cash;
use taper_engine::deficit::check_vault;
use taper_engine::episode::owner_acted;
use taper_engine::funding;
use taper_engine::liquidate::account_health;
use taper_engine::margin::Valuation;
use taper_engine::matching::SelfTrade;
use taper_engine::modes::Action;
use taper_engine::oracle::{Grade, OraclePrice};
use taper_engine::orders::{self, CancelHealth, OrderContext, OrderKind, OrderRequest};
use taper_engine::quantity::{BaseLots, Price, QuoteAtoms, Side};
use taper_engine::sweep;
use taper_engine::EngineError;

use super::legs::{require_mode, Legs};
use super::{owner, EngineWorld};
use crate::op::Order;
use crate::outside::{Outcome, Outside, Refusal};

fn side_of(code: u8) -> Outcome<Side> {
    match code {
        0 => Ok(Side::Bid),
        1 => Ok(Side::Ask),
        _ => Err(Refusal::InvalidArgument),
    }
}

/// Slot in which an order expires, from the slots that it has left.
pub fn expiry(slot: u64, expires_in: i64) -> u64 {
    match expires_in {
        0 => 0,
        left => slot.saturating_add_signed(left),
    }
}

fn request(order: &Order, slot: u64) -> Outcome<OrderRequest> {
    let kind = match order.kind {
        0 => OrderKind::Limit,
        1 => OrderKind::PostOnly,
        2 => OrderKind::ImmediateOrCancel,
        3 => OrderKind::FillOrKill,
        _ => return Err(Refusal::InvalidArgument),
    };
    let self_trade = match order.self_trade {
        0 => SelfTrade::CancelResting,
        1 => SelfTrade::CancelTaking,
        2 => SelfTrade::DecrementBoth,
        _ => return Err(Refusal::InvalidArgument),
    };
    Ok(OrderRequest {
        side: side_of(order.side)?,
        kind,
        price: Price(order.price),
        lots: BaseLots(order.lots),
        reduce_only: order.reduce_only,
        client_order_id: 0,
        expires_at_slot: expiry(slot, order.expires_in),
        self_trade,
    })
}

impl EngineWorld {
    pub(super) fn deposit(
        &mut self,
        outside: &Outside,
        who: usize,
        amount: u64,
        legs: Option<u8>,
        oracles: u8,
    ) -> Outcome<()> {
        let atoms = cash::amount(amount)?;
        self.accounts[who].state.credit(atoms)?;
        let has_legs = self.accounts[who].positions.iter().any(Option::is_some);
        if let Some(writable) = legs.filter(|_| has_legs) {
            self.sweep_legs(outside, who, writable)?;
            let legs = self.value(outside, who, None, oracles, Action::ObserveDeposit)?;
            if let Some(totals) = legs.initial() {
                let state = &mut self.accounts[who].state;
                let health = totals.with_cash(QuoteAtoms(state.cash_atoms))?;
                owner_acted(state, &health, outside.slot);
            }
        }
        self.exchange.vault = self.exchange.vault.checked_add(amount).ok_or(EngineError::MathOverflow)?;
        Ok(())
    }

    pub(super) fn withdraw(
        &mut self,
        outside: &Outside,
        who: usize,
        amount: u64,
        writable: u8,
        oracles: u8,
    ) -> Outcome<()> {
        self.sweep_legs(outside, who, writable)?;
        if self.holds_withdrawals(outside.slot) {
            return Err(Refusal::ExchangePaused);
        }
        let legs = self.value(outside, who, None, oracles, Action::Withdraw)?;
        self.accounts[who].state.withdraw(amount, legs.require_initial()?)?;
        check_vault(self.exchange.vault, amount, self.uncovered())?;
        self.exchange.vault -= amount;
        Ok(())
    }

    pub(super) fn place(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        order: &Order,
        oracles: u8,
    ) -> Outcome<()> {
        let request = request(order, outside.slot)?;
        self.venues[market].state.require_unsettled()?;
        let price = self.use_price(outside, market, oracles)?;
        let legs = self.value(outside, who, Some((market, &price)), oracles, Action::BesideAddedRisk)?;
        let (seat, is_new) = self.seat_or_new(who, market, false)?;
        self.touch(outside, who, market, seat)?;
        let status = self.effective_status(market, outside.slot);
        let context = OrderContext {
            slot: outside.slot,
            price,
            others_initial: legs.initial(),
            others_maintenance: legs.maintenance,
            reduce_only_market: status != 0,
            owner: owner(who),
        };
        self.clear_logs();
        let venue = &mut self.venues[market];
        let account = &mut self.accounts[who].state;
        let placed =
            orders::place_order(&mut venue.state, &mut venue.book, account, seat, &request, &context, &mut self.log);
        let summary = match placed {
            Ok(summary) => summary,
            Err(refusal) => return Err(self.specific(outside, market, refusal.into(), &price, &legs)),
        };
        if is_new && !summary.added_risk {
            legs.require_initial()?;
            let health = summary.initial_health_after.ok_or(EngineError::InitialHealthTooLow)?;
            health.require_initial()?;
        }
        self.sweep(outside, who, market, seat)?;
        if let Some(health) = summary.initial_health_after {
            if !summary.added_risk && summary.filled.is_positive() {
                owner_acted(&mut self.accounts[who].state, &health, outside.slot);
            }
        }
        Ok(())
    }

    /// Where the engine knows only that risk may not be added, says why.
    fn specific(
        &self,
        outside: &Outside,
        market: usize,
        refusal: Refusal,
        price: &OraclePrice,
        legs: &Legs,
    ) -> Refusal {
        let status = self.effective_status(market, outside.slot);
        match refusal {
            Refusal::Engine(EngineError::ReduceOnly) if self.exchange.status == 2 => Refusal::ExchangePaused,
            Refusal::Engine(EngineError::ReduceOnly) if status == 2 => Refusal::MarketPaused,
            Refusal::Engine(EngineError::ReduceOnly) if outside.slot < self.venues[market].opens_slot => {
                Refusal::MarketNotOpen
            }
            Refusal::Engine(EngineError::OracleStale) if price.grade != Grade::Fresh => Refusal::OracleDegraded,
            Refusal::Engine(EngineError::OracleStale) => legs.refusal().unwrap_or(refusal),
            other => other,
        }
    }

    pub(super) fn cancel(&mut self, who: usize, market: usize, side: u8, nth: usize) -> Outcome<()> {
        let side = side_of(side)?;
        let seat = self.require_seat(who, market)?;
        let venue = &mut self.venues[market];
        let order = venue.book.orders(side).iter().rev().nth(nth).copied();
        let id = match order {
            Some(order) => OrderId { side, price_atoms_per_lot: order.price_atoms_per_lot, sequence: order.sequence },
            None => OrderId { side, price_atoms_per_lot: 1, sequence: u64::MAX },
        };
        orders::cancel_order(&mut venue.state, &mut venue.book, seat, &id)?;
        Ok(())
    }

    pub(super) fn cancel_all(&mut self, who: usize, market: usize, side: u8, limit: u8) -> Outcome<()> {
        let side = if side == 2 { None } else { Some(side_of(side)?) };
        if limit == 0 {
            return Err(Refusal::InvalidArgument);
        }
        let seat = self.require_seat(who, market)?;
        self.clear_logs();
        let venue = &mut self.venues[market];
        orders::cancel_all(&mut venue.state, &mut venue.book, seat, side, limit.into(), &mut self.log)?;
        Ok(())
    }

    pub(super) fn force_cancel(
        &mut self,
        outside: &Outside,
        who: usize,
        market: usize,
        limit: u8,
        oracles: u8,
    ) -> Outcome<()> {
        if limit == 0 {
            return Err(Refusal::InvalidArgument);
        }
        let seat = self.require_seat(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        let legs = self.value(outside, who, Some((market, &price)), oracles, Action::BesideOthers)?;
        self.clear_logs();
        let venue = &mut self.venues[market];
        venue.state.accrue(outside.slot);
        let account = &self.accounts[who].state;
        let health_in = |others, valuation| account_health(&venue.state, seat, account, &price, others, valuation);
        let health = CancelHealth {
            favourable: health_in(legs.favourable, Valuation::Favourable)?,
            with_orders: health_in(legs.with_orders, Valuation::WithOrders)?,
        };
        let (state, book) = (&mut venue.state, &mut venue.book);
        orders::force_cancel(state, book, seat, price.grade, &health, limit.into(), &mut self.log)?;
        Ok(())
    }

    pub(super) fn release_seat(&mut self, outside: &Outside, who: usize, market: usize) -> Outcome<()> {
        let seat = self.require_seat(who, market)?;
        self.touch(outside, who, market, seat)?;
        let state = &mut self.venues[market].state;
        let row = state.seats.get(seat)?;
        if row.is_flat() && row.recorded_atoms != 0 {
            return Err(Refusal::DeficitRemains);
        }
        state.seats.release(seat, &mut self.accounts[who].state)?;
        self.remove_position(who, market);
        Ok(())
    }

    pub(super) fn settle_loss(&mut self, outside: &Outside, who: usize, market: usize, oracles: u8) -> Outcome<()> {
        let seat = self.require_seat(who, market)?;
        let price = self.use_price(outside, market, oracles)?;
        self.touch(outside, who, market, seat)?;
        let (state, account) = (&mut self.venues[market].state, &mut self.accounts[who].state);
        sweep::settle_loss(state, seat, account, &price)?;
        Ok(())
    }

    pub(super) fn sample(&mut self, outside: &Outside, market: usize, oracles: u8) -> Outcome<()> {
        let price = self.live_price(outside, market, oracles)?;
        require_mode(Action::SampleFunding, price.grade)?;
        let venue = &mut self.venues[market];
        venue.state.last_price.record(&price, outside.slot)?;
        funding::sample(&mut venue.state, &venue.book, &price, outside.slot)?;
        Ok(())
    }
}
