//! `set_status`: of the exchange, or of one market.

use anchor_lang::prelude::*;

use crate::constants::STATUS_PAUSED;
use crate::error::TaperError;
use crate::events::StatusSet;
use crate::legs::Now;
use crate::state::{Exchange, LoadKnown, Market};

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
    /// The other one of the two, to loosen a status at once.
    pub cosigner: Option<Signer<'info>>,
}

/// The new status, if these signers may set it.
fn permitted(exchange: &Exchange, signer: &Pubkey, cosigner: Option<&Pubkey>, before: u8, status: u8) -> Result<u8> {
    require!(status <= STATUS_PAUSED, TaperError::InvalidArgument);
    exchange.check_role(signer)?;
    let signed = |role: &Pubkey| signer == role || cosigner == Some(role);
    let jointly = signed(&exchange.admin) && signed(&exchange.guardian);
    require!(status > before || (jointly && status < before), TaperError::StatusNotTightened);
    Ok(status)
}

/// Sets a status: 0 active, 1 reduce-only, 2 paused.
///
/// Specification:
/// 1. Guardian and admin may each tighten. Loosening takes both signatures, or a proposal: else whoever has the admin's key could undo
///    what the guardian has stopped, in the transaction that makes use of it.
/// 2. Needs no oracle.
///
/// # Errors
/// `InvalidArgument`, `NotGuardian`, `StatusNotTightened`, `WrongExchange`.
pub fn handle_set_status<'info>(ctx: Context<'info, SetStatus<'info>>, status: u8) -> Result<()> {
    let accounts = &ctx.accounts;
    let (by, exchange_key) = (accounts.authority.key(), accounts.exchange.key());
    let cosigner = accounts.cosigner.as_ref().map(|signer| signer.key());
    let mut exchange = accounts.exchange.load_known_mut()?;
    let market_key = match &accounts.market {
        Some(loader) => {
            let mut market = loader.load_mut()?;
            market.check_belongs(&exchange_key)?;
            market.status = permitted(&exchange, &by, cosigner.as_ref(), market.status, status)?;
            market.invariant()?;
            loader.key()
        }
        None => {
            let status = permitted(&exchange, &by, cosigner.as_ref(), exchange.status, status)?;
            exchange.set_status(status, Now::get()?.slot);
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
    fn each_role_tightens_both_together_loosen_and_strangers_do_nothing() {
        let mut exchange: Exchange = bytemuck::Zeroable::zeroed();
        let (admin, guardian, stranger) = (Pubkey::from([1; 32]), Pubkey::from([2; 32]), Pubkey::from([3; 32]));
        (exchange.admin, exchange.guardian) = (admin, guardian);
        let set = |signer, cosigner: Option<Pubkey>, before, status| {
            permitted(&exchange, &signer, cosigner.as_ref(), before, status)
        };
        let refusal = |signer, cosigner, before, status| set(signer, cosigner, before, status).unwrap_err();
        for (before, status) in [(STATUS_ACTIVE, STATUS_REDUCE_ONLY), (STATUS_REDUCE_ONLY, STATUS_PAUSED)] {
            for (role, other) in [(admin, guardian), (guardian, admin)] {
                assert_eq!(set(role, None, before, status).unwrap(), status);
                assert_eq!(set(role, Some(other), status, before).unwrap(), before);
                for cosigner in [None, Some(stranger), Some(role)] {
                    assert_eq!(refusal(role, cosigner, status, before), TaperError::StatusNotTightened.into());
                    assert_eq!(refusal(role, cosigner, status, status), TaperError::StatusNotTightened.into());
                }
                assert_eq!(refusal(role, Some(other), status, status), TaperError::StatusNotTightened.into());
                assert_eq!(refusal(stranger, Some(role), before, status), TaperError::NotGuardian.into());
            }
        }
        assert_eq!(refusal(admin, Some(guardian), STATUS_ACTIVE, 3), TaperError::InvalidArgument.into());
    }
}
