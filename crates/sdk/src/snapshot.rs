//! Accounts as a client holds them, and the program's own code run on copies of them.

use std::collections::BTreeMap;

use anchor_lang::prelude::AccountInfo;
use solana_pubkey::Pubkey;

use crate::account::{copied, decode_owned, DecodeError, ProgramAccount};
use crate::legs::Leg;

/// An account's owner and bytes.
#[derive(Clone, Copy, Debug)]
pub struct RawAccount<'a> {
    /// The program that owns it.
    pub owner: Pubkey,
    /// Its bytes.
    pub data: &'a [u8],
}

/// Where accounts come from: a cache, a subscription, a test chain.
pub trait Accounts {
    /// The account at an address.
    fn account(&self, key: &Pubkey) -> Option<RawAccount<'_>>;
}

impl Accounts for BTreeMap<Pubkey, (Pubkey, Vec<u8>)> {
    fn account(&self, key: &Pubkey) -> Option<RawAccount<'_>> {
        self.get(key).map(|(owner, data)| RawAccount { owner: *owner, data })
    }
}

/// Why something could not be computed from the accounts at hand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The account is not at hand.
    #[error("account {0} is not at hand")]
    NoAccount(Pubkey),
    /// The account is not what it should be.
    #[error("account {account}: {error}")]
    Decode {
        /// The account.
        account: Pubkey,
        /// Why.
        error: DecodeError,
    },
    /// The program would refuse with this error.
    #[error("the program would refuse with {name} ({code})")]
    Refused {
        /// Its code.
        code: u32,
        /// Its name.
        name: String,
    },
}

impl From<anchor_lang::error::Error> for PlanError {
    fn from(error: anchor_lang::error::Error) -> Self {
        match error {
            anchor_lang::error::Error::AnchorError(error) => {
                Self::Refused { code: error.error_code_number, name: error.error_name.clone() }
            }
            anchor_lang::error::Error::ProgramError(error) => {
                let code = u32::try_from(u64::from(error.program_error.clone())).unwrap_or(u32::MAX);
                Self::Refused { code, name: error.program_error.to_string() }
            }
        }
    }
}

impl From<taper::error::TaperError> for PlanError {
    fn from(error: taper::error::TaperError) -> Self {
        Self::Refused { code: u32::from(error), name: error.name() }
    }
}

impl From<taper_engine::EngineError> for PlanError {
    fn from(error: taper_engine::EngineError) -> Self {
        taper::error::TaperError::from(error).into()
    }
}

/// Finds an account.
pub(crate) fn find<'a>(accounts: &'a impl Accounts, key: &Pubkey) -> Result<RawAccount<'a>, PlanError> {
    accounts.account(key).ok_or(PlanError::NoAccount(*key))
}

/// Looks at an account of the program.
pub(crate) fn look<'a, T: ProgramAccount>(accounts: &'a impl Accounts, key: &Pubkey) -> Result<&'a T, PlanError> {
    let raw = find(accounts, key)?;
    decode_owned(&raw.owner, raw.data).map_err(|error| PlanError::Decode { account: *key, error })
}

/// A copy of an account of the program.
pub fn copy<T: ProgramAccount>(accounts: &impl Accounts, key: &Pubkey) -> Result<Box<T>, PlanError> {
    look::<T>(accounts, key)?;
    copied(find(accounts, key)?.data).map_err(|error| PlanError::Decode { account: *key, error })
}

/// Copies of accounts, aligned as the runtime aligns them, to be shown to the program's code.
pub(crate) struct Copies {
    rows: Vec<CopiedAccount>,
}

struct CopiedAccount {
    key: Pubkey,
    owner: Pubkey,
    lamports: u64,
    words: Vec<u64>,
    len: usize,
}

impl Copies {
    pub(crate) fn of<'k>(
        accounts: &impl Accounts,
        keys: impl IntoIterator<Item = &'k Pubkey>,
    ) -> Result<Self, PlanError> {
        let rows = keys.into_iter().map(|key| {
            let raw = find(accounts, key)?;
            let mut words = vec![0u64; raw.data.len().div_ceil(8)];
            bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..raw.data.len()].copy_from_slice(raw.data);
            Ok(CopiedAccount { key: *key, owner: raw.owner, lamports: 1, words, len: raw.data.len() })
        });
        Ok(Self { rows: rows.collect::<Result<_, PlanError>>()? })
    }

    /// `[market, oracle]` of every leg.
    pub(crate) fn of_legs(accounts: &impl Accounts, legs: &[Leg]) -> Result<Self, PlanError> {
        Self::of(accounts, legs.iter().flat_map(|leg| [&leg.market, &leg.oracle]))
    }

    pub(crate) fn infos(&mut self) -> Vec<AccountInfo<'_>> {
        self.rows
            .iter_mut()
            .map(|row| {
                let data = &mut bytemuck::cast_slice_mut::<u64, u8>(&mut row.words)[..row.len];
                AccountInfo::new(&row.key, false, false, &mut row.lamports, data, &row.owner, false)
            })
            .collect()
    }
}
