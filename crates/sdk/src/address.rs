//! Addresses that follow from seeds.

use solana_pubkey::Pubkey;
use taper::constants::{EXCHANGE_SEED, MARGIN_SEED, PROPOSAL_SEED, VAULT_SEED};

/// The exchange of a creator.
pub fn exchange(creator: &Pubkey, index: u16) -> Pubkey {
    find(&[EXCHANGE_SEED, creator.as_ref(), &index.to_le_bytes()])
}

/// The vault of an exchange.
pub fn vault(exchange: &Pubkey) -> Pubkey {
    find(&[VAULT_SEED, exchange.as_ref()])
}

/// A proposal.
pub fn proposal(exchange: &Pubkey, index: u64) -> Pubkey {
    find(&[PROPOSAL_SEED, exchange.as_ref(), &index.to_le_bytes()])
}

/// A margin account.
pub fn margin_account(exchange: &Pubkey, authority: &Pubkey, number: u16) -> Pubkey {
    find(&[MARGIN_SEED, exchange.as_ref(), authority.as_ref(), &number.to_le_bytes()])
}

fn find(seeds: &[&[u8]]) -> Pubkey {
    Pubkey::find_program_address(seeds, &crate::PROGRAM_ID).0
}
