//! What the bot knows of the chain: all margin accounts, markets with their seats, books and oracles of one exchange, and which accounts
//! are at risk. No I/O: bytes go in with the slot in which they were seen.
//!
//! The index is exact, not a guess: an account's sums are those of the engine over its seats, at the price that the program would take. A
//! price update values only the legs of its markets and moves the sums of their owners.

pub mod accounts;
pub mod markets;
pub mod price;
pub mod sparse;
mod view;

use std::collections::{HashMap, HashSet};

use solana_pubkey::Pubkey;
use taper::legs::Now;
use taper::state::{Exchange, MarginAccount, Market, OrderBook};
use taper_sdk::account::{decode, decode_owned, is, DecodeError};
use taper_sdk::instruction::MarketKeys;

use accounts::{flag, AccountId, AccountTable, Row};
use markets::{MarketEntry, MarketId};
use price::{leg_price, NoPrice, OracleBytes};
use sparse::words_of;
pub use view::AccountView;

/// Why an account could not be put in the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The bytes are not what they should be.
    #[error("account {account}: {error}")]
    Decode {
        /// The account.
        account: Pubkey,
        /// Why.
        error: DecodeError,
    },
    /// It belongs to another exchange.
    #[error("account {0} belongs to another exchange")]
    OtherExchange(Pubkey),
}

/// What became of an account that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It is the newest data.
    Applied,
    /// Newer data was there already.
    Late,
    /// Nothing that the bot watches.
    NotWatched,
}

/// Everything known of one exchange.
pub struct Store {
    exchange_key: Pubkey,
    exchange: Option<(Box<[u64]>, u64)>,
    accounts: AccountTable,
    markets: Vec<Option<MarketEntry>>,
    market_ids: HashMap<Pubkey, MarketId>,
    /// By order book.
    book_ids: HashMap<Pubkey, MarketId>,
    /// Books that came before their markets.
    early_books: HashMap<Pubkey, (Vec<u8>, u64)>,
    oracles: HashMap<Pubkey, OracleBytes>,
    /// Markets by their oracle account.
    oracle_markets: HashMap<Pubkey, Vec<MarketId>>,
    at_risk: HashSet<AccountId>,
    now: Now,
}

impl Store {
    /// An empty store of one exchange.
    pub fn new(exchange_key: Pubkey) -> Self {
        Self {
            exchange_key,
            exchange: None,
            accounts: AccountTable::default(),
            markets: Vec::new(),
            market_ids: HashMap::new(),
            book_ids: HashMap::new(),
            early_books: HashMap::new(),
            oracles: HashMap::new(),
            oracle_markets: HashMap::new(),
            at_risk: HashSet::new(),
            now: Now { slot: 0, seconds: 0 },
        }
    }

    /// The exchange.
    pub fn exchange_key(&self) -> Pubkey {
        self.exchange_key
    }

    /// The exchange's account, once it was seen.
    pub fn exchange(&self) -> Option<&Exchange> {
        let (words, _) = self.exchange.as_ref()?;
        decode(sparse::bytes_of(words, Exchange::SPACE)).ok()
    }

    /// All margin accounts.
    pub fn accounts(&self) -> &AccountTable {
        &self.accounts
    }

    /// Room for so many margin accounts.
    pub fn reserve_accounts(&mut self, count: usize) {
        self.accounts.reserve(count);
    }

    /// All markets.
    pub fn markets(&self) -> impl Iterator<Item = &MarketEntry> {
        self.markets.iter().flatten()
    }

    /// A market.
    pub fn market(&self, key: &Pubkey) -> Option<&MarketEntry> {
        self.market_ids.get(key).and_then(|id| self.markets.get(*id as usize)).and_then(Option::as_ref)
    }

    /// The oracle accounts that markets name, whether they were seen or not.
    pub fn oracle_keys(&self) -> impl Iterator<Item = &Pubkey> {
        self.oracle_markets.keys()
    }

    /// The accounts that a call could do something to.
    pub fn at_risk(&self) -> &HashSet<AccountId> {
        &self.at_risk
    }

    /// Slot and time for which the store speaks.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Moves the clock; it does not go back.
    pub fn set_now(&mut self, now: Now) {
        if now.slot >= self.now.slot {
            self.now = now;
        }
    }

    /// Forgets the clock: after a resynchronisation with a node whose slots began anew.
    pub fn reset(&mut self) {
        *self = Self { now: Now { slot: 0, seconds: 0 }, ..Self::new(self.exchange_key) };
    }

