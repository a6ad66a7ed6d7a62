//! `accept_admin`: the second step of a change of the admin.

use anchor_lang::prelude::*;

use crate::error::TaperError;
use crate::events::AdminChanged;
use crate::state::{Exchange, LoadKnown};

/// Accounts of `accept_admin`.
#[derive(Accounts)]
pub struct AcceptAdmin<'info> {
    /// Who was nominated.
    pub nominee: Signer<'info>,
    /// The exchange.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
}

/// Makes the nominee the admin. The former one has no rights any more.
///
/// Specification: only who was nominated, and is not the guardian.
///
/// # Errors
/// `NotNominated`; `RolesNotDistinct` if the nominee has become the guardian since.
pub fn handle_accept_admin<'info>(ctx: Context<'info, AcceptAdmin<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut exchange = accounts.exchange.load_known_mut()?;
    require!(exchange.pending_admin == *accounts.nominee.key, TaperError::NotNominated);
    require!(exchange.pending_admin != exchange.guardian, TaperError::RolesNotDistinct);
    let former = exchange.admin;
    exchange.admin = exchange.pending_admin;
    exchange.pending_admin = Pubkey::default();
    exchange.invariant()?;
    emit!(AdminChanged { exchange: accounts.exchange.key(), former, admin: exchange.admin });
    Ok(())
}
