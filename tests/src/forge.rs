//! Accounts that no transaction has written: states which would take thousands of transactions to reach.

use solana_account::Account;
use solana_pubkey::Pubkey;
use taper_sdk::account::{copied, ProgramAccount};

use crate::chain::Chain;
use crate::error::{HarnessError, Result};

impl Chain {
    /// Rewrites an account of the program. What the change leaves inconsistent, the next audit finds; the indexer knows
    /// nothing of it.
    ///
    /// # Errors
    /// As [`Chain::load`].
    pub fn forge<T: ProgramAccount>(&mut self, key: &Pubkey, change: impl FnOnce(&mut T)) -> Result<()> {
        let account = self.get(key)?;
        let mut body: Box<T> = copied(&account.data).map_err(|error| HarnessError::Decode { account: *key, error })?;
        change(&mut body);
        let data = [T::DISCRIMINATOR, bytemuck::bytes_of(body.as_ref())].concat();
        let forged = Account { data, ..account.clone() };
        self.set_account(key, forged);
        Ok(())
    }
}
