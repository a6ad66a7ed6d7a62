//! `apply_proposal`.

use anchor_lang::prelude::*;
use taper_engine::governance::apply_change;
use taper_engine::modes::Action;
use taper_engine::oracle::OraclePrice;
use taper_engine::quantity::{wide_mul, QuoteAtoms};

use crate::constants::{ORACLE_SILENT_SLOTS, ORACLE_SWITCH_MAX_BPS, PROPOSAL_APPLIED};
use crate::error::{Refusal, TaperError};
use crate::events::ProposalApplied;
use crate::legs::{live_price, require_mode, Now};
use crate::state::{Exchange, LoadKnown, Market, Proposal, ProposalAction};

/// Accounts of `apply_proposal`. Nobody signs.
#[derive(Accounts)]
pub struct ApplyProposal<'info> {
    /// The exchange.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The proposal.
    #[account(mut)]
    pub proposal: AccountLoader<'info, Proposal>,
    /// The market it is about; none if it is about the exchange.
    #[account(mut)]
    pub market: Option<AccountLoader<'info, Market>>,
    /// CHECK: the new oracle of a proposal that names one; identity, owner and layout are checked by `oracle::read`.
    pub oracle: Option<UncheckedAccount<'info>>,
}

/// Applies a proposal.
///
/// Specification:
/// 1. Anyone, once its timelock has passed and until it expires; once.
/// 2. Everything that was judged when it was proposed is judged again, against the world as it is now:
///    parameters as by `engine::governance` (every inequality, immutables, steps and interval of limits; a raise of requirements ramps);
///    an oracle must be readable and fresh, no older than the last price, and within 10% of it, unless the market has used no price
///    for a day; a status must still be the one it was proposed to replace.
/// 3. Under a higher sweep cap the vault keeps more for losses that nobody has borne.
/// 4. A wind-down allows reductions only from now on, and settlement one timelock later.
///
/// # Errors
/// `ProposalNotPending`, `ProposalTimelocked`, `ProposalExpired`, `ProposalMismatch`, `WrongExchange`, `RolesNotDistinct`,
/// `TimelockOutOfRange`, `AlreadyWindingDown`, `MarketSettled`, `OraclePriceTooFar`; the engine's `apply_change`; the oracle's.
pub fn handle_apply_proposal<'info>(ctx: Context<'info, ApplyProposal<'info>>) -> Result<()> {
    let accounts = &ctx.accounts;
    let (exchange_key, now) = (accounts.exchange.key(), Now::get()?);
    let mut exchange = accounts.exchange.load_known_mut()?;
    let mut proposal = accounts.proposal.load_mut()?;
    proposal.check_pending(&exchange_key)?;
    proposal.check_due(now.slot)?;
    let market_key = accounts.market.as_ref().map(|loader| loader.key()).unwrap_or_default();
    require!(proposal.market == market_key, TaperError::ProposalMismatch);
    let action = proposal.action()?;
    action.validate(accounts.market.is_some())?;
    let change = match &accounts.market {
        Some(loader) => {
            let mut market = loader.load_mut()?;
            market.check_belongs(&exchange_key)?;
            let change = apply_to_market(&exchange, &mut market, &proposal, &action, accounts.oracle.as_ref(), &now)?;
            market.invariant()?;
            change
        }
        None => {
            apply_to_exchange(&mut exchange, &proposal, &action)?;
            Change::default()
        }
    };
    exchange.held_loss_atoms = QuoteAtoms(exchange.held_loss_atoms).add(change.held).or_refuse()?.0;
    proposal.state = PROPOSAL_APPLIED;
    proposal.decided_slot = now.slot;
    proposal.invariant()?;
    exchange.invariant()?;
    emit!(ProposalApplied {
        exchange: exchange_key,
        proposal: accounts.proposal.key(),
        index: proposal.index,
        market: market_key,
        action,
        funding_index_scaled: change.funding_index_scaled,
        raises_limits: change.raises_limits,
        ramp_end_slot: change.ramp_end_slot,
        settle_after_slot: change.settle_after_slot,
        oracle_price_atoms_per_lot: change.oracle_price_atoms_per_lot,
        held_loss_atoms: change.held.0,
    });
    Ok(())
}

