//! `create_margin_account`.

use anchor_lang::prelude::*;

use crate::address::NewAccount;
use crate::constants::{ACCOUNT_VERSION, MARGIN_SEED};
use crate::events::MarginAccountCreated;
use crate::state::{Exchange, LoadKnown, MarginAccount};

/// Accounts of `create_margin_account`.
#[derive(Accounts)]
#[instruction(number: u16)]
pub struct CreateMarginAccount<'info> {
    /// Pays the rent; becomes the owner.
    #[account(mut)]
    pub authority: Signer<'info>,
    /// The exchange.
    pub exchange: AccountLoader<'info, Exchange>,
    /// CHECK: the new margin account; its address is checked here, `NewAccount` refuses one that exists.
    #[account(
        mut,
        seeds = [MARGIN_SEED, exchange.key().as_ref(), authority.key().as_ref(), &number.to_le_bytes()],
        bump,
    )]
    pub margin_account: UncheckedAccount<'info>,
    /// The system program.
    pub system_program: Program<'info, System>,
}

impl<'info> CreateMarginAccount<'info> {
    fn create(&'info self, number: u16, bump: u8) -> Result<AccountLoader<'info, MarginAccount>> {
        let (exchange, authority) = (self.exchange.key(), self.authority.key());
        NewAccount {
            payer: &self.authority,
            account: &self.margin_account,
            seeds: &[MARGIN_SEED, exchange.as_ref(), authority.as_ref(), &number.to_le_bytes(), &[bump]],
            space: MarginAccount::SPACE,
            owner: &crate::ID,
        }
        .create()?;
        AccountLoader::try_from_unchecked(&crate::ID, self.margin_account.as_ref())
    }
}

/// Opens a margin account.
///
/// Specification: the signer pays and owns it; `always_full_close` asks for less mercy in a liquidation, for good.
///
/// # Errors
/// `AccountExists`, `WrongVersion`; the system program's, when the payer cannot pay.
pub fn handle_create_margin_account<'info>(
    ctx: Context<'info, CreateMarginAccount<'info>>,
    number: u16,
    always_full_close: bool,
) -> Result<()> {
    let bump = ctx.bumps.margin_account;
    let accounts: &'info CreateMarginAccount<'info> = ctx.accounts;
    accounts.exchange.load_known()?;
    let loader = accounts.create(number, bump)?;
    {
        let mut account = loader.load_init()?;
        account.version = ACCOUNT_VERSION;
        account.bump = bump;
        account.number = number;
        account.exchange = accounts.exchange.key();
        account.authority = accounts.authority.key();
        account.state.always_full_close = u8::from(always_full_close);
        account.invariant()?;
    }
    // Writes the discriminator, as Anchor does for accounts that it created itself.
    loader.exit(&crate::ID)?;
    emit!(MarginAccountCreated {
        exchange: accounts.exchange.key(),
        margin_account: accounts.margin_account.key(),
        authority: accounts.authority.key(),
        number,
        always_full_close,
    });
    Ok(())
}
