//! Address lookup tables: a liquidation of an account with eight legs names some 25 addresses; with a table each takes one byte, not 32.

use std::collections::BTreeSet;

use solana_address_lookup_table_interface::instruction::{create_lookup_table, extend_lookup_table};
use solana_address_lookup_table_interface::state::AddressLookupTable;
use solana_hash::Hash;
use solana_instruction::Instruction;
use solana_message::{v0, AddressLookupTableAccount, CompileError};
use solana_pubkey::Pubkey;

use crate::instruction::{ExchangeKeys, MarketKeys, SYSTEM_PROGRAM};

/// Owner of lookup tables.
pub const LOOKUP_TABLE_PROGRAM: Pubkey = solana_address_lookup_table_interface::program::ID;
/// Addresses that one transaction can add to a table.
pub const ADDRESSES_PER_EXTENSION: usize = 20;

/// Why an account is not a lookup table that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Another program owns it.
    #[error("lookup table {table} is owned by {owner}")]
    WrongOwner {
        /// The account.
        table: Pubkey,
        /// Its owner.
        owner: Pubkey,
    },
    /// Its bytes are not those of a table.
    #[error("account {table} is not an initialised lookup table")]
    Malformed {
        /// The account.
        table: Pubkey,
    },
    /// It is being closed.
    #[error("lookup table {table} has been deactivated")]
    Deactivated {
        /// The account.
        table: Pubkey,
    },
}

/// What the table of an exchange and some of its markets holds: each address once. Programs that are called from the top level are not in
/// it, for they cannot be looked up.
pub fn addresses(exchange: &ExchangeKeys, markets: &[MarketKeys]) -> Vec<Pubkey> {
    let common = [exchange.exchange, exchange.vault, exchange.quote_mint, exchange.token_program, SYSTEM_PROGRAM];
    let of_markets = markets.iter().flat_map(|keys| [keys.market, keys.order_book, keys.oracle]);
    let mut seen = BTreeSet::new();
    common.into_iter().chain(of_markets).filter(|address| seen.insert(*address)).collect()
}

/// What is missing of a table that exists.
pub fn missing(table: &AddressLookupTableAccount, wanted: &[Pubkey]) -> Vec<Pubkey> {
    let held: BTreeSet<&Pubkey> = table.addresses.iter().collect();
    wanted.iter().filter(|address| !held.contains(address)).copied().collect()
}

/// Makes a table: its address, the instruction that creates it, and the extensions, each for a transaction of its own. `recent_slot` must be
/// a slot with a block, not long ago. A table can be used from the slot after an extension on.
pub fn create(authority: Pubkey, recent_slot: u64, addresses: &[Pubkey]) -> (Pubkey, Instruction, Vec<Instruction>) {
    let (create, table) = create_lookup_table(authority, authority, recent_slot);
    (table, create, extend(table, authority, addresses))
}

/// Adds addresses to a table, each instruction for a transaction of its own.
pub fn extend(table: Pubkey, authority: Pubkey, addresses: &[Pubkey]) -> Vec<Instruction> {
    let chunks = addresses.chunks(ADDRESSES_PER_EXTENSION);
    chunks.map(|chunk| extend_lookup_table(table, authority, Some(authority), chunk.to_vec())).collect()
}

/// Reads a table.
///
/// # Errors
/// [`TableError`].
pub fn decode(table: Pubkey, owner: &Pubkey, data: &[u8]) -> Result<AddressLookupTableAccount, TableError> {
    if *owner != LOOKUP_TABLE_PROGRAM {
        return Err(TableError::WrongOwner { table, owner: *owner });
    }
    let decoded = AddressLookupTable::deserialize(data).map_err(|_| TableError::Malformed { table })?;
    if decoded.meta.deactivation_slot != u64::MAX {
        return Err(TableError::Deactivated { table });
    }
    Ok(AddressLookupTableAccount { key: table, addresses: decoded.addresses.to_vec() })
}

/// A version 0 message that takes from the tables what they hold.
///
/// # Errors
/// More addresses than a message can name.
///
/// ```
/// use solana_hash::Hash;
/// use solana_message::AddressLookupTableAccount;
/// use solana_pubkey::Pubkey;
/// use taper_sdk::instruction::{update_funding, MarketKeys};
/// use taper_sdk::lookup;
///
/// let key = |byte| Pubkey::new_from_array([byte; 32]);
/// let keys = MarketKeys { exchange: key(1), market: key(2), order_book: key(3), oracle: key(4) };
/// let table = AddressLookupTableAccount { key: key(9), addresses: vec![key(1), key(2), key(3), key(4)] };
/// let message = lookup::message(&key(7), &[update_funding(&keys)], &[table], Hash::default())?;
/// // The payer and the program; the rest is looked up.
/// assert_eq!(message.account_keys.len(), 2);
/// # Ok::<(), solana_message::CompileError>(())
/// ```
pub fn message(
    payer: &Pubkey,
    instructions: &[Instruction],
    tables: &[AddressLookupTableAccount],
    blockhash: Hash,
) -> Result<v0::Message, CompileError> {
    v0::Message::try_compile(payer, instructions, tables, blockhash)
}

#[cfg(test)]
mod tests {
    use solana_address_lookup_table_interface::state::LookupTableMeta;

    use super::*;

    fn key(byte: u8) -> Pubkey {
        Pubkey::new_from_array([byte; 32])
    }

    fn exchange() -> ExchangeKeys {
        ExchangeKeys { exchange: key(1), vault: key(2), quote_mint: key(3), token_program: key(4) }
    }

    fn market(byte: u8) -> MarketKeys {
        MarketKeys { exchange: key(1), market: key(byte), order_book: key(byte + 1), oracle: key(200) }
    }

    fn bytes(deactivation_slot: u64, addresses: &[Pubkey]) -> Vec<u8> {
        let meta = LookupTableMeta { deactivation_slot, ..LookupTableMeta::default() };
        AddressLookupTable { meta, addresses: addresses.to_vec().into() }.serialize_for_tests().unwrap()
    }

    #[test]
    fn each_address_is_listed_once_and_what_is_missing_is_found() {
        let wanted = addresses(&exchange(), &[market(10), market(20)]);
        assert_eq!(wanted.len(), 5 + 2 * 2 + 1);
        let table = AddressLookupTableAccount { key: key(9), addresses: wanted[..6].to_vec() };
        assert_eq!(missing(&table, &wanted), wanted[6..].to_vec());
    }

    #[test]
    fn a_long_list_is_added_in_parts() {
        let many: Vec<Pubkey> = (0..45).map(key).collect();
        let (table, _, extensions) = create(key(100), 7, &many);
        assert_eq!(extensions.len(), 3);
        assert!(extensions.iter().all(|extension| extension.accounts[0].pubkey == table));
    }

    #[test]
    fn each_fault_of_a_table_has_its_own_error() {
        let good = bytes(u64::MAX, &[key(1), key(2)]);
        let read = decode(key(9), &LOOKUP_TABLE_PROGRAM, &good).unwrap();
        assert_eq!((read.key, read.addresses), (key(9), vec![key(1), key(2)]));
        let owner = key(8);
        assert_eq!(decode(key(9), &owner, &good), Err(TableError::WrongOwner { table: key(9), owner }));
        let malformed = Err(TableError::Malformed { table: key(9) });
        assert_eq!(decode(key(9), &LOOKUP_TABLE_PROGRAM, &good[..40]), malformed);
        let closing = bytes(5, &[key(1)]);
        assert_eq!(decode(key(9), &LOOKUP_TABLE_PROGRAM, &closing), Err(TableError::Deactivated { table: key(9) }));
    }
}
