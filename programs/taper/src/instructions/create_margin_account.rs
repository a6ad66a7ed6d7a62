//! `create_margin_account`.

use anchor_lang::prelude::*;

use crate::constants::{ACCOUNT_VERSION, MARGIN_SEED};
use crate::events::MarginAccountCreated;
use crate::state::{Exchange, MarginAccount};

/// Accounts of `create_margin_account`.
#[derive(Accounts)]
#[instruction(number: u16)]
pub struct CreateMarginAccount<'info> {
    /// Pays the rent; becomes the owner.
    #[account(mut)]
    pub authority: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// The new margin account.
    #[account(
        init,
        payer = authority,
        space = MarginAccount::SPACE,
        seeds = [MARGIN_SEED, exchange.key().as_ref(), authority.key().as_ref(), &number.to_le_bytes()],
        bump,
    )]
    pub margin_account: AccountLoader<'info, MarginAccount>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

/// Opens a margin account.
///
/// Specification: the signer pays and owns it; `always_full_close` asks for less mercy in a liquidation, for good.
///
/// # Errors
/// The system program's, when the account exists.
pub fn handle_create_margin_account<'info>(
    ctx: Context<'info, CreateMarginAccount<'info>>,
    number: u16,
    always_full_close: bool,
) -> Result<()> {
    let accounts = &ctx.accounts;
    let mut account = accounts.margin_account.load_init()?;
    account.version = ACCOUNT_VERSION;
    account.bump = ctx.bumps.margin_account;
    account.number = number;
    account.exchange = accounts.exchange.key();
    account.authority = accounts.authority.key();
    account.state.always_full_close = u8::from(always_full_close);
    account.invariant()?;
    emit!(MarginAccountCreated {
        exchange: account.exchange,
        margin_account: accounts.margin_account.key(),
        authority: account.authority,
        number,
        always_full_close,
    });
    Ok(())
}