/// What changed in a market beyond what the proposal says.
#[derive(Default)]
struct Change {
    funding_index_scaled: i64,
    raises_limits: bool,
    ramp_end_slot: u64,
    settle_after_slot: u64,
    oracle_price_atoms_per_lot: i64,
    held: QuoteAtoms,
}

fn apply_to_exchange(exchange: &mut Exchange, proposal: &Proposal, action: &ProposalAction) -> Result<()> {
    match action {
        ProposalAction::Status { status } => {
            require!(exchange.status == proposal.status_before, TaperError::ProposalMismatch);
            exchange.status = *status;
        }
        ProposalAction::Guardian { guardian } => {
            require!(*guardian != exchange.admin, TaperError::RolesNotDistinct);
            exchange.guardian = *guardian;
        }
        ProposalAction::Timelock { timelock_slots } => exchange.timelock_slots = *timelock_slots,
        ProposalAction::Params { .. } | ProposalAction::Oracle { .. } | ProposalAction::WindDown => {
            return err!(TaperError::ProposalMismatch);
        }
    }
    Ok(())
}

fn apply_to_market(
    exchange: &Exchange,
    market: &mut Market,
    proposal: &Proposal,
    action: &ProposalAction,
    oracle: Option<&UncheckedAccount>,
    now: &Now,
) -> Result<Change> {
    let mut change = Change::default();
    match action {
        ProposalAction::Params { params } => {
            let applied = apply_change(&mut market.state, params, now.slot).or_refuse()?;
            change.funding_index_scaled = market.state.charges.funding_index_scaled;
            (change.raises_limits, change.ramp_end_slot) = (applied.raises_limits, applied.ramp_end_slot);
            change.held = applied.held;
        }
        ProposalAction::Oracle { oracle_kind, oracle_key, oracle_account } => {
            let oracle = oracle.filter(|oracle| oracle.key == oracle_account).ok_or(TaperError::ProposalMismatch)?;
            market.oracle_kind = *oracle_kind;
            market.oracle_key = *oracle_key;
            market.oracle_account = *oracle_account;
            let price = live_price(market, oracle, exchange, now)?;
            change.oracle_price_atoms_per_lot = switch_oracle(market, &price, now)?;
        }
        ProposalAction::WindDown => {
            require!(market.state.settle_after_slot == 0, TaperError::AlreadyWindingDown);
            market.state.settle_after_slot = now.slot.saturating_add(exchange.timelock_slots).max(1);
            change.settle_after_slot = market.state.settle_after_slot;
        }
        ProposalAction::Status { status } => {
            require!(market.status == proposal.status_before, TaperError::ProposalMismatch);
            market.status = *status;
        }
        ProposalAction::Guardian { .. } | ProposalAction::Timelock { .. } => {
            return err!(TaperError::ProposalMismatch);
        }
    }
    Ok(change)
}

/// Takes over the first price of a new oracle. One that says something else than the old one did would move everybody's health at once;
/// only where the old one has been silent there is nothing to compare with.
fn switch_oracle(market: &mut Market, price: &OraclePrice, now: &Now) -> Result<i64> {
    require_mode(Action::ReplaceOracle, price.grade)?;
    let state = &mut market.state;
    require!(state.final_price_atoms_per_lot == 0, TaperError::MarketSettled);
    let last = &state.last_price;
    let silent = now.slot >= last.used_slot.saturating_add(ORACLE_SILENT_SLOTS);
    let distance = price.price.0.abs_diff(last.price_atoms_per_lot);
    let near = i128::from(distance).saturating_mul(10_000) <= wide_mul(last.price_atoms_per_lot, ORACLE_SWITCH_MAX_BPS);
    require!(near || silent, TaperError::OraclePriceTooFar);
    state.last_price.record(price, now.slot).or_refuse()?;
    Ok(price.price.0)
}