    /// Puts in an account of the program, whatever type it is of. Empty data is a closed account.
    ///
    /// # Errors
    /// [`StoreError`]; the store is as before.
    pub fn put(&mut self, key: Pubkey, owner: &Pubkey, data: &[u8], slot: u64) -> Result<Put, StoreError> {
        if data.is_empty() {
            return Ok(self.remove(&key, slot));
        }
        let fault = |error| StoreError::Decode { account: key, error };
        if is::<MarginAccount>(data) {
            let words = words_of(data);
            let aligned = sparse::bytes_of(&words, data.len());
            let account: &MarginAccount = decode_owned(owner, aligned).map_err(fault)?;
            if account.exchange != self.exchange_key {
                return Ok(Put::NotWatched);
            }
            Ok(self.put_account(key, account, data, slot))
        } else if is::<Market>(data) {
            self.put_market(key, owner, data, slot)
        } else if is::<OrderBook>(data) {
            Ok(self.put_book(key, data, slot))
        } else if is::<Exchange>(data) && key == self.exchange_key {
            let words = words_of(data);
            decode_owned::<Exchange>(owner, sparse::bytes_of(&words, data.len())).map_err(fault)?;
            if self.exchange.as_ref().is_some_and(|(_, known)| *known > slot) {
                return Ok(Put::Late);
            }
            self.exchange = Some((words, slot));
            Ok(Put::Applied)
        } else {
            Ok(Put::NotWatched)
        }
    }

    fn put_account(&mut self, key: Pubkey, account: &MarginAccount, data: &[u8], slot: u64) -> Put {
        let id = self.accounts.find_or_add(&key);
        if self.accounts.slot(id) > slot {
            return Put::Late;
        }
        self.accounts.put(id, account, data, slot);
        note_risk(&mut self.at_risk, id, &mut self.accounts.rows[id as usize]);
        Put::Applied
    }

    fn put_market(&mut self, key: Pubkey, owner: &Pubkey, data: &[u8], slot: u64) -> Result<Put, StoreError> {
        let fault = |error| StoreError::Decode { account: key, error };
        let words = words_of(data);
        let market: &Market = decode_owned(owner, sparse::bytes_of(&words, data.len())).map_err(fault)?;
        if market.exchange != self.exchange_key {
            return Ok(Put::NotWatched);
        }
        let keys = MarketKeys {
            exchange: self.exchange_key,
            market: key,
            order_book: market.order_book,
            oracle: market.oracle_account,
        };
        let id = match self.market_ids.get(&key) {
            Some(id) => *id,
            None => self.add_market(keys, data, slot),
        };
        let Some(entry) = self.markets.get_mut(id as usize).and_then(Option::as_mut) else {
            return Ok(Put::NotWatched);
        };
        if entry.slot > slot {
            return Ok(Put::Late);
        }
        let old_oracle = entry.keys.oracle;
        entry.keys = keys;
        entry.put_data(data, slot);
        if old_oracle != keys.oracle {
            self.watch_oracle(id, Some(old_oracle), keys.oracle);
        }
        self.relink(id).map_err(fault)?;
        self.value(id);
        Ok(Put::Applied)
    }

    fn add_market(&mut self, keys: MarketKeys, data: &[u8], slot: u64) -> MarketId {
        let id = MarketId::try_from(self.markets.len()).unwrap_or(MarketId::MAX);
        let mut entry = MarketEntry::new(keys, data, slot);
        if let Some((book, book_slot)) = self.early_books.remove(&keys.order_book) {
            entry.put_book(&book, book_slot);
        }
        self.markets.push(Some(entry));
        self.market_ids.insert(keys.market, id);
        self.book_ids.insert(keys.order_book, id);
        self.watch_oracle(id, None, keys.oracle);
        id
    }

    fn watch_oracle(&mut self, id: MarketId, old: Option<Pubkey>, new: Pubkey) {
        if let Some(markets) = old.and_then(|old| self.oracle_markets.get_mut(&old)) {
            markets.retain(|other| *other != id);
        }
        self.oracle_markets.entry(new).or_default().push(id);
    }

    /// Seats whose owner has changed are taken off the old one and given to the new one.
    fn relink(&mut self, id: MarketId) -> Result<(), DecodeError> {
        let Some(entry) = self.markets.get_mut(id as usize).and_then(Option::as_mut) else { return Ok(()) };
        for (seat, noted, owner) in entry.moved_seats(|id| self.accounts.key(id))? {
            if noted != markets::NOBODY {
                entry.detach(seat, &mut self.accounts.rows[noted as usize]);
                note_risk(&mut self.at_risk, noted, &mut self.accounts.rows[noted as usize]);
                self.accounts.release_if_unused(noted);
            }
            if let Some(owner) = owner {
                let owner = self.accounts.find_or_add(&owner);
                entry.attach(seat, owner, &mut self.accounts.rows[owner as usize]);
            }
        }
        Ok(())
    }

