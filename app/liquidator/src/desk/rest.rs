//! Accounts of which nothing could be made are left alone for a while, but not when what they depend on has changed.

use solana_pubkey::Pubkey;
use taper::state::MarginAccount;
use taper_sdk::account::decode;

use crate::store::accounts::AccountId;
use crate::store::{sparse, Store};

/// Why an account that was left alone is looked at again. In order: what comes first has its turn first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wake {
    /// It rests no longer, or is worth something else than it was.
    Due,
    /// A book in which it has a position, or the market, has changed: there may be another depth for it now. Books change all the time, so
    /// whoever can do nothing but this does not keep others waiting.
    BookChanged,
}

/// Until when an account is left alone, and what was known of it.
#[derive(Clone)]
pub(super) struct Rest {
    until_slot: u64,
    equity_atoms: i64,
    cash_atoms: i64,
    markets: Vec<Pubkey>,
    changes: u64,
}

impl Rest {
    /// From now on, for so many slots.
    pub(super) fn of(store: &Store, id: AccountId, slots: u64) -> Self {
        let row = store.accounts().row(id);
        let words = store.accounts().unpack(id);
        let account = decode::<MarginAccount>(sparse::bytes_of(&words, MarginAccount::SPACE));
        let markets = account.map_or_else(|_| Vec::new(), |found| found.used_positions().map(|at| at.market).collect());
        Self {
            until_slot: store.now().slot.saturating_add(slots),
            equity_atoms: row.equity_atoms,
            cash_atoms: row.cash_atoms,
            changes: changes(store, &markets),
            markets,
        }
    }

    /// Why it is to be looked at again; `None` while it rests.
    pub(super) fn wake(&self, store: &Store, id: AccountId) -> Option<Wake> {
        let row = store.accounts().row(id);
        let is_as_it_was = (self.equity_atoms, self.cash_atoms) == (row.equity_atoms, row.cash_atoms);
        if self.until_slot <= store.now().slot || !is_as_it_was {
            Some(Wake::Due)
        } else if self.changes != changes(store, &self.markets) {
            Some(Wake::BookChanged)
        } else {
            None
        }
    }
}

/// Changes of these markets and their books; another number after any of them.
fn changes(store: &Store, markets: &[Pubkey]) -> u64 {
    markets.iter().filter_map(|market| store.market(market)).fold(0, |sum: u64, entry| sum.wrapping_add(entry.changes))
}
