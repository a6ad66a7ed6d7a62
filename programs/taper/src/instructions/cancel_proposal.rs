//! `cancel_proposal`.

use anchor_lang::prelude::*;

use crate::constants::{PROPOSAL_CANCELLED, PROPOSAL_GUARDIAN};
use crate::error::TaperError;
use crate::events::ProposalCancelled;
use crate::legs::Now;
use crate::state::{Exchange, LoadKnown, Proposal};

/// Accounts of `cancel_proposal`.
#[derive(Accounts)]
pub struct CancelProposal<'info> {
    /// The guardian or the admin.
    pub authority: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The proposal.
    #[account(mut)]
    pub proposal: AccountLoader<'info, Proposal>,
}

/// Cancels a proposal that has not been applied, for good.
///
/// Specification: the guardian or the admin, at any time. The guardian cannot cancel its own replacement, or a stolen guardian's key
/// could never be replaced. Needs no oracle.
///
/// # Errors
/// `NotGuardian`, `GuardianOwnReplacement`, `ProposalNotPending`, `WrongExchange`.
pub fn handle_cancel_proposal<'info>(ctx: Context<'info, CancelProposal<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let (by, exchange_key) = (accounts.authority.key(), accounts.exchange.key());
    let exchange = accounts.exchange.load_known()?;
    exchange.check_role(&by)?;
    let mut proposal = accounts.proposal.load_mut()?;
    proposal.check_pending(&exchange_key)?;
    let own = proposal.kind == PROPOSAL_GUARDIAN && exchange.admin != by;
    require!(!own, TaperError::GuardianOwnReplacement);
    proposal.state = PROPOSAL_CANCELLED;
    proposal.decided_slot = Now::get()?.slot;
    proposal.invariant()?;
    emit!(ProposalCancelled { exchange: exchange_key, proposal: accounts.proposal.key(), index: proposal.index, by });
    Ok(())
}
