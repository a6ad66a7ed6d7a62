//! `cancel_all_orders`.

use anchor_lang::prelude::*;
use taper_engine::orders;
use taper_engine::quantity::Side;

use crate::error::{Refusal, TaperError};
use crate::events::{OrdersCancelled, Removal};
use crate::fills::new_fill_log;
use crate::instructions::side_of;
use crate::state::{LoadKnown, MarginAccount, Market, OrderBook};

/// Accounts of `cancel_all_orders`. Needs neither exchange nor oracle.
#[derive(Accounts)]
pub struct CancelAllOrders<'info> {
    /// The owner or the delegate.
    pub authority: Signer<'info>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book.
    #[account(mut)]
    pub order_book: AccountLoader<'info, OrderBook>,
    /// The margin account.
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

/// Which orders.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelAllOrdersArgs {
    /// 0 bids, 1 asks, 2 both.
    pub side: u8,
    /// At most this many; not zero.
    pub limit: u8,
}

/// Both sides, in `CancelAllOrdersArgs::side`.
pub const BOTH_SIDES: u8 = 2;

fn sides(code: u8) -> Result<Option<Side>> {
    if code == BOTH_SIDES {
        Ok(None)
    } else {
        side_of(code).map(Some)
    }
}

/// Cancels the account's orders in one market.
///
/// Specification: the owner or the delegate, at any status. No order is not an error.
///
/// # Errors
/// `NotAuthority`, `PositionNotFound`, `WrongExchange`, `WrongOrderBook`, `InvalidArgument`.
pub fn handle_cancel_all_orders<'info>(
    ctx: Context<'info, CancelAllOrders<'info>>,
    args: &CancelAllOrdersArgs,
) -> Result<()> {
    let accounts = &ctx.accounts;
    require!(args.limit != 0, TaperError::InvalidArgument);
    let side = sides(args.side)?;
    let account = accounts.margin_account.load_known()?;
    account.check_trader(accounts.authority.key)?;
    let mut market = accounts.market.load_mut()?;
    market.check_belongs(&account.exchange)?;
    market.check_book(&accounts.order_book.key())?;
    let mut order_book = accounts.order_book.load_known_mut()?;
    let seat_index = account.require_seat_in(&accounts.market.key())?;
    market.state.seats.owned_mut(seat_index, &accounts.margin_account.key().to_bytes()).or_refuse()?;
    let (state, book, limit) = (&mut market.state, &mut order_book.book, u32::from(args.limit));
    let mut log = new_fill_log();
    orders::cancel_all(state, book, seat_index, side, limit, &mut log).or_refuse()?;
    emit!(OrdersCancelled {
        market: accounts.market.key(),
        margin_account: accounts.margin_account.key(),
        seat_index,
        side: args.side,
        forced: false,
        removals: log.removals().iter().map(Removal::from).collect(),
    });
    Ok(())
}
