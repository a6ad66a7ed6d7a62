//! Mints and token accounts, written as bytes.

use solana_account::Account;
use solana_program_pack::Pack;
use solana_pubkey::Pubkey;
use spl_token_interface::state::{Account as TokenAccount, AccountState, Mint};

/// The SPL token program.
pub const TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");

const LAMPORTS: u64 = 10_000_000;

fn packed<T: Pack>(state: T) -> Account {
    let mut data = vec![0; T::LEN];
    state.pack_into_slice(&mut data);
    Account { lamports: LAMPORTS, data, owner: TOKEN_PROGRAM, executable: false, rent_epoch: u64::MAX }
}

/// A mint's account.
pub fn mint_bytes(decimals: u8) -> Account {
    packed(Mint { supply: u64::MAX, decimals, is_initialized: true, ..Mint::default() })
}

/// A token account.
pub fn token_account_bytes(mint: &Pubkey, owner: &Pubkey, amount: u64) -> Account {
    packed(TokenAccount {
        mint: *mint,
        owner: *owner,
        amount,
        state: AccountState::Initialized,
        ..TokenAccount::default()
    })
}

/// The amount in a token account, of either token program.
pub(crate) fn amount_of(account: &Account) -> Option<u64> {
    let bytes = account.data.get(64..72)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
