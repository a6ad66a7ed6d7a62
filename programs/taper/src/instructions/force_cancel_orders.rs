//! `force_cancel_orders`.

use anchor_lang::prelude::*;
use taper_engine::liquidate::account_health;
use taper_engine::margin::Valuation;
use taper_engine::orders::{self, CancelHealth};

use crate::error::{Refusal, TaperError};
use crate::events::{OrdersCancelled, Removal};
use crate::fills::new_fill_log;
use crate::instructions::{side_code, BOTH_SIDES};
use crate::legs::{Needs, Now, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount, Market, OrderBook};

/// Accounts of `force_cancel_orders`. Remaining: `[market, oracle]` of every other position, in order.
#[derive(Accounts)]
pub struct ForceCancelOrders<'info> {
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book.
    #[account(mut)]
    pub order_book: AccountLoader<'info, OrderBook>,
    /// The margin account that is unhealthy, or would be with its orders filled.
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// CHECK: the market's oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
}

/// How many.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForceCancelOrdersArgs {
    /// At most this many; not zero.
    pub limit: u8,
}

/// Cancels orders in one market of an account that is unhealthy, or that its orders would make unhealthy.
///
/// Specification, section 12: anyone may call, when health is below 1 at the edge of the interval that favours the account; or, for the sides
/// that extend or turn its position, when it would be so with its orders filled at their limits.
///
/// # Errors
/// `ForceCancelHealthy`, `PositionNotFound`, `WrongExchange`, `WrongOrderBook`, `InvalidArgument`; of the legs and oracles.
pub fn handle_force_cancel_orders<'info>(
    ctx: Context<'info, ForceCancelOrders<'info>>,
    args: &ForceCancelOrdersArgs,
) -> Result<()> {
    let accounts = &ctx.accounts;
    require!(args.limit != 0, TaperError::InvalidArgument);
    let now = Now::get()?;
    let (exchange_key, market_key, account_key) =
        (accounts.exchange.key(), accounts.market.key(), accounts.margin_account.key());
    let exchange = accounts.exchange.load_known()?;
    let account = accounts.margin_account.load()?;
    let mut market = accounts.market.load_mut()?;
    account.check_belongs(&exchange_key)?;
    market.check_belongs(&exchange_key)?;
    market.check_book(accounts.order_book.as_ref().key)?;
    let seat_index = account.require_seat_in(&market_key)?;
    market.state.seats.owned_mut(seat_index, &account_key.to_bytes()).or_refuse()?;
    let walk =
        Walk { exchange: &exchange, exchange_key: &exchange_key, account: &account, account_key: &account_key, now };
    let (price, legs) =
        walk.price_and_value(&mut market, &market_key, &accounts.oracle, ctx.remaining_accounts, Needs::CANCEL)?;
    market.state.accrue(now.slot);
    let health_in = |others, valuation| {
        account_health(&market.state, seat_index, &account.state, &price, others, valuation).or_refuse()
    };
    let health = CancelHealth {
        favourable: health_in(legs.favourable, Valuation::Favourable)?,
        with_orders: health_in(legs.with_orders, Valuation::WithOrders)?,
    };

    let mut order_book = accounts.order_book.load_known_mut()?;
    let (state, book, limit) = (&mut market.state, &mut order_book.book, u32::from(args.limit));
    let side = health.cancellable(state.seats.get(seat_index).or_refuse()?).or_refuse()?;
    let mut log = new_fill_log();
    orders::force_cancel(state, book, seat_index, price.grade, &health, limit, &mut log).or_refuse()?;
    market.invariant()?;
    order_book.invariant()?;
    emit!(OrdersCancelled {
        market: market_key,
        margin_account: account_key,
        seat_index,
        side: side.map_or(BOTH_SIDES, side_code),
        forced: true,
        removals: log.removals().iter().map(Removal::from).collect(),
    });
    Ok(())
}
