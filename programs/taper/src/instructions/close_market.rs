//! `close_market`: returns the rent of a market that is over.

use anchor_lang::prelude::*;
use taper_engine::cash::MarketIncome;
use taper_engine::quantity::QuoteAtoms;
use taper_engine::settlement;

use crate::error::{Refusal, TaperError};
use crate::events::MarketClosed;
use crate::state::{Exchange, LoadKnown, Market, OrderBook};

/// Accounts of `close_market`.
#[derive(Accounts)]
pub struct CloseMarket<'info> {
    /// The admin of the exchange.
    pub admin: Signer<'info>,
    /// The exchange: gets the market's last income.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
    /// Its order book.
    #[account(mut)]
    pub order_book: AccountLoader<'info, OrderBook>,
    /// CHECK: gets the lamports of both accounts; anybody's account, chosen by the admin.
    #[account(mut)]
    pub recipient: UncheckedAccount<'info>,
}

impl CloseMarket<'_> {
    /// Refuses a recipient that would lose the lamports: an account that is closed here, or the exchange, which never gives any back.
    fn check_recipient(&self) -> Result<()> {
        let own = [self.market.key(), self.order_book.key(), self.exchange.key()];
        require!(!own.contains(self.recipient.key), TaperError::DuplicateAccount);
        Ok(())
    }

    /// Takes the market's last income.
    fn take_leave(&self) -> Result<MarketIncome> {
        let mut exchange = self.exchange.load_known_mut()?;
        let mut market = self.market.load_mut()?;
        exchange.check_admin(self.admin.key)?;
        market.check_belongs(&self.exchange.key())?;
        market.check_book(self.order_book.as_ref().key)?;
        require!(market.state.is_over(), TaperError::MarketNotSettled);
        let income = settlement::close_market(&mut market.state, &self.order_book.load_known()?.book).or_refuse()?;
        exchange.fees_atoms = QuoteAtoms(exchange.fees_atoms).add(income.fees).or_refuse()?.0;
        exchange.insurance_atoms = QuoteAtoms(exchange.insurance_atoms).add(income.insurance).or_refuse()?.0;
        exchange.invariant()?;
        Ok(income)
    }
}

/// Closes a market in which nothing is left.
///
/// Specification:
/// 1. The admin signs. The market is settled, or nobody ever had a seat in it.
/// 2. No seats, no orders, no losses that nobody has borne. Its last income goes to the exchange.
/// 3. The lamports of market and order book go to the recipient. Both accounts belong to the system program from then on, without a byte: in
///    this transaction, too, whoever sends lamports to them brings nothing back.
///
/// # Errors
/// `NotAdmin`, `MarketNotSettled`, `MarketNotEmpty`, `DuplicateAccount`, `WrongExchange`, `WrongOrderBook`.
pub fn handle_close_market<'info>(ctx: Context<'info, CloseMarket<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.check_recipient()?;
    let income = accounts.take_leave()?;
    let (market, order_book) = (accounts.market.as_ref().lamports(), accounts.order_book.as_ref().lamports());
    accounts.market.close(accounts.recipient.to_account_info())?;
    accounts.order_book.close(accounts.recipient.to_account_info())?;
    emit!(MarketClosed {
        exchange: accounts.exchange.key(),
        market: accounts.market.key(),
        order_book: accounts.order_book.key(),
        recipient: accounts.recipient.key(),
        lamports: market.saturating_add(order_book),
        fees_atoms: income.fees.0,
        insurance_atoms: income.insurance.0,
        residue_atoms: income.residue.0,
    });
    Ok(())
}
