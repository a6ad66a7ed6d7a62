//! `initialize_exchange`: an exchange and its vault.

use anchor_lang::prelude::*;
use anchor_spl::token_interface::{Mint, TokenAccount, TokenInterface};

use crate::constants::{ACCOUNT_VERSION, EXCHANGE_SEED, QUOTE_DECIMALS_MAX, VAULT_SEED};
use crate::error::TaperError;
use crate::events::ExchangeInitialized;
use crate::state::Exchange;
use crate::token::check_mint;

/// Accounts of `initialize_exchange`.
#[derive(Accounts)]
#[instruction(index: u16)]
pub struct InitializeExchange<'info> {
    /// Pays the rent; becomes the admin.
    #[account(mut)]
    pub admin: Signer<'info>,
    /// The new exchange.
    #[account(
        init,
        payer = admin,
        space = Exchange::SPACE,
        seeds = [EXCHANGE_SEED, admin.key().as_ref(), &index.to_le_bytes()],
        bump,
    )]
    pub exchange: AccountLoader<'info, Exchange>,
    /// Its vault.
    #[account(
        init,
        payer = admin,
        seeds = [VAULT_SEED, exchange.key().as_ref()],
        bump,
        token::mint = quote_mint,
        token::authority = exchange,
        token::token_program = token_program,
    )]
    pub vault: Box<InterfaceAccount<'info, TokenAccount>>,
    /// The mint that cash is counted in.
    pub quote_mint: Box<InterfaceAccount<'info, Mint>>,
    /// The token program that owns the mint.
    pub token_program: Interface<'info, TokenInterface>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl InitializeExchange<'_> {
    fn validate(&self) -> Result<()> {
        check_mint(self.quote_mint.as_ref().as_ref())?;
        require!(self.quote_mint.decimals <= QUOTE_DECIMALS_MAX, TaperError::InvalidArgument);
        Ok(())
    }
}

/// Creates an exchange for one quote mint.
///
/// Specification:
/// 1. The signer pays and becomes the admin; the address depends on it and on `index`.
/// 2. A mint that taxes, hooks, stops or seizes transfers is refused.
/// 3. The vault belongs to the exchange's address.
///
/// # Errors
/// `MintHas…`, `MintNonTransferable`, `MintDefaultFrozen`, `MintPausable`, `MintExtensionNotSupported`; `InvalidArgument` for a
/// mint of more than nine decimals or a zero guardian.
pub fn handle_initialize_exchange<'info>(
    ctx: Context<'info, InitializeExchange<'info>>,
    index: u16,
    guardian: Pubkey,
) -> Result<()> {
    let accounts = &ctx.accounts;
    accounts.validate()?;
    require!(guardian != Pubkey::default(), TaperError::InvalidArgument);
    let mut exchange = accounts.exchange.load_init()?;
    exchange.version = ACCOUNT_VERSION;
    exchange.bump = ctx.bumps.exchange;
    exchange.vault_bump = ctx.bumps.vault;
    exchange.index = index;
    exchange.quote_decimals = accounts.quote_mint.decimals;
    exchange.creator = accounts.admin.key();
    exchange.admin = accounts.admin.key();
    exchange.guardian = guardian;
    exchange.quote_mint = accounts.quote_mint.key();
    exchange.vault = accounts.vault.key();
    exchange.token_program = accounts.token_program.key();
    exchange.invariant()?;
    emit!(ExchangeInitialized {
        exchange: accounts.exchange.key(),
        admin: exchange.admin,
        guardian,
        quote_mint: exchange.quote_mint,
        vault: exchange.vault,
    });
    Ok(())
}
