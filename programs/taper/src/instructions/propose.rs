//! `propose`.

use anchor_lang::prelude::*;

use crate::address::NewAccount;
use crate::constants::{ACCOUNT_VERSION, PROPOSAL_LIFE_SLOTS, PROPOSAL_SEED};
use crate::error::TaperError;
use crate::events::ProposalCreated;
use crate::legs::Now;
use crate::state::{Exchange, LoadKnown, Market, Proposal, ProposalAction};

/// Accounts of `propose`.
#[derive(Accounts)]
#[instruction(index: u64)]
pub struct Propose<'info> {
    /// The admin: signs and pays the rent, which comes back when the proposal is closed.
    #[account(mut)]
    pub admin: Signer<'info>,
    /// The exchange.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market that the proposal is about; none if it is about the exchange.
    pub market: Option<AccountLoader<'info, Market>>,
    /// CHECK: the new proposal; its address is checked here, `NewAccount` refuses one that exists.
    #[account(mut, seeds = [PROPOSAL_SEED, exchange.key().as_ref(), &index.to_le_bytes()], bump)]
    pub proposal: UncheckedAccount<'info>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl<'info> Propose<'info> {
    /// The market's address, and the status that a status proposal would replace.
    fn validate(&self, index: u64, action: &ProposalAction) -> Result<(Pubkey, u8)> {
        let exchange = self.exchange.load_known()?;
        exchange.check_admin(self.admin.key)?;
        require!(index == exchange.proposal_count, TaperError::ProposalMismatch);
        action.validate(self.market.is_some())?;
        let (market, status_before) = match &self.market {
            Some(loader) => {
                let market = loader.load()?;
                market.check_belongs(&self.exchange.key())?;
                let winds_down = *action == ProposalAction::WindDown && market.state.settle_after_slot != 0;
                require!(!winds_down, TaperError::AlreadyWindingDown);
                (loader.key(), market.status)
            }
            None => (Pubkey::default(), exchange.status),
        };
        match action {
            ProposalAction::Guardian { guardian } => {
                require!(*guardian != exchange.admin, TaperError::RolesNotDistinct);
            }
            // Tightening needs no proposal.
            ProposalAction::Status { status } => require!(*status < status_before, TaperError::InvalidArgument),
            _ => {}
        }
        Ok((market, status_before))
    }

    fn create(&'info self, index: u64, bump: u8) -> Result<AccountLoader<'info, Proposal>> {
        let exchange = self.exchange.key();
        NewAccount {
            payer: &self.admin,
            account: &self.proposal,
            seeds: &[PROPOSAL_SEED, exchange.as_ref(), &index.to_le_bytes(), &[bump]],
            space: Proposal::SPACE,
            owner: &crate::ID,
        }
        .create()?;
        AccountLoader::try_from_unchecked(&crate::ID, self.proposal.as_ref())
    }
}

/// Proposes a change.
///
/// Specification:
/// 1. Only the admin. Nothing changes yet: anyone may apply the proposal once the timelock as it is now has passed, and until it
///    expires; guardian and admin may cancel it before.
/// 2. Its number is the exchange's count of proposals, so each is used once.
/// 3. What can be judged now is; all of it is judged again when it is applied.
///
/// # Errors
/// `NotAdmin`, `WrongExchange`, `ProposalMismatch`, `InvalidParameters`, `InvalidArgument`, `RolesNotDistinct`, `TimelockOutOfRange`,
/// `AlreadyWindingDown`.
pub fn handle_propose<'info>(ctx: Context<'info, Propose<'info>>, index: u64, action: &ProposalAction) -> Result<()> {
    let bump = ctx.bumps.proposal;
    let accounts: &'info Propose<'info> = ctx.accounts;
    let (market, status_before) = accounts.validate(index, action)?;
    let created_slot = Now::get()?.slot;
    let timelock_slots = {
        let mut exchange = accounts.exchange.load_known_mut()?;
        exchange.proposal_count = index.checked_add(1).ok_or(TaperError::MathOverflow)?;
        exchange.invariant()?;
        exchange.timelock_slots
    };
    let ready_slot = created_slot.saturating_add(timelock_slots);
    let expires_slot = ready_slot.saturating_add(PROPOSAL_LIFE_SLOTS);
    let loader = accounts.create(index, bump)?;
    {
        let mut proposal = loader.load_init()?;
        proposal.version = ACCOUNT_VERSION;
        proposal.bump = bump;
        proposal.exchange = accounts.exchange.key();
        proposal.market = market;
        proposal.proposer = accounts.admin.key();
        proposal.index = index;
        (proposal.created_slot, proposal.ready_slot, proposal.expires_slot) = (created_slot, ready_slot, expires_slot);
        proposal.record(action);
        if matches!(action, ProposalAction::Status { .. }) {
            proposal.status_before = status_before;
        }
        proposal.invariant()?;
    }
    // Writes the discriminator, as Anchor does for accounts that it created itself.
    loader.exit(&crate::ID)?;
    emit!(ProposalCreated {
        exchange: accounts.exchange.key(),
        proposal: accounts.proposal.key(),
        index,
        market,
        proposer: accounts.admin.key(),
        ready_slot,
        expires_slot,
        action: *action,
    });
    Ok(())
}
