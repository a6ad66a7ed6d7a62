//! Creating accounts at program addresses.
//!
//! Anchor's `init` asks the system program for `CreateAccountAllowPrefund` when the address already has lamports, which clusters of
//! today refuse: anybody could keep an account from being created by sending it one lamport. Here such an address is topped up,
//! allocated and assigned instead.

use anchor_lang::prelude::*;
use anchor_lang::system_program::{
    self, allocate, assign, create_account, transfer, Allocate, Assign, CreateAccount, Transfer,
};

use crate::error::TaperError;

/// An account to be created.
pub struct NewAccount<'a, 'info> {
    /// Pays the rent; signs.
    pub payer: &'a AccountInfo<'info>,
    /// The address, already checked against its seeds.
    pub account: &'a AccountInfo<'info>,
    /// Its seeds, bump included.
    pub seeds: &'a [&'a [u8]],
    /// Its size.
    pub space: usize,
    /// The program it will belong to.
    pub owner: &'a Pubkey,
}

impl NewAccount<'_, '_> {
    /// Creates the account, rent-exempt and all zeroes.
    ///
    /// # Errors
    /// `AccountExists`; the system program's, when the payer cannot pay.
    pub fn create(&self) -> Result<()> {
        let unused = *self.account.owner == system_program::ID && self.account.data_is_empty();
        require!(unused, TaperError::AccountExists);
        let space = u64::try_from(self.space).map_err(|_| TaperError::MathOverflow)?;
        let rent = Rent::get()?.minimum_balance(self.space);
        let signers = [self.seeds];
        let program = system_program::ID;
        if self.account.lamports() == 0 {
            let accounts = CreateAccount { from: self.payer.clone(), to: self.account.clone() };
            let context = CpiContext::new_with_signer(program, accounts, &signers);
            return create_account(context, rent, space, self.owner);
        }
        if let Some(missing) = rent.checked_sub(self.account.lamports()).filter(|missing| *missing != 0) {
            let accounts = Transfer { from: self.payer.clone(), to: self.account.clone() };
            transfer(CpiContext::new(program, accounts), missing)?;
        }
        let accounts = Allocate { account_to_allocate: self.account.clone() };
        allocate(CpiContext::new_with_signer(program, accounts, &signers), space)?;
        let accounts = Assign { account_to_assign: self.account.clone() };
        assign(CpiContext::new_with_signer(program, accounts, &signers), self.owner)
    }
}
