//! A node over HTTP: what the bot asks of it, each with its own deadline.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding};
use solana_commitment_config::CommitmentConfig;
use solana_message::AddressLookupTableAccount;
use solana_pubkey::Pubkey;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::client_error::Error as ClientError;
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use taper::legs::Now;
use taper::state::{Exchange, MarginAccount};
use taper_sdk::account::decode_owned;
use taper_sdk::lookup;

use crate::config::{host, Config};
use crate::store::{Store, StoreError};

const HTTP_TIMEOUT: Duration = Duration::from_secs(30);
/// Accounts that one request may ask for.
const ACCOUNTS_PER_REQUEST: usize = 100;

/// What a node cannot give, or gives wrong.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// It does not answer, or refuses.
    #[error("{what}: {error}")]
    Rpc {
        /// What was asked.
        what: &'static str,
        /// Why.
        error: Box<ClientError>,
    },
    /// It belongs to another cluster.
    #[error("{host} is a node of another cluster: its genesis hash is {found}, expected is {expected}")]
    OtherCluster {
        /// The node.
        host: String,
        /// Its genesis hash.
        found: String,
        /// The configured one.
        expected: String,
    },
    /// There is no such account.
    #[error("{what} {key} does not exist on this cluster{hint}")]
    Missing {
        /// What it should be.
        what: &'static str,
        /// Its address.
        key: Pubkey,
        /// What to do.
        hint: &'static str,
    },
    /// An account is not what it should be.
    #[error("{what} {key}: {reason}")]
    Wrong {
        /// What it should be.
        what: &'static str,
        /// Its address.
        key: Pubkey,
        /// Why not.
        reason: String,
    },
    /// An answer that makes no sense.
    #[error("the node gave bytes that cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// Errors of a request with what was asked; addresses, which may hold a key, are not in it.
pub(super) fn rpc(what: &'static str) -> impl Fn(ClientError) -> ChainError {
    move |error| ChainError::Rpc { what, error: Box::new(error) }
}

/// A node.
pub struct Chain {
    /// Its client.
    pub client: RpcClient,
}

impl Chain {
    /// A client of the configured node. Reads see what is confirmed by a supermajority only when it matters: prices and books are read as
    /// soon as they are processed.
    pub fn new(config: &Config) -> Arc<Self> {
        let url = config.cluster.http_url.clone();
        let client = RpcClient::new_with_timeout_and_commitment(url, HTTP_TIMEOUT, CommitmentConfig::processed());
        Arc::new(Self { client })
    }

    /// Checks that the bot can work at all: the right cluster, the program, the exchange, its own account, and lamports for fees.
    ///
    /// # Errors
    /// [`ChainError`], each with what to do.
    pub async fn check(&self, config: &Config, caller: &Pubkey) -> Result<Pubkey, ChainError> {
        if let Some(expected) = &config.cluster.genesis_hash {
            let found = self.client.get_genesis_hash().await.map_err(rpc("genesis hash"))?.to_string();
            if found != *expected {
                let host = host(&config.cluster.http_url).to_owned();
                return Err(ChainError::OtherCluster { host, found, expected: expected.clone() });
            }
        }
        let program = self.account(&taper_sdk::PROGRAM_ID, "the program", "").await?;
        if !program.executable {
            let reason = "it is not executable".to_owned();
            return Err(ChainError::Wrong { what: "the program", key: taper_sdk::PROGRAM_ID, reason });
        }
        let exchange = config.cluster.exchange;
        let found = self.account(&exchange, "the exchange", "; see cluster.exchange").await?;
        self.decodes::<Exchange>("the exchange", &exchange, &found)?;
        let own = taper_sdk::address::margin_account(&exchange, caller, config.caller.margin_account_number);
        let hint = "; create it with `taper account create`";
        let found = self.account(&own, "the caller's margin account", hint).await?;
        self.decodes::<MarginAccount>("the caller's margin account", &own, &found)?;
        let lamports = self.client.get_balance(caller).await.map_err(rpc("balance"))?;
        if lamports == 0 {
            let reason = "it has no lamports for fees".to_owned();
            return Err(ChainError::Wrong { what: "the caller", key: *caller, reason });
        }
        Ok(own)
    }

    fn decodes<T: taper_sdk::account::ProgramAccount>(
        &self,
        what: &'static str,
        key: &Pubkey,
        account: &solana_account::Account,
    ) -> Result<(), ChainError> {
        let words = crate::store::sparse::words_of(&account.data);
        let data = crate::store::sparse::bytes_of(&words, account.data.len());
        let found = decode_owned::<T>(&account.owner, data);
        found.map(|_| ()).map_err(|error| ChainError::Wrong { what, key: *key, reason: error.to_string() })
    }

    async fn account(
        &self,
        key: &Pubkey,
        what: &'static str,
        hint: &'static str,
    ) -> Result<solana_account::Account, ChainError> {
        let found = self.client.get_account_with_commitment(key, CommitmentConfig::processed()).await;
        found.map_err(rpc(what))?.value.ok_or(ChainError::Missing { what, key: *key, hint })
    }

