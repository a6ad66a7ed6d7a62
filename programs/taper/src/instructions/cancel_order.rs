//! `cancel_order`.

use anchor_lang::prelude::*;
use taper_engine::book::OrderId;
use taper_engine::orders;

use crate::error::Refusal;
use crate::events::{OrderCancelled, Removal};
use crate::instructions::{side_code, side_of};
use crate::state::{LoadKnown, MarginAccount, Market, OrderBook};

/// Accounts of `cancel_order`. Needs neither exchange nor oracle.
#[derive(Accounts)]
pub struct CancelOrder<'info> {
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

/// Which order: its place in the book.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct CancelOrderArgs {
    /// 0 bid, 1 ask.
    pub side: u8,
    /// Its limit.
    pub price_atoms_per_lot: i64,
    /// Its sequence.
    pub sequence: u64,
}

/// Cancels one resting order.
///
/// Specification: the owner or the delegate, at any status.
///
/// # Errors
/// `NotAuthority`, `OrderNotFound`, `OrderNotOwned`, `PositionNotFound`, `WrongExchange`, `WrongOrderBook`, `InvalidArgument`.
pub fn handle_cancel_order<'info>(ctx: Context<'info, CancelOrder<'info>>, args: &CancelOrderArgs) -> Result<()> {
    let accounts = &ctx.accounts;
    let account = accounts.margin_account.load_known()?;
    account.check_trader(accounts.authority.key)?;
    let mut market = accounts.market.load_mut()?;
    market.check_belongs(&account.exchange)?;
    market.check_book(&accounts.order_book.key())?;
    let mut order_book = accounts.order_book.load_known_mut()?;
    let seat_index = account.require_seat_in(&accounts.market.key())?;
    market.state.seats.owned_mut(seat_index, &accounts.margin_account.key().to_bytes()).or_refuse()?;
    let id =
        OrderId { side: side_of(args.side)?, price_atoms_per_lot: args.price_atoms_per_lot, sequence: args.sequence };
    let order = orders::cancel_order(&mut market.state, &mut order_book.book, seat_index, &id).or_refuse()?;
    emit!(OrderCancelled {
        market: accounts.market.key(),
        margin_account: accounts.margin_account.key(),
        order: Removal::cancelled(&order, side_code(id.side)),
    });
    Ok(())
}
