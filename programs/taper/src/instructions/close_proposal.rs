//! `close_proposal`.

use anchor_lang::prelude::*;

use crate::constants::{ACCOUNT_VERSION, PROPOSAL_PENDING};
use crate::error::TaperError;
use crate::events::ProposalClosed;
use crate::legs::Now;
use crate::state::Proposal;

/// Accounts of `close_proposal`. Nobody signs.
#[derive(Accounts)]
pub struct CloseProposal<'info> {
    /// The proposal.
    #[account(mut, close = proposer)]
    pub proposal: AccountLoader<'info, Proposal>,
    /// CHECK: who proposed it, and gets the rent; compared with the proposal.
    #[account(mut)]
    pub proposer: UncheckedAccount<'info>,
}

/// Closes a proposal that is applied, cancelled or expired, and returns its rent to its proposer.
///
/// Specification: anyone. Its number is never used again, so its address never comes back.
///
/// # Errors
/// `ProposalMismatch` for another proposer; `ProposalPending`.
pub fn handle_close_proposal<'info>(ctx: Context<'info, CloseProposal<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let proposal = accounts.proposal.load()?;
    require!(proposal.version == ACCOUNT_VERSION, TaperError::WrongVersion);
    require!(proposal.proposer == *accounts.proposer.key, TaperError::ProposalMismatch);
    let over = proposal.state != PROPOSAL_PENDING || Now::get()?.slot >= proposal.expires_slot;
    require!(over, TaperError::ProposalPending);
    emit!(ProposalClosed {
        exchange: proposal.exchange,
        proposal: accounts.proposal.key(),
        index: proposal.index,
        state: proposal.state,
        proposer: proposal.proposer,
    });
    Ok(())
}
