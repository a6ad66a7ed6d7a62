//! `settle_market`: closes all positions of a market that has been wound down.

use anchor_lang::prelude::*;
use taper_engine::oracle::OraclePrice;
use taper_engine::settlement;
use taper_engine::EngineError;

use crate::error::{Refusal, TaperError};
use crate::events::MarketSettled;
use crate::legs::{judged_price, refused_at, Now};
use crate::state::{Exchange, LoadKnown, Market, OrderBook};

/// Accounts of `settle_market`. Nobody signs.
#[derive(Accounts)]
pub struct SettleMarket<'info> {
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book.
    #[account(mut)]
    pub order_book: AccountLoader<'info, OrderBook>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`, and only that of the listing may fail.
    pub oracle: UncheckedAccount<'info>,
}

/// Closes every position at the final price, and empties the book.
///
/// Specification:
/// 1. Anyone may call, at any status, once the wind-down has lasted its timelock.
/// 2. The final price is the EMA of a fresh price, which it must be near. A day later a degraded price will do. If then the oracle account of
///    the listing has no usable price, or does not even exist any more, and the market has used none for a day: the last one that it used.
///    Another account of the feed proves nothing by being silent.
/// 3. All seats at once: what they hold together does not change. Results are swept when seats are released, as the pool allows.
///
/// # Errors
/// `NotWindingDown`, `SettlementTooEarly`, `MarketSettled`, `OracleAverageTooFar`, `OracleDegraded`, `WrongExchange`, `WrongOrderBook`; the
/// oracle's.
pub fn handle_settle_market<'info>(ctx: Context<'info, SettleMarket<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let now = Now::get()?;
    let mut market = accounts.market.load_mut()?;
    let mut order_book = accounts.order_book.load_known_mut()?;
    market.check_belongs(&accounts.exchange.key())?;
    market.check_book(accounts.order_book.as_ref().key)?;
    market.state.require_due(now.slot).or_refuse()?;
    let price = accounts.price(&market, &now)?;
    let settled = settlement::settle_market(&mut market.state, &mut order_book.book, price.as_ref().ok(), now.slot);
    // The engine knows that there is no price, the oracle why.
    let settled = settled.map_err(|refusal| match (refusal, &price) {
        (EngineError::OracleStale, Err(reason)) => *reason,
        (refusal, Err(_)) => refusal.into(),
        (refusal, Ok(price)) => refused_at(refusal, price.grade),
    })?;
    if let Ok(price) = &price {
        market.state.last_price.record(price, now.slot).or_refuse()?;
    }
    market.invariant()?;
    order_book.invariant()?;
    emit!(MarketSettled {
        market: accounts.market.key(),
        final_price_atoms_per_lot: settled.price.0,
        is_from_oracle: price.is_ok(),
        base_lots: settled.lots.0,
        orders: settled.orders,
        charged_atoms: settled.charged.0,
        funding_index_scaled: market.state.charges.funding_index_scaled,
        loss_index_scaled: market.state.charges.loss_index_scaled,
    });
    Ok(())
}

impl SettleMarket<'_> {
    /// The price, or what is wrong with the listing's oracle. What is wrong with another account is an error of the call.
    fn price(&self, market: &Market, now: &Now) -> Result<core::result::Result<OraclePrice, TaperError>> {
        let price = judged_price(market, &self.oracle, &*self.exchange.load_known()?, now);
        match price {
            Err(refusal) if market.oracle_account != *self.oracle.key => Err(refusal.into()),
            price => Ok(price),
        }
    }
}
