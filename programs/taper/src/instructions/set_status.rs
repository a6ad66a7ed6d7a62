//! `set_status`: of the exchange, or of one market.

use anchor_lang::prelude::*;

use crate::constants::STATUS_PAUSED;
use crate::error::TaperError;
use crate::events::StatusSet;
use crate::state::{Exchange, Market};

/// Accounts of `set_status`.
#[derive(Accounts)]
pub struct SetStatus<'info> {
    /// The guardian or the admin.
    pub authority: Signer<'info>,
    /// The exchange.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market whose status is set; without it, the exchange's own is.
    #[account(mut)]
    pub market: Option<AccountLoader<'info, Market>>,
}

/// The new status, if this signer may set it.
fn permitted(exchange: &Exchange, signer: &Pubkey, before: u8, status: u8) -> Result<u8> {
    require!(status <= STATUS_PAUSED, TaperError::InvalidArgument);
    if exchange.admin == *signer {
        return Ok(status);
    }
    require!(exchange.guardian == *signer, TaperError::NotGuardian);
    require!(status > before, TaperError::StatusNotTightened);
    Ok(status)
}

/// Sets a status: 0 active, 1 reduce-only, 2 paused.
///
/// Specification: the guardian may only tighten; the admin may set any. Needs no oracle.
///
/// # Errors
/// `InvalidArgument`, `NotGuardian`, `StatusNotTightened`, `WrongExchange`.
pub fn handle_set_status<'info>(ctx: Context<'info, SetStatus<'info>>, status: u8) -> Result<()> {
    let accounts = &ctx.accounts;
    let (by, exchange_key) = (accounts.authority.key(), accounts.exchange.key());
    let mut exchange = accounts.exchange.load_mut()?;
    let market_key = match &accounts.market {
        Some(loader) => {
            let mut market = loader.load_mut()?;
            market.check_belongs(&exchange_key)?;
            market.status = permitted(&exchange, &by, market.status, status)?;
            market.invariant()?;
            loader.key()
        }
        None => {
            exchange.status = permitted(&exchange, &by, exchange.status, status)?;
            exchange.invariant()?;
            Pubkey::default()
        }
    };
    emit!(StatusSet { exchange: exchange_key, market: market_key, by, status });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::{STATUS_ACTIVE, STATUS_REDUCE_ONLY};

    #[test]
    fn the_guardian_only_tightens_and_strangers_do_nothing() {
        let mut exchange: Exchange = bytemuck::Zeroable::zeroed();
        let (admin, guardian, stranger) = (Pubkey::from([1; 32]), Pubkey::from([2; 32]), Pubkey::from([3; 32]));
        (exchange.admin, exchange.guardian) = (admin, guardian);
        let refusal = |signer, before, status| permitted(&exchange, &signer, before, status).unwrap_err();
        for (before, status) in [(STATUS_ACTIVE, STATUS_REDUCE_ONLY), (STATUS_REDUCE_ONLY, STATUS_PAUSED)] {
            assert_eq!(permitted(&exchange, &guardian, before, status).unwrap(), status);
            assert_eq!(permitted(&exchange, &admin, status, before).unwrap(), before);
            assert_eq!(refusal(guardian, status, before), TaperError::StatusNotTightened.into());
            assert_eq!(refusal(guardian, status, status), TaperError::StatusNotTightened.into());
            assert_eq!(refusal(stranger, before, status), TaperError::NotGuardian.into());
        }
        assert_eq!(refusal(admin, STATUS_ACTIVE, 3), TaperError::InvalidArgument.into());
    }
}
