//! A world written to a file, byte for byte, and read back: what a release leaves on a cluster, for the releases after it.

use std::io::{Read, Write};

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use flate2::Compression;
use serde::{Deserialize, Serialize};
use solana_account::Account;
use solana_pubkey::Pubkey;

use crate::error::{HarnessError, Result};
use crate::market::PriceSource;

/// A world as a release left it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedWorld {
    /// The release.
    pub version: String,
    /// Slot of the clock.
    pub slot: u64,
    /// Unix time of the clock.
    pub seconds: i64,
    /// Names of the traders; their keys follow.
    pub traders: Vec<String>,
    /// The markets, in order.
    pub markets: Vec<SavedMarket>,
    /// Every account that was tracked.
    pub accounts: Vec<SavedAccount>,
}

/// What a market's keys follow from, and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMarket {
    /// Name.
    pub name: String,
    /// True for a pull oracle.
    pub is_pull: bool,
    /// The price posted last, in quote atoms per lot.
    pub price_atoms_per_lot: i64,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAccount {
    /// Address.
    pub key: String,
    /// Owner.
    pub owner: String,
    /// Lamports.
    pub lamports: u64,
    /// Data in base64.
    pub data: String,
}

impl SavedMarket {
    /// How its prices reach the chain.
    pub fn source(&self) -> PriceSource {
        match self.is_pull {
            true => PriceSource::Pull,
            false => PriceSource::Push,
        }
    }
}

impl SavedAccount {
    /// Of an account.
    pub fn of(key: &Pubkey, account: &Account) -> Self {
        Self {
            key: key.to_string(),
            owner: account.owner.to_string(),
            lamports: account.lamports,
            data: STANDARD.encode(&account.data),
        }
    }

    /// Address and account again.
    ///
    /// # Errors
    /// `Saved`.
    pub fn account(&self) -> Result<(Pubkey, Account)> {
        let key = |text: &str| text.parse().map_err(|_| HarnessError::Saved(format!("no address: {text}")));
        let data =
            STANDARD.decode(&self.data).map_err(|error| HarnessError::Saved(format!("{}: {error}", self.key)))?;
        let account = Account { lamports: self.lamports, data, owner: key(&self.owner)?, ..Account::default() };
        Ok((key(&self.key)?, account))
    }
}

impl SavedWorld {
    /// As compressed JSON.
    ///
    /// # Errors
    /// `Saved`.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let fault = |error: String| HarnessError::Saved(error);
        let json = serde_json::to_vec(self).map_err(|error| fault(error.to_string()))?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&json).map_err(|error| fault(error.to_string()))?;
        packed.finish().map_err(|error| fault(error.to_string()))
    }

    /// Out of what [`SavedWorld::to_bytes`] has made.
    ///
    /// # Errors
    /// `Saved`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let fault = |error: String| HarnessError::Saved(error);
        let mut json = Vec::new();
        GzDecoder::new(bytes).read_to_end(&mut json).map_err(|error| fault(error.to_string()))?;
        serde_json::from_slice(&json).map_err(|error| fault(error.to_string()))
    }
}