    /// Slot and time, from the clock's own account: both of the same block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn now(&self) -> Result<Now, ChainError> {
        let key = solana_clock_key();
        let clock = self.account(&key, "the clock", "").await?;
        let word = |place: usize| clock.data.get(place..place + 8).and_then(|bytes| bytes.first_chunk::<8>());
        match (word(0), word(32)) {
            (Some(slot), Some(seconds)) => {
                Ok(Now { slot: u64::from_le_bytes(*slot), seconds: i64::from_le_bytes(*seconds) })
            }
            _ => Err(ChainError::Wrong { what: "the clock", key, reason: "it is too short".into() }),
        }
    }

    /// Everything of an exchange, from nothing. The subscriptions already stand, so what changes meanwhile arrives there, and later.
    ///
    /// # Errors
    /// [`ChainError`]. Accounts that do not decode are left out, and counted.
    pub async fn load(&self, exchange: Pubkey) -> Result<(Store, usize), ChainError> {
        let now = self.now().await?;
        let mut store = Store::new(exchange);
        store.set_now(now);
        let account_config = RpcAccountInfoConfig {
            encoding: Some(UiAccountEncoding::Base64Zstd),
            commitment: Some(CommitmentConfig::processed()),
            ..RpcAccountInfoConfig::default()
        };
        let config = RpcProgramAccountsConfig { account_config, ..RpcProgramAccountsConfig::default() };
        let found = self.client.get_program_ui_accounts_with_config(&taper_sdk::PROGRAM_ID, config).await;
        let found = found.map_err(rpc("accounts of the program"))?;
        store.reserve_accounts(found.len());
        let mut unusable = 0;
        // The data is at least as new as the clock that was read before it.
        for (key, account) in &found {
            let put = decoded(account).map(|(owner, data)| store.put(*key, &owner, &data, now.slot));
            unusable += usize::from(!matches!(put, Some(Ok(_))));
        }
        let oracles: Vec<Pubkey> = store.oracle_keys().copied().collect();
        self.load_oracles(&mut store, &oracles).await?;
        Ok((store, unusable))
    }

    /// The oracle accounts of these addresses.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn load_oracles(&self, store: &mut Store, oracles: &[Pubkey]) -> Result<(), ChainError> {
        for keys in oracles.chunks(ACCOUNTS_PER_REQUEST) {
            let found = self.client.get_multiple_accounts_with_commitment(keys, CommitmentConfig::processed()).await;
            let found = found.map_err(rpc("oracle accounts"))?;
            // A slot a node names in its context can be ahead of its data by what is being processed: the older one of the two counts.
            let slot = found.context.slot.min(store.now().slot);
            for (key, account) in keys.iter().zip(found.value) {
                if let Some(account) = account {
                    store.put_oracle(*key, account.owner, &account.data, slot);
                }
            }
        }
        Ok(())
    }

    /// The lookup tables of the configuration.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn lookup_tables(&self, keys: &[Pubkey]) -> Result<Vec<AddressLookupTableAccount>, ChainError> {
        let mut tables = Vec::new();
        for key in keys {
            let account = self.account(key, "the lookup table", "; see caller.lookup_tables").await?;
            let table = lookup::decode(*key, &account.owner, &account.data).map_err(|error| ChainError::Wrong {
                what: "the lookup table",
                key: *key,
                reason: error.to_string(),
            })?;
            tables.push(table);
        }
        Ok(tables)
    }

    /// The fee, per compute unit, that this share of the recent transactions on these accounts stayed under.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn recent_fee(&self, written: &[Pubkey], percentile: u8) -> Result<u64, ChainError> {
        let recent = self.client.get_recent_prioritization_fees(written).await.map_err(rpc("recent fees"))?;
        let mut fees: Vec<u64> = recent.iter().map(|fee| fee.prioritization_fee).collect();
        Ok(percentile_of(&mut fees, percentile))
    }
}

/// The value below which this percentage of them lies; zero of none.
pub fn percentile_of(values: &mut [u64], percentile: u8) -> u64 {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    let place = last.saturating_mul(usize::from(percentile.min(100))).div_ceil(100);
    values.get(place).copied().unwrap_or(0)
}

/// Owner and bytes of an account as a node sends it; `None` if they make no sense.
pub fn decoded(account: &UiAccount) -> Option<(Pubkey, Vec<u8>)> {
    Some((Pubkey::from_str(&account.owner).ok()?, account.data.decode()?))
}

/// Address of the clock.
fn solana_clock_key() -> Pubkey {
    Pubkey::from_str_const("SysvarC1ock11111111111111111111111111111111")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        assert_eq!(percentile_of(&mut [], 75), 0);
        assert_eq!(percentile_of(&mut [7], 0), 7);
        let mut fees = [50, 10, 40, 20, 30];
        assert_eq!([0, 50, 75, 100].map(|percentile| percentile_of(&mut fees, percentile)), [10, 30, 40, 50]);
    }

    #[test]
    fn bytes_that_make_no_sense_are_nothing() {
        use solana_account_decoder_client_types::UiAccountData;
        let account = |owner: &str, data: &str| UiAccount {
            lamports: 1,
            data: UiAccountData::Binary(data.into(), UiAccountEncoding::Base64),
            owner: owner.into(),
            executable: false,
            rent_epoch: 0,
            space: None,
        };
        let owner = Pubkey::new_from_array([3; 32]);
        assert_eq!(decoded(&account(&owner.to_string(), "AQI=")), Some((owner, vec![1, 2])));
        assert_eq!(decoded(&account("nobody", "AQI=")), None);
        assert_eq!(decoded(&account(&owner.to_string(), "?")), None);
    }
}
