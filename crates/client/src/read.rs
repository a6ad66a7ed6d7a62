//! Accounts.

use std::collections::{BTreeMap, HashSet};

use serde::de::DeserializeOwned;
use serde_json::{json, Value};
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

impl Fetched {
    /// An account as a node sends it; `None` if its owner or its bytes make no sense.
    pub fn of(account: &UiAccount) -> Option<Self> {
        let owner = account.owner.parse().ok()?;
        let data = account.data.decode()?;
        Some(Self { owner, lamports: account.lamports, executable: account.executable, data })
    }
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

    /// Asks for something that has a slot; an older one than was seen before is refused even if the node has not minded.
    pub(crate) async fn newer<T: DeserializeOwned>(
        &self,
        request: RpcRequest,
        params: Value,
    ) -> Result<(u64, T), RpcFault> {
        let wanted = self.newest_slot();
        let check = |answer: &Response<T>| match answer.context.slot < wanted {
            true => Err(RpcFault::Lagging { request: request.to_string(), wanted }),
            false => Ok(()),
        };
        let answer = self.request_checked(request, params, check).await.map_err(|fault| with_slot(fault, wanted))?;
        self.note_slot(answer.context.slot);
        Ok((answer.context.slot, answer.value))
    }

    /// Reads accounts. Those that do not exist are not in the answer. More than a hundred are read in parts, which may be of different slots.
    ///
    /// # Errors
    /// [`RpcFault`].
    pub async fn accounts(&self, keys: &[Pubkey]) -> Result<Snapshot, RpcFault> {
        let request = RpcRequest::GetMultipleAccounts;
        let mut snapshot = Snapshot { slot: u64::MAX, rows: BTreeMap::new() };
        for chunk in keys.chunks(ACCOUNTS_PER_REQUEST) {
            let names: Vec<String> = chunk.iter().map(Pubkey::to_string).collect();
            let (slot, found): (u64, Vec<Option<UiAccount>>) =
                self.newer(request, json!([names, self.account_config()])).await?;
            if found.len() != chunk.len() {
                return Err(self.lie(Lie::Count { asked: chunk.len(), answered: found.len() }));
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

    fn lie(&self, lie: Lie) -> RpcFault {
        let fault = RpcFault::Lie(lie);
        self.count(&fault);
        fault
    }

    /// Reads the accounts of a program that match all filters, all of one slot.
    ///
    /// # Errors
    /// [`RpcFault`]; a node that lists others is found out.
    pub async fn program_accounts(&self, program: &Pubkey, filters: &[Filter]) -> Result<Snapshot, RpcFault> {
        let mut snapshot = Snapshot::default();
        snapshot.slot = self
            .each_program_account(program, filters, |account, found| {
                snapshot.rows.insert(account, found);
            })
            .await?;
        Ok(snapshot)
    }

    /// The same, one after another: a million accounts need not be unpacked at once. Returns their slot.
    ///
    /// # Errors
    /// As [`Self::program_accounts`]; what has been taken before is worth nothing then.
    pub async fn each_program_account(
        &self,
        program: &Pubkey,
        filters: &[Filter],
        mut take: impl FnMut(Pubkey, Fetched),
    ) -> Result<u64, RpcFault> {
        let request = RpcRequest::GetProgramAccounts;
        let memcmp = filters
            .iter()
            .map(|filter| RpcFilterType::Memcmp(Memcmp::new_base58_encoded(filter.offset, &filter.bytes)));
        let config = RpcProgramAccountsConfig {
            filters: Some(memcmp.collect()),
            account_config: self.account_config(),
            with_context: Some(true),
            sort_results: None,
        };
        let (slot, listed): (u64, Vec<RpcKeyedAccount>) =
            self.newer(request, json!([program.to_string(), config])).await?;
        let mut seen = HashSet::with_capacity(listed.len());
        for row in listed {
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
                return Err(self.lie(lie));
            }
            take(account, found);
        }
        Ok(slot)
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
    Fetched::of(account).ok_or_else(|| {
        let reason = format!("owner or bytes of account {key} cannot be decoded");
        RpcFault::Nonsense { request: request.to_string(), reason }
    })
}
