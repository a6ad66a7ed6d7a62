//! `settle_loss`.

use anchor_lang::prelude::*;
use taper_engine::sweep;

use crate::error::Refusal;
use crate::events::{LossSettled, SeatBalance};
use crate::fills::SeatTouch;
use crate::legs::{live_price, Now};
use crate::state::{Exchange, LoadKnown, MarginAccount, Market};

/// Accounts of `settle_loss`.
#[derive(Accounts)]
pub struct SettleLoss<'info> {
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// The margin account that loses.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
}

/// Takes a losing seat's loss against the oracle out of its cash, so that the market's winners can be paid by its losers.
///
/// Specification:
/// 1. Anyone may call.
/// 2. At most the cash there is, and what the market's winners have taken out beyond what its losers paid in; the entry is re-based, so that the loss is taken once. Equity does not change.
///
/// # Errors
/// `NothingToSettle`, `PositionNotFound`, `WrongExchange`; the oracle's.
pub fn handle_settle_loss<'info>(ctx: Context<'info, SettleLoss<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let (exchange_key, market_key) = (accounts.exchange.key(), accounts.market.key());
    let now = Now::get()?;
    let mut market = accounts.market.load_mut()?;
    let mut account = accounts.margin_account.load_mut()?;
    market.check_belongs(&exchange_key)?;
    account.check_belongs(&exchange_key)?;
    let seat_index = account.require_seat_in(&market_key)?;
    market.state.seats.owned_mut(seat_index, &accounts.margin_account.key().to_bytes()).or_refuse()?;
    let price = live_price(&market, &accounts.oracle, &*accounts.exchange.load_known()?, &now)?;
    market.state.last_price.record(&price, now.slot).or_refuse()?;
    let touched = SeatTouch::first(&mut market.state, seat_index, &mut account.state, now.slot)?;
    let amount = sweep::settle_loss(&mut market.state, seat_index, &mut account.state, &price).or_refuse()?;
    market.invariant()?;
    account.invariant()?;
    touched.emit_if_any(&market_key, &accounts.margin_account.key(), seat_index);
    emit!(LossSettled {
        market: market_key,
        margin_account: accounts.margin_account.key(),
        seat_index,
        amount_atoms: amount.0,
        seat_after: SeatBalance::of(&market, seat_index)?,
        cash_after_atoms: account.state.cash_atoms,
    });
    Ok(())
}
