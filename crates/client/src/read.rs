//! Accounts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use solana_account_decoder_client_types::{UiAccount, UiAccountEncoding};
use solana_pubkey::Pubkey;
use solana_rpc_client_api::config::{RpcAccountInfoConfig, RpcProgramAccountsConfig};
use solana_rpc_client_api::filter::{Memcmp, RpcFilterType};
use solana_rpc_client_api::request::RpcRequest;
use solana_rpc_client_api::response::{Response, RpcKeyedAccount};
use taper_sdk::snapshot::{Accounts, RawAccount};

use crate::error::Lie;
use crate::{Client, RpcFault};

/// Accounts that one `getMultipleAccounts` may name.
const ACCOUNTS_PER_REQUEST: usize = 100;

/// An account as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Its owner.
    pub owner: Pubkey,
    /// Its lamports.
    pub lamports: u64,
    /// True for a program.
    pub executable: bool,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// Accounts, and the oldest slot that any of them was read in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The slot.
    pub slot: u64,
    /// The accounts that exist.
    pub rows: BTreeMap<Pubkey, Fetched>,
}

impl Accounts for Snapshot {
    fn account(&self, key: &Pubkey) -> Option<RawAccount<'_>> {
        self.rows.get(key).map(|row| RawAccount { owner: row.owner, data: &row.data })
    }
}

/// Bytes that an account must have at an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Where.
    pub offset: usize,
    /// What.
    pub bytes: Vec<u8>,
}

impl Filter {
    fn matches(&self, data: &[u8]) -> bool {
        data.get(self.offset..).is_some_and(|rest| rest.starts_with(&self.bytes))
    }
}

impl Client {
    fn account_config(&self) -> RpcAccountInfoConfig {
        RpcAccountInfoConfig {
            encoding: Some(UiAccountEncoding::Base64Zstd),
            data_slice: None,
            commitment: Some(self.commitment()),
            min_context_slot: Some(self.newest_slot()),
        }
    }

    /// Takes the slot of an answer; an older one than asked for is refused even if the node has not minded.
    fn take<T>(&self, request: RpcRequest, wanted: u64, answer: Response<T>) -> Result<(u64, T), RpcFault> {
        let slot = answer.context.slot;
        if slot < wanted {
            return Err(RpcFault::Lagging { request: request.to_string(), wanted });
        }
        self.note_slot(slot);
        Ok((slot, answer.value))
    }

    /// Reads accounts. Those that do not exist are not in the answer. More than a hundred are read in parts, which may be of different slots.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn accounts(&self, keys: &[Pubkey]) -> Result<Snapshot, RpcFault> {
        let request = RpcRequest::GetMultipleAccounts;
        let mut snapshot = Snapshot { slot: u64::MAX, rows: BTreeMap::new() };
        for chunk in keys.chunks(ACCOUNTS_PER_REQUEST) {
            let wanted = self.newest_slot();
            let names: Vec<String> = chunk.iter().map(Pubkey::to_string).collect();
            let answer: Response<Vec<Option<UiAccount>>> = self
                .request(request, json!([names, self.account_config()]))
                .await
                .map_err(|fault| with_slot(fault, wanted))?;
            let (slot, found) = self.take(request, wanted, answer)?;
            if found.len() != chunk.len() {
                return Err(RpcFault::Lie(Lie::Count { asked: chunk.len(), answered: found.len() }));
            }
            snapshot.slot = snapshot.slot.min(slot);
            for (key, account) in chunk.iter().zip(found) {
                if let Some(account) = account {
                    snapshot.rows.insert(*key, fetched(request, key, &account)?);
                }
            }
        }
        if keys.is_empty() {
            snapshot.slot = self.newest_slot();
        }
        Ok(snapshot)
    }

    /// Reads one account.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn account(&self, key: &Pubkey) -> Result<Option<Fetched>, RpcFault> {
        Ok(self.accounts(&[*key]).await?.rows.remove(key))
    }

    /// Reads the accounts of a program that match all filters, all of one slot.
    ///
    /// # Errors
    /// [`RpcFault`]; a node that lists others is found out.
    pub async fn program_accounts(&self, program: &Pubkey, filters: &[Filter]) -> Result<Snapshot, RpcFault> {
        let request = RpcRequest::GetProgramAccounts;
        let wanted = self.newest_slot();
        let memcmp = filters
            .iter()
            .map(|filter| RpcFilterType::Memcmp(Memcmp::new_base58_encoded(filter.offset, &filter.bytes)));
        let config = RpcProgramAccountsConfig {
            filters: Some(memcmp.collect()),
            account_config: self.account_config(),
            with_context: Some(true),
            sort_results: None,
        };
        let answer: Response<Vec<RpcKeyedAccount>> = self
            .request(request, json!([program.to_string(), config]))
            .await
            .map_err(|fault| with_slot(fault, wanted))?;
        let (slot, listed) = self.take(request, wanted, answer)?;
        let mut snapshot = Snapshot { slot, rows: BTreeMap::new() };
        let mut seen = BTreeSet::new();
        for row in &listed {
            let account: Pubkey = row.pubkey.parse().map_err(|_| nonsense(request, &row.pubkey))?;
            let found = fetched(request, &account, &row.account)?;
            let lie = if found.owner != *program {
                Some(Lie::Owner { account, owner: found.owner })
            } else if !filters.iter().all(|filter| filter.matches(&found.data)) {
                Some(Lie::Filter { account })
            } else if !seen.insert(account) {
                Some(Lie::Twice { account })
            } else {
                None
            };
            if let Some(lie) = lie {
                return Err(RpcFault::Lie(lie));
            }
            snapshot.rows.insert(account, found);
        }
        Ok(snapshot)
    }
}

fn with_slot(fault: RpcFault, wanted: u64) -> RpcFault {
    match fault {
        RpcFault::Lagging { request, .. } => RpcFault::Lagging { request, wanted },
        fault => fault,
    }
}

fn nonsense(request: RpcRequest, text: &str) -> RpcFault {
    RpcFault::Nonsense { request: request.to_string(), reason: format!("{text:?} is no address") }
}

fn fetched(request: RpcRequest, key: &Pubkey, account: &UiAccount) -> Result<Fetched, RpcFault> {
    let owner = account.owner.parse().map_err(|_| nonsense(request, &account.owner))?;
    let data = account.data.decode().ok_or_else(|| {
        let reason = format!("the bytes of account {key} cannot be decoded");
        RpcFault::Nonsense { request: request.to_string(), reason }
    })?;
    Ok(Fetched { owner, lamports: account.lamports, executable: account.executable, data })
}
