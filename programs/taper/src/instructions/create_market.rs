//! `create_market`: a market and its order book, initialised from zeroes.

use anchor_lang::prelude::*;
use taper_engine::modes::Action;
use taper_engine::params::MarketParams;

use crate::constants::{ACCOUNT_VERSION, LISTING_PRICE_MIN_ATOMS_PER_LOT, ORACLE_PYTH_PULL};
use crate::error::{Refusal, TaperError};
use crate::events::MarketCreated;
use crate::legs::{live_price, require_mode, Now};
use crate::state::{Exchange, LoadKnown, Market, OrderBook};

/// Accounts of `create_market`.
#[derive(Accounts)]
pub struct CreateMarket<'info> {
    /// The admin of the exchange.
    pub admin: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The new market: owned by this program, of the exact size, all zeroes.
    #[account(zero)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book: likewise.
    #[account(zero)]
    pub order_book: AccountLoader<'info, OrderBook>,
    /// CHECK: its oracle; identity, owner and layout are checked by `oracle::read`.
    pub oracle: UncheckedAccount<'info>,
}

impl CreateMarket<'_> {
    fn validate(&self, params: &MarketParams, oracle_kind: u8) -> Result<()> {
        let exchange = self.exchange.load_known()?;
        exchange.check_admin(self.admin.key)?;
        let sizes = (self.market.as_ref().data_len(), self.order_book.as_ref().data_len());
        require!(sizes == (Market::SPACE, OrderBook::SPACE), TaperError::WrongAccountSize);
        require!(oracle_kind <= ORACLE_PYTH_PULL, TaperError::InvalidArgument);
        params.validate().or_refuse()
    }
}

/// Lists a market.
///
/// Specification:
/// 1. The admin signs. The client creates both accounts in the same transaction (they are too large for a CPI).
/// 2. Every inequality of the parameters holds; reserved fields are zero.
/// 3. The oracle is readable now, and a lot is worth at least 100,000 atoms. Its account is remembered: a pulled feed can have many,
///    but only this one can freeze a leg.
/// 4. No risk may be added before one timelock has passed: a listing by a stolen key is seen before it can be used, and the guardian can
///    pause it or lower its limits.
///
/// # Errors
/// `NotAdmin`, `WrongAccountSize`, `InvalidArgument`, `InvalidParameters`, `ListingPriceTooSmall`, the oracle's.
pub fn handle_create_market<'info>(
    ctx: Context<'info, CreateMarket<'info>>,
    params: &MarketParams,
    oracle_kind: u8,
    oracle_key: Pubkey,
    name: [u8; 16],
) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.validate(params, oracle_kind)?;
    let now = Now::get()?;
    let mut market = accounts.market.load_init()?;
    market.version = ACCOUNT_VERSION;
    market.oracle_kind = oracle_kind;
    market.exchange = accounts.exchange.key();
    market.order_book = accounts.order_book.key();
    market.oracle_key = oracle_key;
    market.oracle_account = accounts.oracle.key();
    market.name = name;
    market.state.params = *params;
    market.opens_slot = now.slot.saturating_add(accounts.exchange.load_known()?.timelock_slots);
    let price = live_price(&market, &accounts.oracle, &*accounts.exchange.load_known()?, &now)?;
    require_mode(Action::ListMarket, price.grade)?;
    require!(price.price.0 >= LISTING_PRICE_MIN_ATOMS_PER_LOT, TaperError::ListingPriceTooSmall);
    market.state.last_price.record(&price, now.slot).or_refuse()?;

    let mut order_book = accounts.order_book.load_init()?;
    order_book.version = ACCOUNT_VERSION;
    order_book.market = accounts.market.key();
    market.invariant()?;
    order_book.invariant()?;
    emit!(MarketCreated {
        exchange: market.exchange,
        market: order_book.market,
        order_book: market.order_book,
        oracle_kind,
        oracle_key,
        name,
        price_atoms_per_lot: price.price.0,
        opens_slot: market.opens_slot,
        params: *params,
    });
    Ok(())
}
