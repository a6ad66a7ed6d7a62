//! `close_margin_account`.

use anchor_lang::prelude::*;

use crate::error::TaperError;
use crate::events::MarginAccountClosed;
use crate::state::{LoadKnown, MarginAccount};

/// Accounts of `close_margin_account`.
#[derive(Accounts)]
pub struct CloseMarginAccount<'info> {
    /// The owner; gets the rent back.
    #[account(mut)]
    pub authority: Signer<'info>,
    /// The margin account.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

impl CloseMarginAccount<'_> {
    fn validate(&self) -> Result<()> {
        let account = self.margin_account.load_known()?;
        account.check_owner(self.authority.key)?;
        require!(account.used_positions().next().is_none(), TaperError::PositionsRemain);
        require!(account.state.cash_atoms == 0, TaperError::CashRemains);
        require!(account.state.recorded_deficit_atoms == 0, TaperError::DeficitRemains);
        Ok(())
    }
}

/// Closes an empty margin account.
///
/// Specification: only the owner; no reference to a seat; exactly no cash; nothing on record of its deficit.
///
/// # Errors
/// `NotAuthority`, `OwnerOnly`, `PositionsRemain`, `CashRemains`, `DeficitRemains`.
pub fn handle_close_margin_account<'info>(ctx: Context<'info, CloseMarginAccount<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.validate()?;
    accounts.margin_account.close(accounts.authority.to_account_info())?;
    emit!(MarginAccountClosed { margin_account: accounts.margin_account.key() });
    Ok(())
}
