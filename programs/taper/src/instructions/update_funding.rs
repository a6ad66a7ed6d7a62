//! `update_funding`.

use anchor_lang::prelude::*;
use taper_engine::funding::sample;
use taper_engine::modes::Action;

use crate::error::Refusal;
use crate::events::FundingUpdated;
use crate::legs::{live_price, require_mode, Now};
use crate::state::{Exchange, LoadKnown, Market, OrderBook};

/// Accounts of `update_funding`.
#[derive(Accounts)]
pub struct UpdateFunding<'info> {
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book: only read.
    pub order_book: AccountLoader<'info, OrderBook>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
}

/// Samples the premium of the book over the oracle, and sets the rate of funding.
///
/// Specification: anyone may call, at a fresh price, `funding_interval_slots` after the last sample or later. No money moves: the index
/// moves to this slot at the old rate, and seats pay when they are touched.
///
/// # Errors
/// `FundingTooSoon`, `MarketSettled`, `OracleDegraded`, `WrongExchange`, `WrongOrderBook`; the oracle's.
pub fn handle_update_funding<'info>(ctx: Context<'info, UpdateFunding<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let now = Now::get()?;
    let mut market = accounts.market.load_mut()?;
    market.check_belongs(&accounts.exchange.key())?;
    market.check_book(accounts.order_book.as_ref().key)?;
    let price = live_price(&market, &accounts.oracle, &*accounts.exchange.load_known()?, &now)?;
    require_mode(Action::SampleFunding, price.grade)?;
    market.state.last_price.record(&price, now.slot).or_refuse()?;
    let sampled = sample(&mut market.state, &accounts.order_book.load_known()?.book, &price, now.slot).or_refuse()?;
    market.invariant()?;
    emit!(FundingUpdated {
        market: accounts.market.key(),
        funding_index_scaled: sampled.funding_index_scaled,
        rate_scaled_per_slot: sampled.rate_scaled_per_slot,
        premium_atoms_per_lot: sampled.premium_atoms_per_lot,
        is_measured: sampled.is_measured,
        oracle_price_atoms_per_lot: price.price.0,
        oracle_ema_atoms_per_lot: price.ema.0,
    });
    Ok(())
}
