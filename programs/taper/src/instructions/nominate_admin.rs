//! `nominate_admin`: the first step of a change of the admin.

use anchor_lang::prelude::*;

use crate::error::TaperError;
use crate::events::AdminNominated;
use crate::state::{Exchange, LoadKnown};

/// Accounts of `nominate_admin`.
#[derive(Accounts)]
pub struct NominateAdmin<'info> {
    /// The admin.
    pub admin: Signer<'info>,
    /// The exchange.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
}

/// Names who may become the admin by accepting; the default key takes a nomination back.
///
/// Specification: only the admin. Nothing else changes until the nominee signs, so a mistyped key loses nothing.
///
/// # Errors
/// `NotAdmin`; `RolesNotDistinct` for the guardian.
pub fn handle_nominate_admin<'info>(ctx: Context<'info, NominateAdmin<'info>>, nominee: Pubkey) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut exchange = accounts.exchange.load_known_mut()?;
    exchange.check_admin(accounts.admin.key)?;
    require!(nominee != exchange.guardian, TaperError::RolesNotDistinct);
    exchange.pending_admin = nominee;
    exchange.invariant()?;
    emit!(AdminNominated { exchange: accounts.exchange.key(), admin: exchange.admin, nominee });
    Ok(())
}
