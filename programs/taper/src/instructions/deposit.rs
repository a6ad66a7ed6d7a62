//! `deposit`.

use anchor_lang::prelude::*;
use anchor_spl::token_interface::{TokenAccount, TokenInterface};
use taper_engine::cash;
use taper_engine::episode::owner_acted;
use taper_engine::quantity::QuoteAtoms;

use crate::error::{Refusal, TaperError};
use crate::events::Deposited;
use crate::legs::{require_consumed, sweep_writable, Needs, Now, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount};
use crate::token::{check_token_accounts, VaultTransfer};

/// Accounts of `deposit`. Remaining: nothing, or `[market, oracle]` of every position, in order.
#[derive(Accounts)]
pub struct Deposit<'info> {
    /// Who pays: anyone.
    pub depositor: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The margin account that gets the cash.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// The depositor's tokens.
    #[account(mut, dup)]
    pub depositor_token_account: InterfaceAccount<'info, TokenAccount>,
    /// CHECK: compared with the exchange's vault.
    #[account(mut)]
    pub vault: UncheckedAccount<'info>,
    /// CHECK: compared with the exchange's quote mint.
    pub quote_mint: UncheckedAccount<'info>,
    /// The token program; compared with the exchange's.
    pub token_program: Interface<'info, TokenInterface>,
}

impl Deposit<'_> {
    /// Returns the decimals of the mint.
    fn validate(&self) -> Result<u8> {
        let exchange = self.exchange.load_known()?;
        check_token_accounts(&exchange, self.vault.key, self.quote_mint.key, self.token_program.key)?;
        require!(self.depositor_token_account.mint == exchange.quote_mint, TaperError::WrongMint);
        require!(self.depositor_token_account.key() != exchange.vault, TaperError::DuplicateAccount);
        self.margin_account.load()?.check_belongs(&self.exchange.key())?;
        Ok(exchange.quote_decimals)
    }
}

/// Brings tokens into a margin account.
///
/// Specification:
/// 1. Anyone pays, for any account, whatever the status of the exchange.
/// 2. With the legs among the remaining accounts, writable ones are swept, and a deposit that brings the account to initial margin
///    ends its liquidation episode. Without them it is cash and nothing else.
/// 3. The vault grows by exactly the amount.
///
/// # Errors
/// `AmountZero`, `MathOverflow`, `WrongVault`, `WrongMint`, `WrongTokenProgram`, `WrongExchange`, `DuplicateAccount`; of the legs;
/// the token program's.
pub fn handle_deposit<'info>(ctx: Context<'info, Deposit<'info>>, amount_atoms: u64) -> Result<()> {
    let accounts = &ctx.accounts;
    let decimals = accounts.validate()?;
    let amount = cash::amount(amount_atoms).or_refuse()?;
    let (cash_after_atoms, episode_ended) = accounts.credit(ctx.remaining_accounts, amount)?;
    let transfer = VaultTransfer {
        vault: &accounts.vault,
        token_account: accounts.depositor_token_account.as_ref(),
        mint: &accounts.quote_mint,
        token_program: &accounts.token_program,
        decimals,
    };
    transfer.collect(&accounts.depositor, amount_atoms)?;
    emit!(Deposited {
        margin_account: accounts.margin_account.key(),
        depositor: accounts.depositor.key(),
        amount_atoms,
        cash_after_atoms,
        episode_ended,
    });
    Ok(())
}

impl<'info> Deposit<'info> {
    /// Credits the cash; with legs, sees whether the episode ends. Returns cash after, and whether it did.
    fn credit(&self, remaining: &'info [AccountInfo<'info>], amount: QuoteAtoms) -> Result<(i64, bool)> {
        let mut account = self.margin_account.load_mut()?;
        account.state.credit(amount).or_refuse()?;
        let mut ended = false;
        if !remaining.is_empty() {
            ended = self.observe(remaining, &mut account)?;
        }
        account.invariant()?;
        Ok((account.state.cash_atoms, ended))
    }

    fn observe(&self, remaining: &'info [AccountInfo<'info>], account: &mut MarginAccount) -> Result<bool> {
        let now = Now::get()?;
        let (exchange_key, account_key) = (self.exchange.key(), self.margin_account.key());
        sweep_writable(&exchange_key, account, &account_key, remaining, now.slot)?;
        let exchange = self.exchange.load_known()?;
        let walk = Walk { exchange: &exchange, exchange_key: &exchange_key, account, account_key: &account_key, now };
        let mut rest = remaining;
        let legs = walk.value(None, &mut rest, Needs::DEPOSIT)?;
        require_consumed(rest)?;
        let Some(totals) = legs.initial() else {
            return Ok(false);
        };
        let health = totals.with_cash(QuoteAtoms(account.state.cash_atoms)).or_refuse()?;
        Ok(owner_acted(&mut account.state, &health, now.slot))
    }
}
