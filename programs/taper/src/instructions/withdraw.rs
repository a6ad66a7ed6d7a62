//! `withdraw`.

use anchor_lang::prelude::*;
use anchor_spl::token_interface::{TokenAccount, TokenInterface};

use crate::error::{Refusal, TaperError};
use crate::events::Withdrawn;
use crate::legs::{require_consumed, sweep_writable, Needs, Now, Walk};
use crate::state::{Exchange, LoadKnown, MarginAccount};
use crate::token::{check_token_accounts, ExchangeSeeds, VaultTransfer};

/// Accounts of `withdraw`. Remaining: `[market, oracle]` of every position, in order.
#[derive(Accounts)]
pub struct Withdraw<'info> {
    /// The owner.
    pub authority: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The margin account.
    #[account(mut)]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// Where the tokens go.
    #[account(mut, dup)]
    pub token_account: InterfaceAccount<'info, TokenAccount>,
    /// CHECK: compared with the exchange's vault.
    #[account(mut)]
    pub vault: UncheckedAccount<'info>,
    /// CHECK: compared with the exchange's quote mint.
    pub quote_mint: UncheckedAccount<'info>,
    /// The token program; compared with the exchange's.
    pub token_program: Interface<'info, TokenInterface>,
}

impl Withdraw<'_> {
    fn validate(&self) -> Result<()> {
        let exchange = self.exchange.load_known()?;
        check_token_accounts(&exchange, self.vault.key, self.quote_mint.key, self.token_program.key)?;
        require!(self.token_account.mint == exchange.quote_mint, TaperError::WrongMint);
        require!(self.token_account.key() != exchange.vault, TaperError::DuplicateAccount);
        let account = self.margin_account.load()?;
        account.check_belongs(&self.exchange.key())?;
        account.check_owner(self.authority.key)?;
        Ok(())
    }
}

/// Takes tokens out of a margin account.
///
/// Specification:
/// 1. Only the owner; not while a pause of the exchange holds withdrawals, which it does for a day in two at most.
/// 2. Legs that are writable are swept first; then all are valued. Every price must be fresh.
/// 3. Cash covers the amount, and initial health is at least 1 after (INV-14).
/// 4. The vault shrinks by exactly the amount, and keeps at least what is recorded of uncovered deficits and losses.
///
/// # Errors
/// `ExchangePaused`, `NotAuthority`, `OwnerOnly`, `AmountZero`, `InsufficientCash`, `InitialHealthTooLow`, `WrongVault`, `WrongMint`,
/// `WrongTokenProgram`, `WrongExchange`, `DuplicateAccount`, `WithdrawalHeld`, `VaultCannotPay`; of the legs and their oracles; the token program's.
pub fn handle_withdraw<'info>(ctx: Context<'info, Withdraw<'info>>, amount_atoms: u64) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.validate()?;
    let cash_after_atoms = accounts.debit(ctx.remaining_accounts, amount_atoms)?;
    let (decimals, seeds, held_atoms) = {
        let exchange = accounts.exchange.load_known()?;
        (exchange.quote_decimals, ExchangeSeeds::from(&*exchange), exchange.uncovered_atoms()?)
    };
    let transfer = VaultTransfer {
        vault: &accounts.vault,
        token_account: accounts.token_account.as_ref(),
        mint: &accounts.quote_mint,
        token_program: &accounts.token_program,
        decimals,
    };
    transfer.check_gate(held_atoms, amount_atoms)?;
    transfer.pay(accounts.exchange.as_ref(), &seeds, amount_atoms)?;
    emit!(Withdrawn {
        margin_account: accounts.margin_account.key(),
        token_account: accounts.token_account.key(),
        amount_atoms,
        cash_after_atoms,
    });
    Ok(())
}

impl<'info> Withdraw<'info> {
    /// Takes the amount from cash, if the account may lose it. Returns cash after.
    fn debit(&self, remaining: &'info [AccountInfo<'info>], amount_atoms: u64) -> Result<i64> {
        let now = Now::get()?;
        let (exchange_key, account_key) = (self.exchange.key(), self.margin_account.key());
        let mut account = self.margin_account.load_mut()?;
        sweep_writable(&exchange_key, &mut account, &account_key, remaining, now.slot)?;
        let exchange = self.exchange.load_known()?;
        require!(!exchange.holds_withdrawals(now.slot), TaperError::ExchangePaused);
        let walk = Walk {
            exchange: &exchange,
            exchange_key: &exchange_key,
            account: &account,
            account_key: &account_key,
            now,
        };
        let mut rest = remaining;
        let legs = walk.value(None, &mut rest, Needs::WITHDRAWAL)?;
        require_consumed(rest)?;
        account.state.withdraw(amount_atoms, legs.require_initial()?).or_refuse()?;
        account.invariant()?;
        Ok(account.state.cash_atoms)
    }
}
