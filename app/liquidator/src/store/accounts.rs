//! Margin accounts, by number: what a price update needs of each in one row of a cache line, everything else packed.

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};
use solana_pubkey::Pubkey;
use std::hash::BuildHasher;
use taper::state::MarginAccount;
use taper_engine::margin::{Health, LegTotals, Requirement};
use taper_engine::quantity::QuoteAtoms;

use super::sparse::SparseWords;

/// Number of an account in the store.
pub type AccountId = u32;

/// Sums over an account's legs at the edge that favours it, and its cash. A price update touches this and nothing else of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Requirement of all legs.
    pub requirement: i128,
    /// Equity of all legs, without cash.
    pub equity_atoms: i64,
    /// Cash.
    pub cash_atoms: i64,
    /// Legs.
    pub legs: u16,
    /// Legs that the engine could not value.
    pub faulty_legs: u16,
    /// What is known of the account, [`flag`].
    pub flags: u8,
}

/// Bits of [`Row::flags`].
pub mod flag {
    /// The account itself has been loaded, not only a seat of it.
    pub const LOADED: u8 = 1;
    /// An episode runs.
    pub const IN_EPISODE: u8 = 2;
    /// A leg is half resolved.
    pub const HALF_RESOLVED: u8 = 4;
    /// In the set of accounts at risk.
    pub const AT_RISK: u8 = 8;
}

impl Row {
    /// Health at the edge that favours the account. `None` beyond the engine's bounds.
    #[inline]
    pub fn health(&self) -> Option<Health> {
        let totals = LegTotals { equity: QuoteAtoms(self.equity_atoms), requirement: Requirement(self.requirement) };
        totals.with_cash(QuoteAtoms(self.cash_atoms)).ok()
    }

    /// True if a call could do something to the account: health below 1, an episode or a resolution that runs; and, lest one is missed,
    /// whatever cannot be valued. Judged by the engine.
    #[inline]
    pub fn is_at_risk(&self) -> bool {
        self.flags & (flag::IN_EPISODE | flag::HALF_RESOLVED) != 0
            || self.faulty_legs != 0
            || self.health().is_none_or(|health| health.is_below(10_000))
    }
}

/// All margin accounts.
#[derive(Default)]
pub struct AccountTable {
    pub(super) rows: Vec<Row>,
    keys: Vec<Pubkey>,
    packed: Vec<SparseWords>,
    slots: Vec<u64>,
    free: Vec<AccountId>,
    by_key: HashTable<AccountId>,
    hasher: DefaultHashBuilder,
}

impl AccountTable {
    /// Room for so many accounts.
    pub fn reserve(&mut self, count: usize) {
        let more = count.saturating_sub(self.keys.len());
        self.rows.reserve_exact(more);
        self.keys.reserve_exact(more);
        self.packed.reserve_exact(more);
        self.slots.reserve_exact(more);
        let (keys, hasher) = (&self.keys, &self.hasher);
        self.by_key.reserve(more, |id| hasher.hash_one(keys[*id as usize]));
    }

    /// Accounts that are known, loaded or not.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The number of an account.
    pub fn find(&self, key: &Pubkey) -> Option<AccountId> {
        self.by_key.find(self.hasher.hash_one(key), |id| self.keys[*id as usize] == *key).copied()
    }

    /// The number of an account; a new one if it has none yet.
    pub fn find_or_add(&mut self, key: &Pubkey) -> AccountId {
        let (keys, hasher) = (&self.keys, &self.hasher);
        let entry = self.by_key.entry(
            hasher.hash_one(key),
            |id| keys[*id as usize] == *key,
            |id| hasher.hash_one(keys[*id as usize]),
        );
        match entry {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(place) => {
                let reused = self.free.pop();
                let id = reused.unwrap_or(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
                place.insert(id);
                if reused.is_some() {
                    self.keys[id as usize] = *key;
                } else {
                    self.rows.push(Row::default());
                    self.keys.push(*key);
                    self.packed.push(SparseWords::default());
                    self.slots.push(0);
                }
                id
            }
        }
    }

    /// The address of an account.
    pub fn key(&self, id: AccountId) -> Pubkey {
        self.keys[id as usize]
    }

    /// Its row.
    pub fn row(&self, id: AccountId) -> &Row {
        &self.rows[id as usize]
    }

    /// Slot of the newest data.
    pub fn slot(&self, id: AccountId) -> u64 {
        self.slots[id as usize]
    }

    /// The account's bytes again; empty if it has not been loaded.
    pub fn unpack(&self, id: AccountId) -> Vec<u64> {
        match self.rows[id as usize].flags & flag::LOADED {
            0 => Vec::new(),
            _ => self.packed[id as usize].unpack(MarginAccount::SPACE),
        }
    }

    pub(super) fn put(&mut self, id: AccountId, account: &MarginAccount, data: &[u8], slot: u64) {
        let row = &mut self.rows[id as usize];
        row.cash_atoms = account.state.cash_atoms;
        row.flags = row.flags & flag::AT_RISK | flag::LOADED;
        if account.state.episode.kind != 0 {
            row.flags |= flag::IN_EPISODE;
        }
        if account.state.resolution.position_plus_one != 0 {
            row.flags |= flag::HALF_RESOLVED;
        }
        self.packed[id as usize] = SparseWords::pack(data);
        self.slots[id as usize] = slot;
    }

    /// Forgets what was loaded of a closed account. Its number is free again once no seat refers to it.
    pub(super) fn unload(&mut self, id: AccountId, slot: u64) {
        let row = &mut self.rows[id as usize];
        row.cash_atoms = 0;
        row.flags &= flag::AT_RISK;
        self.packed[id as usize] = SparseWords::default();
        self.slots[id as usize] = slot;
        self.release_if_unused(id);
    }

    pub(super) fn release_if_unused(&mut self, id: AccountId) {
        let row = &self.rows[id as usize];
        if row.legs != 0 || row.flags & flag::LOADED != 0 {
            return;
        }
        let (hash, keys) = (self.hasher.hash_one(self.keys[id as usize]), &self.keys);
        if let Ok(found) = self.by_key.find_entry(hash, |other| keys[*other as usize] == keys[id as usize]) {
            found.remove();
            self.rows[id as usize] = Row::default();
            self.slots[id as usize] = 0;
            self.free.push(id);
        }
    }

    /// The numbers of all loaded accounts.
    pub fn loaded(&self) -> impl Iterator<Item = AccountId> + '_ {
        (0u32..).zip(&self.rows).filter(|(_, row)| row.flags & flag::LOADED != 0).map(|(id, _)| id)
    }
}
