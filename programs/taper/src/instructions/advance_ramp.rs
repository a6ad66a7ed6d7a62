//! `advance_ramp`.

use anchor_lang::prelude::*;
use taper_engine::governance;

use crate::constants::ACCOUNT_VERSION;
use crate::error::{Refusal, TaperError};
use crate::events::RampAdvanced;
use crate::legs::Now;
use crate::state::Market;

/// Accounts of `advance_ramp`. Nobody signs.
#[derive(Accounts)]
pub struct AdvanceRamp<'info> {
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
}

/// Moves maintenance rates and tier edges to where their ramp is in this slot.
///
/// Specification: anyone. Linear in slots, rounded in the accounts' favour; every inequality holds at every step.
///
/// # Errors
/// `NoRamp`.
pub fn handle_advance_ramp<'info>(ctx: Context<'info, AdvanceRamp<'info>>) -> Result<()> {
    let mut market = ctx.accounts.market.load_mut()?;
    require!(market.version == ACCOUNT_VERSION, TaperError::WrongVersion);
    governance::advance_ramp(&mut market.state, Now::get()?.slot).or_refuse()?;
    market.invariant()?;
    emit!(RampAdvanced {
        market: ctx.accounts.market.key(),
        tiers: market.state.params.tiers,
        ramp_end_slot: market.state.ramp.end_slot,
    });
    Ok(())
}
