//! `donate_insurance`.

use anchor_lang::prelude::*;
use anchor_spl::token_interface::{TokenAccount, TokenInterface};
use taper_engine::cash;
use taper_engine::quantity::QuoteAtoms;

use crate::error::{Refusal, TaperError};
use crate::events::InsuranceDonated;
use crate::state::{Exchange, LoadKnown, Market};
use crate::token::{check_token_accounts, VaultTransfer};

/// Accounts of `donate_insurance`.
#[derive(Accounts)]
pub struct DonateInsurance<'info> {
    /// Who pays: anyone.
    pub donor: Signer<'info>,
    /// The exchange.
    #[account(mut)]
    pub exchange: AccountLoader<'info, Exchange>,
    /// The market that it is for. Without it the donation is the fund's, and no market's entitlement grows by it.
    #[account(mut)]
    pub market: Option<AccountLoader<'info, Market>>,
    /// The donor's tokens.
    #[account(mut, dup)]
    pub donor_token_account: InterfaceAccount<'info, TokenAccount>,
    /// CHECK: compared with the exchange's vault.
    #[account(mut)]
    pub vault: UncheckedAccount<'info>,
    /// CHECK: compared with the exchange's quote mint.
    pub quote_mint: UncheckedAccount<'info>,
    /// The token program; compared with the exchange's.
    pub token_program: Interface<'info, TokenInterface>,
}

impl DonateInsurance<'_> {
    /// Returns the decimals of the mint.
    fn validate(&self) -> Result<u8> {
        let exchange = self.exchange.load_known()?;
        check_token_accounts(&exchange, self.vault.key, self.quote_mint.key, self.token_program.key)?;
        require!(self.donor_token_account.mint == exchange.quote_mint, TaperError::WrongMint);
        require!(self.donor_token_account.key() != exchange.vault, TaperError::DuplicateAccount);
        Ok(exchange.quote_decimals)
    }
}

/// Donates to insurance. Nobody gets it back.
///
/// Specification:
/// 1. Anyone pays, at any status. The exchange's fund grows by exactly the amount, and so does the vault.
/// 2. With a market, what that market may draw over its life grows by as much.
///
/// # Errors
/// `AmountZero`, `MathOverflow`, `WrongVault`, `WrongMint`, `WrongTokenProgram`, `WrongExchange`, `DuplicateAccount`; the token program's.
pub fn handle_donate_insurance<'info>(ctx: Context<'info, DonateInsurance<'info>>, amount_atoms: u64) -> Result<()> {
    let accounts = &ctx.accounts;
    let decimals = accounts.validate()?;
    let amount = cash::amount(amount_atoms).or_refuse()?;
    let market_key = match &accounts.market {
        Some(loader) => {
            let mut market = loader.load_mut()?;
            market.check_belongs(&accounts.exchange.key())?;
            market.state.donated(amount).or_refuse()?;
            market.invariant()?;
            loader.key()
        }
        None => Pubkey::default(),
    };
    let fund_after_atoms = {
        let mut exchange = accounts.exchange.load_known_mut()?;
        exchange.insurance_atoms = cash::added(QuoteAtoms(exchange.insurance_atoms), amount).or_refuse()?.0;
        exchange.insurance_donated_atoms = QuoteAtoms(exchange.insurance_donated_atoms).add(amount).or_refuse()?.0;
        exchange.invariant()?;
        exchange.insurance_atoms
    };
    let transfer = VaultTransfer {
        vault: &accounts.vault,
        token_account: accounts.donor_token_account.as_ref(),
        mint: &accounts.quote_mint,
        token_program: &accounts.token_program,
        decimals,
    };
    transfer.collect(&accounts.donor, amount_atoms)?;
    emit!(InsuranceDonated {
        exchange: accounts.exchange.key(),
        market: market_key,
        donor: accounts.donor.key(),
        amount_atoms,
        fund_after_atoms,
    });
    Ok(())
}
