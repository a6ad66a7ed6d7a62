//! `set_delegate`.

use anchor_lang::prelude::*;

use crate::events::DelegateSet;
use crate::state::{LoadKnown, MarginAccount};

/// Accounts of `set_delegate`.
#[derive(Accounts)]
pub struct SetDelegate<'info> {
    /// The owner.
    pub authority: Signer<'info>,
    /// The margin account.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
}

/// Names who may trade for the owner; the default key for nobody.
///
/// Specification: only the owner. A delegate places and cancels orders; it never withdraws, closes or delegates.
///
/// # Errors
/// `NotAuthority`, `OwnerOnly`.
pub fn handle_set_delegate<'info>(ctx: Context<'info, SetDelegate<'info>>, delegate: Pubkey) -> Result<()> {
    let mut account = ctx.accounts.margin_account.load_known_mut()?;
    account.check_owner(ctx.accounts.authority.key)?;
    account.delegate = delegate;
    account.invariant()?;
    emit!(DelegateSet { margin_account: ctx.accounts.margin_account.key(), delegate });
    Ok(())
}
