//! `initialize_exchange`: an exchange and its vault.

use anchor_lang::prelude::*;
use anchor_spl::token::TokenAccount;
use anchor_spl::token_interface::{initialize_account3, InitializeAccount3, Mint, TokenInterface};

use crate::address::NewAccount;
use crate::constants::{ACCOUNT_VERSION, EXCHANGE_SEED, QUOTE_DECIMALS_MAX, TIMELOCK_MAX_SLOTS, VAULT_SEED};
use crate::error::TaperError;
use crate::events::ExchangeInitialized;
use crate::state::Exchange;
use crate::token::check_mint;

/// Bytes of a token account without extensions, alike in both token programs.
const VAULT_SPACE: usize = TokenAccount::LEN;

/// Accounts of `initialize_exchange`.
#[derive(Accounts)]
#[instruction(index: u16)]
pub struct InitializeExchange<'info> {
    /// Pays the rent; becomes the admin.
    #[account(mut)]
    pub admin: Signer<'info>,
    /// CHECK: the new exchange; its address is checked here, `NewAccount` refuses one that exists.
    #[account(mut, seeds = [EXCHANGE_SEED, admin.key().as_ref(), &index.to_le_bytes()], bump)]
    pub exchange: UncheckedAccount<'info>,
    /// CHECK: its vault; likewise.
    #[account(mut, seeds = [VAULT_SEED, exchange.key().as_ref()], bump)]
    pub vault: UncheckedAccount<'info>,
    /// The mint that cash is counted in.
    pub quote_mint: Box<InterfaceAccount<'info, Mint>>,
    /// The token program that owns the mint.
    pub token_program: Interface<'info, TokenInterface>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl<'info> InitializeExchange<'info> {
    fn validate(&self, guardian: &Pubkey, timelock_slots: u64) -> Result<()> {
        let mint: &AccountInfo = self.quote_mint.as_ref().as_ref();
        require!(mint.owner == self.token_program.key, TaperError::WrongTokenProgram);
        check_mint(mint)?;
        let sound = self.quote_mint.decimals <= QUOTE_DECIMALS_MAX && *guardian != Pubkey::default();
        require!(sound, TaperError::InvalidArgument);
        require!(guardian != self.admin.key, TaperError::RolesNotDistinct);
        require!(timelock_slots <= TIMELOCK_MAX_SLOTS, TaperError::TimelockOutOfRange);
        Ok(())
    }

    fn create_exchange(&'info self, index: u16, bump: u8) -> Result<AccountLoader<'info, Exchange>> {
        let admin = self.admin.key();
        NewAccount {
            payer: &self.admin,
            account: &self.exchange,
            seeds: &[EXCHANGE_SEED, admin.as_ref(), &index.to_le_bytes(), &[bump]],
            space: Exchange::SPACE,
            owner: &crate::ID,
        }
        .create()?;
        AccountLoader::try_from_unchecked(&crate::ID, self.exchange.as_ref())
    }

    /// A token account of the exchange's own. The mint's extensions have been checked: none needs more room in it.
    fn create_vault(&self, bump: u8) -> Result<()> {
        let exchange = self.exchange.key();
        NewAccount {
            payer: &self.admin,
            account: &self.vault,
            seeds: &[VAULT_SEED, exchange.as_ref(), &[bump]],
            space: VAULT_SPACE,
            owner: self.token_program.key,
        }
        .create()?;
        let accounts = InitializeAccount3 {
            account: self.vault.to_account_info(),
            mint: self.quote_mint.to_account_info(),
            authority: self.exchange.to_account_info(),
        };
        initialize_account3(CpiContext::new(self.token_program.key(), accounts))
    }
}

/// Creates an exchange for one quote mint.
///
/// Specification:
/// 1. The signer pays and becomes the admin; the address depends on it and on `index`.
/// 2. A mint that taxes, hooks, stops or seizes transfers is refused.
/// 3. The vault belongs to the exchange's address.
/// 4. Admin and guardian are different keys. The timelock is at most 30 days; without one, for tests and local clusters, whoever has the
///    admin's key can change everything at once.
///
/// # Errors
/// `AccountExists`, `WrongTokenProgram`; `MintHas…`, `MintNonTransferable`, `MintDefaultFrozen`, `MintPausable`, `MintExtensionNotSupported`; `InvalidArgument` for a
/// mint of more than nine decimals or a zero guardian; `RolesNotDistinct`, `TimelockOutOfRange`.
pub fn handle_initialize_exchange<'info>(
    ctx: Context<'info, InitializeExchange<'info>>,
    index: u16,
    guardian: Pubkey,
    timelock_slots: u64,
) -> Result<()> {
    let (bump, vault_bump) = (ctx.bumps.exchange, ctx.bumps.vault);
    let accounts: &'info InitializeExchange<'info> = ctx.accounts;
    accounts.validate(&guardian, timelock_slots)?;
    let loader = accounts.create_exchange(index, bump)?;
    accounts.create_vault(vault_bump)?;
    let (admin, quote_mint, vault) = (accounts.admin.key(), accounts.quote_mint.key(), accounts.vault.key());
    {
        let mut exchange = loader.load_init()?;
        exchange.version = ACCOUNT_VERSION;
        exchange.bump = bump;
        exchange.vault_bump = vault_bump;
        exchange.index = index;
        exchange.quote_decimals = accounts.quote_mint.decimals;
        exchange.creator = admin;
        exchange.admin = admin;
        exchange.guardian = guardian;
        exchange.timelock_slots = timelock_slots;
        exchange.quote_mint = quote_mint;
        exchange.vault = vault;
        exchange.token_program = accounts.token_program.key();
        exchange.invariant()?;
    }
    // Writes the discriminator, as Anchor does for accounts that it created itself.
    loader.exit(&crate::ID)?;
    emit!(ExchangeInitialized {
        exchange: accounts.exchange.key(),
        admin,
        guardian,
        quote_mint,
        vault,
        timelock_slots
    });
    Ok(())
}
