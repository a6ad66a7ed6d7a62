//! What the bot asks of a node, over `taper-client`: whether it can begin, everything of an exchange, and the clock.

use std::sync::Arc;
use std::time::Duration;

use solana_commitment_config::CommitmentConfig;
use solana_message::AddressLookupTableAccount;
use solana_pubkey::Pubkey;
use taper::legs::Now;
use taper::state::{Exchange, MarginAccount};
use taper_client::check::Unfit;
use taper_client::{Client, Patience, RpcFault};
use taper_sdk::{lookup, PROGRAM_ID};

use crate::config::Config;
use crate::store::Store;

/// A question whose answer is only worth something at once: it is asked again soon anyway.
const SOON: Patience = Patience {
    request: Duration::from_secs(5),
    attempts: 1,
    pause: Duration::from_millis(250),
    confirmation: Duration::from_secs(90),
};
/// Everything of an exchange.
const BULK: Patience = Patience { request: Duration::from_secs(60), ..SOON };
/// The questions before the bot begins: whoever starts it waits for them.
const FIRST: Patience = Patience { request: Duration::from_secs(10), attempts: 4, ..SOON };

/// Why the bot cannot begin, or knows nothing.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The cluster is not what the configuration says.
    #[error("{0}{hint}", hint = hint(.0))]
    Unfit(#[from] Unfit),
    /// The node does not answer, or not with what was asked for.
    #[error(transparent)]
    Rpc(#[from] RpcFault),
    /// Its list cannot be all.
    #[error("the node's list of the program's accounts is not complete: {0} is not in it")]
    Incomplete(&'static str),
}

const OWN_ACCOUNT: &str = "the caller's margin account";
const EXCHANGE: &str = "the exchange";
const LOOKUP_TABLE: &str = "the lookup table";

/// What to do about it.
fn hint(unfit: &Unfit) -> &'static str {
    match unfit {
        Unfit::OtherCluster { .. } => "; see cluster.http_url and cluster.genesis_hash",
        Unfit::Missing { what: OWN_ACCOUNT, .. } => {
            "; create it with `taper account create`, and see caller.margin_account_number"
        }
        Unfit::Missing { what: EXCHANGE, .. } | Unfit::Wrong { what: EXCHANGE, .. } => "; see cluster.exchange",
        Unfit::Missing { what: LOOKUP_TABLE, .. } | Unfit::Wrong { what: LOOKUP_TABLE, .. } => {
            "; see caller.lookup_tables"
        }
        _ => "",
    }
}

/// A node, asked in three ways.
#[derive(Clone)]
pub struct Chain {
    /// The newest, as soon as it is processed: prices and books.
    pub newest: Client,
    /// What a supermajority has seen: blockhashes, and what became of a transaction.
    pub sure: Client,
}

/// Everything of an exchange.
pub struct Loaded {
    /// It.
    pub store: Store,
    /// Accounts that do not decode: left out.
    pub unusable: usize,
}

/// An oracle account as it was read.
pub struct OracleRead {
    /// Its address.
    pub key: Pubkey,
    /// Its owner.
    pub owner: Pubkey,
    /// Its bytes.
    pub data: Vec<u8>,
    /// Its slot.
    pub slot: u64,
}

impl Chain {
    /// A client of the configured node.
    pub fn new(config: &Config) -> Arc<Self> {
        let newest = Client::new(&config.cluster.http_url, CommitmentConfig::processed(), SOON);
        let sure = newest.at(CommitmentConfig::confirmed());
        Arc::new(Self { newest, sure })
    }

    /// Checks that the bot can work at all: the right cluster, the program, the exchange, its own account, and lamports for fees.
    ///
    /// # Errors
    /// [`ChainError`], each with what to do.
    pub async fn check(&self, config: &Config, caller: &Pubkey) -> Result<Pubkey, ChainError> {
        let node = self.newest.patient(FIRST);
        if let Some(expected) = &config.cluster.genesis_hash {
            node.require_genesis(expected).await?;
        }
        node.require_program().await?;
        let exchange = config.cluster.exchange;
        node.require_account::<Exchange>(EXCHANGE, &exchange).await?;
        let own = taper_sdk::address::margin_account(&exchange, caller, config.caller.margin_account_number);
        let account = node.require_account::<MarginAccount>(OWN_ACCOUNT, &own).await?;
        if account.authority != *caller || account.exchange != exchange {
            let reason = format!(
                "it belongs to {} in exchange {}, not to the caller {caller} in {exchange}",
                account.authority, account.exchange
            );
            return Err(Unfit::Wrong { what: OWN_ACCOUNT, key: own, reason }.into());
        }
        node.require_lamports(caller).await?;
        Ok(own)
    }

    /// The lookup tables of the configuration.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn lookup_tables(&self, keys: &[Pubkey]) -> Result<Vec<AddressLookupTableAccount>, ChainError> {
        let mut tables = Vec::new();
        for key in keys {
            let account = self.newest.patient(FIRST).require(LOOKUP_TABLE, key).await?;
            let table = lookup::decode(*key, &account.owner, &account.data);
            let wrong = |reason: String| Unfit::Wrong { what: LOOKUP_TABLE, key: *key, reason };
            tables.push(table.map_err(|error| wrong(error.to_string()))?);
        }
        Ok(tables)
    }

    /// Slot and time, from the clock's own account: both of the same block.
    ///
    /// # Errors
    /// [`RpcFault`]; a clock that is older than what has been seen is a lagging node's.
    pub async fn now(&self) -> Result<Now, RpcFault> {
        self.newest.now().await
    }

    /// Everything of an exchange, from nothing. The subscriptions already stand, so what changes meanwhile arrives there, and later.
    ///
    /// # Errors
    /// [`ChainError`]. Accounts that do not decode are left out, and counted.
    pub async fn load(&self, exchange: Pubkey) -> Result<Loaded, ChainError> {
        let now = self.now().await?;
        let mut store = Store::new(exchange);
        store.set_now(now);
        let mut unusable = 0;
        let bulk = self.newest.patient(BULK);
        // The data is at least as new as the clock that was read before it.
        bulk.each_program_account(&PROGRAM_ID, &[], |key, account| {
            unusable += usize::from(store.put(key, &account.owner, &account.data, now.slot).is_err());
        })
        .await?;
        if store.exchange().is_none() {
            return Err(ChainError::Incomplete("the exchange"));
        }
        let oracles: Vec<Pubkey> = store.oracle_keys().copied().collect();
        for read in self.oracles(&oracles, now.slot).await? {
            store.put_oracle(read.key, read.owner, &read.data, read.slot);
        }
        Ok(Loaded { store, unusable })
    }

    /// The oracle accounts of these addresses, as far as they exist.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn oracles(&self, keys: &[Pubkey], clock_slot: u64) -> Result<Vec<OracleRead>, RpcFault> {
        let found = self.newest.patient(BULK).accounts(keys).await?;
        // A slot a node names in its context can be ahead of its data by what is being processed: the older one of the two counts.
        let slot = found.slot.min(clock_slot);
        let read =
            |(key, row): (Pubkey, taper_client::Fetched)| OracleRead { key, owner: row.owner, data: row.data, slot };
        Ok(found.rows.into_iter().map(read).collect())
    }
}
