//! From an account's bytes to its type, without a copy.

pub use anchor_lang::Discriminator;
use bytemuck::Pod;
use solana_pubkey::Pubkey;
use taper::constants::ACCOUNT_VERSION;
use taper::state::{Exchange, MarginAccount, Market, OrderBook, Proposal};

use crate::idl;

const DISCRIMINATOR_LEN: usize = 8;

/// Why bytes are not the account that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The account is not owned by the program.
    #[error("{expected} accounts are owned by {program}, this account by {owner}", program = crate::PROGRAM_ID)]
    WrongOwner {
        /// Type asked for.
        expected: &'static str,
        /// Owner found.
        owner: Pubkey,
    },
    /// The length is not exactly that of the type.
    #[error("{expected} accounts have {wanted} bytes, this account has {found}")]
    WrongSize {
        /// Type asked for.
        expected: &'static str,
        /// Length of the type, with its discriminator.
        wanted: usize,
        /// Length found.
        found: usize,
    },
    /// The first eight bytes are those of another type, or zeroes.
    #[error("the account is not of type {expected}: its discriminator is {found:?}")]
    WrongDiscriminator {
        /// Type asked for.
        expected: &'static str,
        /// Bytes found.
        found: [u8; DISCRIMINATOR_LEN],
    },
    /// A layout of another version.
    #[error("this {expected} has layout version {found}, known is {ACCOUNT_VERSION}")]
    WrongVersion {
        /// Type asked for.
        expected: &'static str,
        /// Version found.
        found: u8,
    },
    /// The bytes do not start at a multiple of eight in memory; take a [`copied`] one.
    #[error("the bytes of this {expected} are not aligned to 8")]
    Misaligned {
        /// Type asked for.
        expected: &'static str,
    },
}

/// A zero-copy account of the program.
pub trait ProgramAccount: Pod + Discriminator {
    /// Name of the type.
    const NAME: &'static str;
    /// The account's layout version.
    fn version(&self) -> u8;
}

macro_rules! program_account {
    ($($type:ident),*) => {$(
        impl ProgramAccount for $type {
            const NAME: &'static str = stringify!($type);
            fn version(&self) -> u8 {
                self.version
            }
        }

        impl ProgramAccount for idl::accounts::$type {
            const NAME: &'static str = stringify!($type);
            fn version(&self) -> u8 {
                self.version
            }
        }
    )*};
}
program_account!(Exchange, Market, OrderBook, MarginAccount, Proposal);

/// True if the bytes start with the discriminator of `T`.
pub fn is<T: ProgramAccount>(data: &[u8]) -> bool {
    data.starts_with(T::DISCRIMINATOR)
}

/// Looks at an account in place.
///
/// # Errors
/// [`DecodeError`], everything but the owner.
pub fn decode<T: ProgramAccount>(data: &[u8]) -> Result<&T, DecodeError> {
    let body = body_of::<T>(data)?;
    let account: &T = bytemuck::try_from_bytes(body).map_err(|_| DecodeError::Misaligned { expected: T::NAME })?;
    if account.version() != ACCOUNT_VERSION {
        return Err(DecodeError::WrongVersion { expected: T::NAME, found: account.version() });
    }
    Ok(account)
}

/// As [`decode`], and checks who owns the account.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_owned<'a, T: ProgramAccount>(owner: &Pubkey, data: &'a [u8]) -> Result<&'a T, DecodeError> {
    if *owner != crate::PROGRAM_ID {
        return Err(DecodeError::WrongOwner { expected: T::NAME, owner: *owner });
    }
    decode(data)
}

/// A copy of an account on the heap, to run the engine's transitions on. Never passes through the stack.
///
/// # Errors
/// [`DecodeError`], everything but the owner and alignment.
pub fn copied<T: ProgramAccount>(data: &[u8]) -> Result<Box<T>, DecodeError> {
    let body = body_of::<T>(data)?;
    let mut copy = bytemuck::zeroed_box::<T>();
    bytemuck::bytes_of_mut(copy.as_mut()).copy_from_slice(body);
    if copy.version() != ACCOUNT_VERSION {
        return Err(DecodeError::WrongVersion { expected: T::NAME, found: copy.version() });
    }
    Ok(copy)
}

fn body_of<T: ProgramAccount>(data: &[u8]) -> Result<&[u8], DecodeError> {
    let wanted = DISCRIMINATOR_LEN + core::mem::size_of::<T>();
    if data.len() != wanted {
        return Err(DecodeError::WrongSize { expected: T::NAME, wanted, found: data.len() });
    }
    let (discriminator, body) = data.split_at(DISCRIMINATOR_LEN);
    if discriminator != T::DISCRIMINATOR {
        let mut found = [0; DISCRIMINATOR_LEN];
        found.copy_from_slice(discriminator);
        return Err(DecodeError::WrongDiscriminator { expected: T::NAME, found });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_of_a_margin_account() -> Vec<u8> {
        let mut data = vec![0; MarginAccount::SPACE];
        data[..8].copy_from_slice(MarginAccount::DISCRIMINATOR);
        data[8] = ACCOUNT_VERSION;
        data
    }

    #[test]
    fn good_bytes_decode_in_place_and_as_a_copy() {
        let mut data = bytes_of_a_margin_account();
        data[8 + 104] = 7;
        assert_eq!(decode::<MarginAccount>(&data).unwrap().state.cash_atoms, 7);
        assert_eq!(copied::<MarginAccount>(&data).unwrap().state.cash_atoms, 7);
        assert!(is::<MarginAccount>(&data) && !is::<Market>(&data));
    }

    #[test]
    fn each_fault_has_its_own_error() {
        let good = bytes_of_a_margin_account();
        assert_eq!(
            decode::<MarginAccount>(&good[..100]).unwrap_err(),
            DecodeError::WrongSize { expected: "MarginAccount", wanted: MarginAccount::SPACE, found: 100 }
        );
        let mut other = good.clone();
        other[0] ^= 1;
        assert!(matches!(
            decode::<MarginAccount>(&other).unwrap_err(),
            DecodeError::WrongDiscriminator { expected: "MarginAccount", .. }
        ));
        let mut old = good.clone();
        old[8] = 9;
        let wrong_version = DecodeError::WrongVersion { expected: "MarginAccount", found: 9 };
        assert_eq!(decode::<MarginAccount>(&old).unwrap_err(), wrong_version);
        assert_eq!(copied::<MarginAccount>(&old).unwrap_err(), wrong_version);
        let stranger = Pubkey::new_from_array([7; 32]);
        assert_eq!(
            decode_owned::<MarginAccount>(&stranger, &good).unwrap_err(),
            DecodeError::WrongOwner { expected: "MarginAccount", owner: stranger }
        );
    }

    #[test]
    fn unaligned_bytes_are_refused_in_place_and_copied_all_the_same() {
        let good = bytes_of_a_margin_account();
        let mut shifted = vec![0; good.len() + 1];
        shifted[1..].copy_from_slice(&good);
        let (even, odd) = (decode::<MarginAccount>(&good), decode::<MarginAccount>(&shifted[1..]));
        let misaligned = DecodeError::Misaligned { expected: "MarginAccount" };
        // The heap aligns the first; the second is one byte off.
        assert!(even.is_ok());
        assert_eq!(odd.unwrap_err(), misaligned);
        assert!(copied::<MarginAccount>(&shifted[1..]).is_ok());
    }
}
