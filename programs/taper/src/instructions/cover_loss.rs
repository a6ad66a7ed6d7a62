//! `cover_loss`.

use anchor_lang::prelude::*;
use taper_engine::quantity::QuoteAtoms;

use crate::error::Refusal;
use crate::events::LossCovered;
use crate::legs::Now;
use crate::state::{Exchange, LoadKnown, Market};

/// Accounts of `cover_loss`. Nobody signs.
#[derive(Accounts)]
pub struct CoverLoss<'info> {
    /// The exchange: its fund may pay.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market with unassigned losses.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
}

/// Pays for a market's unassigned losses out of insurance.
///
/// Specification: anyone may call; the same caps as for a resolution; the vault keeps back as much less.
///
/// # Errors
/// `NothingToCover`, `WrongExchange`.
pub fn handle_cover_loss<'info>(ctx: Context<'info, CoverLoss<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let now = Now::get()?;
    let mut exchange = accounts.exchange.load_known_mut()?;
    let mut market = accounts.market.load_mut()?;
    market.check_belongs(&accounts.exchange.key())?;
    let fund = QuoteAtoms(exchange.insurance_atoms);
    let cover = market.state.cover_loss(fund, now.slot).or_refuse()?;
    let paid = cover.draw.from_fund;
    exchange.insurance_atoms = fund.sub(paid).or_refuse()?.0;
    exchange.insurance_drawn_atoms = QuoteAtoms(exchange.insurance_drawn_atoms).add(paid).or_refuse()?.0;
    exchange.held_loss_atoms = QuoteAtoms(exchange.held_loss_atoms).sub(cover.freed).or_refuse()?.0;
    market.invariant()?;
    exchange.invariant()?;
    emit!(LossCovered {
        exchange: accounts.exchange.key(),
        market: accounts.market.key(),
        from_market_atoms: cover.draw.from_market.0,
        from_fund_atoms: paid.0,
        freed_atoms: cover.freed.0,
        unassigned_after_atoms: market.state.unassigned_loss_atoms,
    });
    Ok(())
}