    fn put_book(&mut self, key: Pubkey, data: &[u8], slot: u64) -> Put {
        let Some(entry) =
            self.book_ids.get(&key).and_then(|id| self.markets.get_mut(*id as usize)).and_then(Option::as_mut)
        else {
            self.early_books.insert(key, (data.to_vec(), slot));
            return Put::Applied;
        };
        if entry.book_slot > slot {
            return Put::Late;
        }
        entry.put_book(data, slot);
        Put::Applied
    }

    /// Puts in an oracle account and values every leg of its markets.
    pub fn put_oracle(&mut self, key: Pubkey, owner: Pubkey, data: &[u8], slot: u64) -> Put {
        if self.oracles.get(&key).is_some_and(|known| known.slot > slot) {
            return Put::Late;
        }
        let bytes = OracleBytes { owner, words: words_of(data), len: data.len(), slot };
        self.oracles.insert(key, bytes);
        let markets = self.oracle_markets.get(&key).cloned().unwrap_or_default();
        for id in markets {
            self.value(id);
        }
        Put::Applied
    }

    /// Values the legs of markets whose last valuation is so many slots old: funding runs, and a silent price freezes.
    pub fn refresh(&mut self, after_slots: u64) {
        let slot = self.now.slot;
        let due = |entry: &MarketEntry| slot >= entry.valued_slot.saturating_add(after_slots);
        let stale: Vec<MarketId> = (0u32..)
            .zip(&self.markets)
            .filter(|(_, entry)| entry.as_ref().is_some_and(due))
            .map(|(id, _)| id)
            .collect();
        for id in stale {
            self.value(id);
        }
    }

    /// What the price of a market is taken to be now.
    ///
    /// # Errors
    /// [`NoPrice`].
    pub fn price(&self, key: &Pubkey) -> Result<taper_engine::oracle::OraclePrice, NoPrice> {
        let entry = self.market(key).ok_or(NoPrice::Unseen)?;
        self.price_of(entry)
    }

    fn price_of(&self, entry: &MarketEntry) -> Result<taper_engine::oracle::OraclePrice, NoPrice> {
        let market = entry.market().map_err(|_| NoPrice::Unreadable)?;
        let decimals = self.exchange().ok_or(NoPrice::Unseen)?.quote_decimals;
        leg_price(market, &entry.keys.oracle, self.oracles.get(&entry.keys.oracle), decimals, self.now)
    }

    /// Values the legs of a market; leaves them as they are while it has no price: the program refuses calls that need it, too.
    fn value(&mut self, id: MarketId) {
        let Some(Some(entry)) = self.markets.get(id as usize) else { return };
        let Ok(price) = self.price_of(entry) else { return };
        let Some(Some(entry)) = self.markets.get_mut(id as usize) else { return };
        let at_risk = &mut self.at_risk;
        // What was put in has decoded.
        let _ = entry.value_legs(&mut self.accounts.rows, price, self.now.slot, |id, row| note_risk(at_risk, id, row));
    }

    /// Takes out an account that has been closed.
    fn remove(&mut self, key: &Pubkey, slot: u64) -> Put {
        if let Some(id) = self.accounts.find(key) {
            if self.accounts.slot(id) > slot {
                return Put::Late;
            }
            self.accounts.unload(id, slot);
            note_risk(&mut self.at_risk, id, &mut self.accounts.rows[id as usize]);
            return Put::Applied;
        }
        let Some(id) = self.market_ids.get(key).copied() else { return Put::NotWatched };
        let Some(mut entry) = self.markets.get_mut(id as usize).and_then(Option::take) else { return Put::NotWatched };
        for (seat, owner) in entry.taken_seats() {
            entry.detach(seat, &mut self.accounts.rows[owner as usize]);
            note_risk(&mut self.at_risk, owner, &mut self.accounts.rows[owner as usize]);
            self.accounts.release_if_unused(owner);
        }
        self.market_ids.remove(key);
        self.book_ids.remove(&entry.keys.order_book);
        if let Some(markets) = self.oracle_markets.get_mut(&entry.keys.oracle) {
            markets.retain(|other| *other != id);
        }
        Put::Applied
    }
}

/// Keeps the set of accounts at risk in step with a row.
#[inline]
fn note_risk(at_risk: &mut HashSet<AccountId>, id: AccountId, row: &mut Row) {
    let is_now = row.flags & flag::LOADED != 0 && row.is_at_risk();
    let was = row.flags & flag::AT_RISK != 0;
    if is_now == was {
        return;
    }
    row.flags ^= flag::AT_RISK;
    if is_now {
        at_risk.insert(id);
    } else {
        at_risk.remove(&id);
    }
}
