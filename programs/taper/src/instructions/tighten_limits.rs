//! `tighten_limits`.

use anchor_lang::prelude::*;
use taper_engine::governance::{tighten, Limits};

use crate::error::Refusal;
use crate::events::LimitsTightened;
use crate::legs::Now;
use crate::state::{Exchange, LoadKnown, Market};

/// Accounts of `tighten_limits`.
#[derive(Accounts)]
pub struct TightenLimits<'info> {
    /// The guardian or the admin.
    pub authority: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market.
    #[account(mut)]
    pub market: AccountLoader<'info, Market>,
}

/// The limits to be lowered; none leaves one as it is.
#[derive(AnchorSerialize, AnchorDeserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TightenLimitsArgs {
    /// Largest open interest, in lots.
    pub open_interest_cap_base_lots: Option<i64>,
    /// Largest notional of a position: the last tier's edge, in quote atoms.
    pub position_cap_atoms: Option<u64>,
    /// Net profit that may be swept out before losers have paid, in quote atoms.
    pub sweep_cap_atoms: Option<i64>,
    /// What insurance pays within its window, in quote atoms.
    pub insurance_draw_cap_atoms: Option<i64>,
    /// What insurance pays beyond what the market paid in, in quote atoms.
    pub insurance_grant_atoms: Option<i64>,
}

impl From<&TightenLimitsArgs> for Limits {
    fn from(args: &TightenLimitsArgs) -> Self {
        Self {
            open_interest_cap_base_lots: args.open_interest_cap_base_lots,
            position_cap_atoms: args.position_cap_atoms,
            sweep_cap_atoms: args.sweep_cap_atoms,
            insurance_draw_cap_atoms: args.insurance_draw_cap_atoms,
            insurance_grant_atoms: args.insurance_grant_atoms,
        }
    }
}

/// Lowers limits of a market at once.
///
/// Specification: the guardian or the admin; no limit rises, and one falls. Needs no oracle. What is open stays open. A sweep cap stops
/// at what has been swept out (INV-12).
///
/// # Errors
/// `NotGuardian`, `WrongExchange`, `LimitNotLowered`, `InvalidParameters`.
pub fn handle_tighten_limits<'info>(ctx: Context<'info, TightenLimits<'info>>, args: &TightenLimitsArgs) -> Result<()> {
    let accounts = &ctx.accounts;
    let (by, exchange_key) = (accounts.authority.key(), accounts.exchange.key());
    accounts.exchange.load_known()?.check_role(&by)?;
    let mut market = accounts.market.load_mut()?;
    market.check_belongs(&exchange_key)?;
    tighten(&mut market.state, &args.into(), Now::get()?.slot).or_refuse()?;
    market.invariant()?;
    let params = &market.state.params;
    emit!(LimitsTightened {
        exchange: exchange_key,
        market: accounts.market.key(),
        by,
        open_interest_cap_base_lots: params.open_interest_cap_base_lots,
        position_cap_atoms: params.tiers().last().map_or(0, |tier| tier.notional_cap_atoms),
        sweep_cap_atoms: params.sweep_cap_atoms,
        insurance_draw_cap_atoms: params.insurance_draw_cap_atoms,
        insurance_grant_atoms: params.insurance_grant_atoms,
    });
    Ok(())
}
