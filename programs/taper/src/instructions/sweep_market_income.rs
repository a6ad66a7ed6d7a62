//! `sweep_market_income`.

use anchor_lang::prelude::*;
use taper_engine::cash::take_income;
use taper_engine::quantity::QuoteAtoms;

use crate::error::Refusal;
use crate::events::MarketIncomeSwept;
use crate::state::{Exchange, LoadKnown, Market};

/// Accounts of `sweep_market_income`.
#[derive(Accounts)]
pub struct SweepMarketIncome<'info> {
    /// The exchange.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
}

/// Moves a market's fees and insurance income to the exchange.
///
/// Specification: anyone may call; the sum of both sides does not change. Nothing to move is not an error.
///
/// # Errors
/// `WrongExchange`.
pub fn handle_sweep_market_income<'info>(ctx: Context<'info, SweepMarketIncome<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut exchange = accounts.exchange.load_known_mut()?;
    let mut market = accounts.market.load_mut()?;
    market.check_belongs(&accounts.exchange.key())?;
    let income = take_income(&mut market.state).or_refuse()?;
    exchange.fees_atoms = QuoteAtoms(exchange.fees_atoms).add(income.fees).or_refuse()?.0;
    exchange.insurance_atoms = QuoteAtoms(exchange.insurance_atoms).add(income.insurance).or_refuse()?.0;
    market.invariant()?;
    exchange.invariant()?;
    emit!(MarketIncomeSwept {
        exchange: accounts.exchange.key(),
        market: accounts.market.key(),
        fees_atoms: income.fees.0,
        insurance_atoms: income.insurance.0,
        residue_atoms: income.residue.0,
    });
    Ok(())
}
